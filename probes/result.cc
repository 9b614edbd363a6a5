#include "probes/result.h"

#include <fmt/format.h>

#include <cerrno>
#include <utility>

#include "sidecar/os/fd.h"
#include "sidecar/text/plain_text.h"

namespace herald::probes {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kQuotedLength = 60;

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

std::string quoted_start(std::string_view text) {
  return '"' + printable(text, kQuotedLength) + '"';
}

std::string in_milliseconds(Duration duration) {
  const double milliseconds = std::chrono::duration<double, std::milli>(duration).count();
  return milliseconds < 100 ? fmt::format("{:.1f} ms", milliseconds) : fmt::format("{:.0f} ms", milliseconds);
}

std::string expiry_text(const CertificateEnd& end) {
  const Duration size = end.remaining < Duration::zero() ? -end.remaining : end.remaining;
  const bool in_days = size >= 48h;
  const auto count = in_days ? size / 24h : size / 1h;
  const std::string span = fmt::format("{} {}{}", count, in_days ? "day" : "hour", count == 1 ? "" : "s");
  const std::string whose = end.issuer.empty() ? "" : " of the issuer " + quoted_start(end.issuer);
  return fmt::format(fmt::runtime(end.remaining < Duration::zero() ? "certificate{} expired {} ago"
                                                                   : "certificate{} expires in {}"),
                     whose, span);
}

}  // namespace herald::probes
