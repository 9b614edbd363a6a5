// What is read of an HTTP answer: the fields of its header that are asked for, and as much of its body as is needed.
//
// With nothing asked of the body, an answer is judged when its header is complete: what follows, or does not, says
// nothing of what was asked. Only for a connection that is to be kept, and to show the beginning of a page with a wrong
// status, the body is read. With something asked of the body, an answer counts once it is complete, or once max_body of
// it has come: what is longer is cut off there and judged as it is, so a body without an end costs no memory. What is
// expected must be within that (too_large if not).
//
// It refuses to know curl, a socket or the time: it is given line after line and piece after piece, with the status of
// the answer that they are of. The settings outlive it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "probes/http_expect.h"
#include "probes/http_settings.h"

namespace herald::probes {

// What may come of an answer, of whatever kind.
[[nodiscard]] std::uint64_t most_bytes(const HttpSettings& settings);

class HttpReader {
 public:
  explicit HttpReader(const HttpSettings& settings) : settings_(settings) {}

  // Of all answers that come: interim ones, redirects, the one that is judged, and its trailers. False where no more is
  // to be read: enough has come, or there is trouble.
  bool take_header(std::string_view line, std::uint32_t status);
  bool take_body(std::string_view piece, std::uint32_t status);

  // Of the answer that is judged.
  [[nodiscard]] bool is_header_whole() const { return is_header_whole_; }
  // Whether the body tells what was asked; else it is at most shown.
  [[nodiscard]] bool needs_body(std::uint32_t status) const;
  // The body has a length of its own, so that its end is known.
  [[nodiscard]] bool has_length() const { return has_length_; }
  // Some say "utf-8" for Content-Encoding, and mean the charset: such a body is taken as it is.
  [[nodiscard]] bool is_left_encoded() const { return is_left_encoded_; }
  // Enough of the answer has come.
  [[nodiscard]] bool is_stopped() const { return is_stopped_; }
  // What came is no answer that may be read.
  [[nodiscard]] const std::optional<ProbeResult>& trouble() const { return trouble_; }
  // Of header and body together.
  [[nodiscard]] std::size_t bytes() const { return header_bytes_ + body_bytes_; }
  [[nodiscard]] bool has_begun() const { return header_bytes_ > 0; }
  // To be judged, once; without what only the connection knows: status, latency, the certificate's end.
  [[nodiscard]] HttpAnswer take_answer() { return std::move(answer_); }

 private:
  void take_field(std::string_view name, std::string_view value);
  bool end_header(std::uint32_t status);
  [[nodiscard]] ProbeResult no_http(std::string_view beginning) const;

  const HttpSettings& settings_;
  HttpAnswer answer_;
  std::size_t header_bytes_ = 0;
  std::size_t body_bytes_ = 0;
  bool is_redirect_ = false;
  bool has_length_ = false;
  bool is_header_whole_ = false;
  bool is_left_encoded_ = false;
  bool is_stopped_ = false;
  std::optional<ProbeResult> trouble_;
};

}  // namespace herald::probes
