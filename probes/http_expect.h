// What an HTTP answer has to be, and the verdict on one: pure, it sees no socket and no curl.
//
// Judged in this order: status, headers, body. The `warn` conditions count once everything else is well,
// except warn.status, which says that a status is neither good nor a failure.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "probes/pattern.h"
#include "probes/result.h"
#include "sidecar/core/types.h"

namespace herald {

class ObjectReader;

namespace probes {

// Ranges of HTTP status codes, as written: "200-299" or [200, "300-399"].
struct StatusSet {
  struct Range {
    std::uint32_t first = 0;
    std::uint32_t last = 0;
    bool operator==(const Range&) const = default;
  };
  std::vector<Range> ranges;

  [[nodiscard]] bool contains(std::uint32_t status) const;
  bool operator==(const StatusSet&) const = default;
};
// "200, 300-399"
[[nodiscard]] std::string to_string(const StatusSet& statuses);

struct HeaderExpectation {
  std::string name;
  Pattern pattern;
  bool operator==(const HeaderExpectation&) const = default;
};

struct JsonExpectation {
  nlohmann::json::json_pointer pointer;
  nlohmann::json value;
  bool operator==(const JsonExpectation&) const = default;
};

struct HttpExpect {
  StatusSet status{{{200, 299}}};
  std::vector<HeaderExpectation> headers;
  std::string body_contains;
  std::optional<Pattern> body_matches;
  std::vector<JsonExpectation> json;

  StatusSet warn_status;
  std::vector<HeaderExpectation> warn_headers;
  std::optional<Duration> warn_latency;
  std::optional<Duration> warn_expiry;

  [[nodiscard]] bool needs_body() const { return !body_contains.empty() || body_matches || !json.empty(); }
  // Whether a header of this name is asked for.
  [[nodiscard]] bool wants_header(std::string_view name) const;
  // False for a status that is a failure whatever else the answer says.
  [[nodiscard]] bool accepts(std::uint32_t code) const {
    return status.contains(code) || warn_status.contains(code);
  }
  bool operator==(const HttpExpect&) const = default;
};

// Read `expect` and `warn` of a probe.
void read_expect(ObjectReader& keys, HttpExpect& expect);
void read_warn(ObjectReader& keys, HttpExpect& expect);

struct HttpAnswer {
  std::uint32_t status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // those that are asked for
  std::string body;     // all of it up to the cap if a body is asked for, else its beginning
  bool is_cut = false;  // there was more than the cap
  std::string
      encoding;  // as Content-Encoding has it, where it is not known and the body was taken as it came
  Duration latency{};
  std::optional<CertificateEnd> certificate_end;
};

[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b);

[[nodiscard]] ProbeResult judge(const HttpExpect& expect, const HttpAnswer& answer);

}  // namespace probes
}  // namespace herald
