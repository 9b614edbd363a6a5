#include "probes/http_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace herald::probes {
namespace {

// Of all header lines together, interim answers and trailers too.
constexpr std::size_t kMostHeaderBytes = 65536;
// What else may come beside header and body: handshakes, the framing of chunks and of HTTP/2, bodies of redirects.
constexpr std::uint64_t kMostBeside = 131072;
// Kept of a body that nobody asked for, to be shown beside a wrong status.
constexpr std::size_t kBodyStart = 256;

bool is_known_encoding(std::string_view value) {
  return std::ranges::any_of(std::array{"gzip", "x-gzip", "deflate", "br", "zstd", "identity"},
                             [&](const char* name) { return equal_ignoring_case(value, name); });
}

}  // namespace

// Chunks of a few bytes each are as long again as what is in them.
std::uint64_t most_bytes(const HttpSettings& settings) {
  return kMostHeaderBytes + 2 * std::uint64_t{settings.max_body} + kMostBeside;
}

bool HttpReader::take_header(std::string_view line, std::uint32_t status) {
  header_bytes_ += line.size();
  if (header_bytes_ > kMostHeaderBytes) {
    trouble_ = failed(Reason::too_large, fmt::format("more than {} bytes of headers", kMostHeaderBytes));
    return false;
  }
  if (is_header_whole_) return true;  // trailers
  if (line.starts_with("HTTP/")) {    // of an interim answer, a redirect, or the answer itself
    answer_.headers.clear();
    answer_.encoding.clear();
    is_redirect_ = false;
    has_length_ = false;
    return true;
  }
  if (line == "\r\n" || line == "\n") return end_header(status);
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return true;
  std::string_view value = line.substr(colon + 1);
  constexpr std::string_view kSpace = " \t\r\n";
  value.remove_prefix(std::min(value.find_first_not_of(kSpace), value.size()));
  value = value.substr(0, value.find_last_not_of(kSpace) + 1);
  take_field(line.substr(0, colon), value);
  return true;
}

void HttpReader::take_field(std::string_view name, std::string_view value) {
  if (settings_.expect.wants_header(name)) answer_.headers.emplace_back(name, value);
  if (equal_ignoring_case(name, "location")) is_redirect_ = true;
  if (equal_ignoring_case(name, "content-length") || equal_ignoring_case(name, "transfer-encoding"))
    has_length_ = true;
  if (!equal_ignoring_case(name, "content-encoding") || is_known_encoding(value)) return;
  answer_.encoding = value;  // to be shown where the body does not match
  is_left_encoded_ = true;
}

bool HttpReader::needs_body(std::uint32_t status) const {
  return settings_.expect.needs_body() && settings_.expect.accepts(status);
}

// A body that nobody asked for may still be there with the header, for a kept connection or to be shown.
bool HttpReader::end_header(std::uint32_t status) {
  const bool is_interim = status < 200;
  const bool is_followed = settings_.follow_redirects > 0 && status >= 300 && status < 400 && is_redirect_;
  if (is_interim || is_followed) return true;
  is_header_whole_ = true;
  if (needs_body(status)) return true;
  is_stopped_ = settings_.expect.accepts(status) && !settings_.reuse;
  return !is_stopped_;
}

bool HttpReader::take_body(std::string_view piece, std::uint32_t status) {
  if (!has_begun()) {
    trouble_ = no_http(piece);
    return false;
  }
  if (!is_header_whole_) return true;  // of a redirect
  const std::size_t cap = needs_body(status) ? settings_.max_body : kBodyStart;
  answer_.body += piece.substr(0, cap - std::min(cap, answer_.body.size()));
  body_bytes_ += piece.size();
  answer_.is_cut = body_bytes_ > settings_.max_body;
  // A wrong status needs no more than a glance at its body.
  is_stopped_ = !settings_.expect.accepts(status) || answer_.is_cut;
  return !is_stopped_;
}

// What curl takes for HTTP/0.9, which has no header. A server of HTTP/2 alone begins with a frame of type SETTINGS.
ProbeResult HttpReader::no_http(std::string_view beginning) const {
  constexpr std::size_t kFrameHeader = 9;
  constexpr char kSettings = 4;
  const bool is_http_2 = beginning.size() >= kFrameHeader && beginning[0] == 0 && beginning[3] == kSettings &&
                         beginning.substr(5, 4) == std::string_view("\0\0\0\0", 4);
  if (is_http_2) return failed(Reason::protocol, http_2_alone(settings_));
  return failed(Reason::protocol, "not HTTP, unless it were HTTP/0.9: " + quoted_start(beginning));
}

}  // namespace herald::probes
