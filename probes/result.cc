#include "probes/result.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdint>
#include <utility>

#include "sidecar/os/fd.h"

namespace herald::probes {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kQuotedLength = 60;
constexpr std::string_view kReplacement = "?";

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

// The length of the well-formed and printable character that `text` begins with, 0 if there is none.
std::size_t character_length(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return first >= 0x20 && first != 0x7F ? 1 : 0;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  std::uint32_t code = first & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if (!is_continuation(text[i])) return 0;
    code = code << 6U | (static_cast<unsigned char>(text[i]) & 0x3FU);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  // C1 controls, line separators, and the marks that reorder a line.
  const bool control =
      code < 0xA0 || (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
  return overlong || surrogate || control || code > 0x10FFFF ? 0 : length;
}

Reason reason_of(int error) {
  switch (error) {
    case ECONNREFUSED:
      return Reason::refused;
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:
      return Reason::reset;
    case ETIMEDOUT:
      return Reason::timeout;
    case EADDRNOTAVAIL:  // no free port, or the source address is gone
    case EADDRINUSE:
    case EAGAIN:  // no free port for a datagram socket
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case ENOSPC:
    case EPERM:   // this machine's own firewall, on the way out
    case ENODEV:  // bind_device is not there
    case EAFNOSUPPORT:
      return Reason::local;
    default:  // ENETUNREACH, EHOSTUNREACH, ENETDOWN; EACCES of ICMP or a route of type prohibit, EINVAL of a
              // blackhole, and what ICMP may say besides
      return Reason::unreachable;
  }
}

}  // namespace

ProbeResult passed(std::string detail) {
  return {Verdict::pass, Reason::none, std::move(detail), {}};
}

ProbeResult warned(Reason reason, std::string detail) {
  return {Verdict::warn, reason, std::move(detail), {}};
}

ProbeResult failed(Reason reason, std::string detail) {
  return {Verdict::fail, reason, std::move(detail), {}};
}

ProbeResult local_trouble(std::string detail) {
  return {Verdict::inconclusive, Reason::local, std::move(detail), {}};
}

ProbeResult network_result(std::string_view attempted, int error) {
  const Reason reason = reason_of(error);
  const Verdict verdict = reason == Reason::local ? Verdict::inconclusive : Verdict::fail;
  return {verdict, reason, system_error_text(attempted, error), {}};
}

ProbeResult unix_socket_result(std::string_view attempted, int error) {
  if (error == EACCES) return local_trouble(system_error_text(attempted, error));
  if (error == EAGAIN) return failed(Reason::unreachable, system_error_text(attempted, error));
  return network_result(attempted, error);
}

std::string printable(std::string_view text, std::size_t most) {
  std::string line;
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    const std::string_view shown = length > 0 ? text.substr(0, length) : kReplacement;
    if (line.size() + shown.size() > most) return line + "...";
    line += shown;
    text.remove_prefix(length > 0 ? length : 1);
  }
  return line;
}

std::string quoted_start(std::string_view text) {
  return '"' + printable(text, kQuotedLength) + '"';
}

std::string in_milliseconds(Duration duration) {
  const double milliseconds = std::chrono::duration<double, std::milli>(duration).count();
  return milliseconds < 100 ? fmt::format("{:.1f} ms", milliseconds) : fmt::format("{:.0f} ms", milliseconds);
}

std::string expiry_text(Duration remaining) {
  const Duration size = remaining < Duration::zero() ? -remaining : remaining;
  const bool in_days = size >= 48h;
  const auto count = in_days ? size / 24h : size / 1h;
  const std::string span = fmt::format("{} {}{}", count, in_days ? "day" : "hour", count == 1 ? "" : "s");
  return remaining < Duration::zero() ? "certificate expired " + span + " ago"
                                      : "certificate expires in " + span;
}

}  // namespace herald::probes
