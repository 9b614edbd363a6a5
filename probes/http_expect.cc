#include "probes/http_expect.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "probes/bytes.h"
#include "probes/result.h"
#include "sidecar/config/json_reader.h"
#include "sidecar/text/plain_text.h"

namespace herald::probes {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr std::uint32_t kLeastStatus = 100;
constexpr std::uint32_t kMostStatus = 599;
constexpr std::size_t kMostExpectations = 32;
constexpr std::size_t kLongestExpected = 65536;
// Deeper values than any health page has are dropped while parsing.
constexpr int kMostJsonDepth = 64;

std::optional<std::uint32_t> parse_status(std::string_view text) {
  std::uint32_t status = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), status);
  const bool complete = error == std::errc{} && end == text.data() + text.size();
  return complete && status >= kLeastStatus && status <= kMostStatus ? std::optional(status) : std::nullopt;
}

std::optional<StatusSet::Range> parse_range(const json& value) {
  const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  if (!value.is_string() && !value.is_number_unsigned()) return std::nullopt;
  const std::size_t dash = text.find('-');
  const auto first = parse_status(std::string_view(text).substr(0, dash));
  const auto last = dash == std::string::npos ? first : parse_status(std::string_view(text).substr(dash + 1));
  if (!first || !last || *first > *last) return std::nullopt;
  return StatusSet::Range{*first, *last};
}

void read_statuses(ObjectReader& keys, StatusSet& out) {
  const json* value = keys.value("status");
  if (value == nullptr) return;
  const json list = value->is_array() ? *value : json::array({*value});
  StatusSet statuses;
  for (std::size_t i = 0; i < std::min(list.size(), kMostExpectations); ++i) {
    if (const auto range = parse_range(list[i])) {
      statuses.ranges.push_back(*range);
      continue;
    }
    const std::string message =
        R"(must be a status such as 200 or a range such as "200-299", not )" + shown(list[i]);
    if (value->is_array()) {
      keys.fail_element("status", i, message);
    } else {
      keys.fail("status", message);
    }
  }
  if (list.empty() || list.size() > kMostExpectations) {
    keys.fail("status", fmt::format("must list 1 to {} statuses or ranges", kMostExpectations));
  }
  out = std::move(statuses);
}

bool too_many(ObjectReader& keys, std::string_view key, std::size_t count) {
  if (count <= kMostExpectations) return false;
  keys.fail(key, fmt::format("must have at most {} entries", kMostExpectations));
  return true;
}

void read_headers(ObjectReader& keys, std::vector<HeaderExpectation>& out) {
  auto headers = keys.object("headers");
  if (!headers || too_many(keys, "headers", headers->json().size())) return;
  for (const auto& item : headers->json().items()) {
    std::optional<Pattern> pattern;
    read_pattern(*headers, item.key(), pattern);
    if (pattern) out.push_back({item.key(), std::move(*pattern)});
  }
}

// An array index that no number can hold: the JSON library would throw when an answer has an array there.
bool has_huge_index(std::string_view pointer) {
  std::size_t digits = 0;
  for (const char c : pointer) {
    digits = c >= '0' && c <= '9' ? digits + 1 : 0;
    if (digits > 15) return true;
  }
  return false;
}

void read_json(ObjectReader& keys, std::vector<JsonExpectation>& out) {
  auto values = keys.object("json");
  if (!values || too_many(keys, "json", values->json().size())) return;
  for (const auto& item : values->json().items()) {
    if (has_huge_index(item.key())) {
      values->fail(item.key(), "has a number with more than 15 digits");
      continue;
    }
    try {
      out.push_back({json::json_pointer(item.key()), item.value()});
    } catch (const json::exception&) {
      values->fail(item.key(), R"(is not a JSON pointer such as "/status" or "/checks/0/state")");
    }
  }
}

std::string start_of(std::string_view body) {
  return body.empty() ? "" : ": " + quoted_start(body);
}

// A header may come more than once: one that matches is enough.
bool has_header(const HttpAnswer& answer, const HeaderExpectation& expected) {
  return std::ranges::any_of(answer.headers, [&](const auto& header) {
    return equal_ignoring_case(header.first, expected.name) && expected.pattern.is_in(header.second);
  });
}

std::string header_failure(const HttpAnswer& answer, const HeaderExpectation& expected) {
  const auto present = std::ranges::find_if(
      answer.headers, [&](const auto& header) { return equal_ignoring_case(header.first, expected.name); });
  if (present == answer.headers.end()) return fmt::format("no header {}", expected.name);
  return fmt::format("header {} does not match {}: {}", expected.name, quoted_start(expected.pattern.text()),
                     quoted_start(present->second));
}

ProbeResult body_failure(const HttpAnswer& answer, Reason reason, std::string_view what) {
  if (answer.is_cut) {
    return failed(Reason::too_large, fmt::format("{} within the first {} bytes", what, answer.body.size()));
  }
  const std::string encoding =
      answer.encoding.empty() ? ""
                              : fmt::format(", whose Content-Encoding is {}", quoted_start(answer.encoding));
  return failed(reason, fmt::format("{}{}{}", what, encoding,
                                    answer.body.empty() ? ", which is empty" : start_of(answer.body)));
}

std::string short_dump(const json& value) {
  return printable(value.dump(-1, ' ', false, json::error_handler_t::replace), 60);
}

const json* element_of(const json& list, const std::string& token) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), index);
  const bool is_index = error == std::errc{} && end == token.data() + token.size();
  const bool has_zeros = token.size() > 1 && token.front() == '0';
  return is_index && !has_zeros && index < list.size() ? &list[index] : nullptr;
}

// Not by json::contains() and at(): with "/a//b" and a list in `a` the one says yes and the other throws.
const json* find_at(const json& body, json::json_pointer pointer) {
  std::vector<std::string> tokens;  // the last first
  for (; !pointer.empty(); pointer.pop_back()) tokens.push_back(pointer.back());
  const json* found = &body;
  for (; found != nullptr && !tokens.empty(); tokens.pop_back()) {
    if (found->is_array()) {
      found = element_of(*found, tokens.back());
    } else {
      const auto member = found->find(tokens.back());
      found = member == found->end() ? nullptr : &*member;
    }
  }
  return found;
}

std::optional<ProbeResult> json_failure(const HttpExpect& expect, const HttpAnswer& answer) {
  if (expect.json.empty()) return std::nullopt;
  const auto shallow = [](int depth, json::parse_event_t, const json&) { return depth <= kMostJsonDepth; };
  const json body = json::parse(answer.body, shallow, false);
  if (body.is_discarded()) return body_failure(answer, Reason::json, "no JSON in the body");
  for (const auto& [pointer, value] : expect.json) {
    const json* found = find_at(body, pointer);
    if (found == nullptr) return failed(Reason::json, fmt::format("no {} in the body", pointer.to_string()));
    if (*found == value) continue;
    return failed(Reason::json, fmt::format("{} is {}, expected {}", pointer.to_string(), short_dump(*found),
                                            short_dump(value)));
  }
  return std::nullopt;
}

std::optional<ProbeResult> failure_of(const HttpExpect& expect, const HttpAnswer& answer) {
  if (!expect.accepts(answer.status)) {
    return failed(Reason::status, fmt::format("{}, expected {}{}", answer.status, to_string(expect.status),
                                              start_of(answer.body)));
  }
  for (const auto& header : expect.headers) {
    if (!has_header(answer, header)) return failed(Reason::header, header_failure(answer, header));
  }
  if (answer.body.find(expect.body_contains) == std::string::npos) {
    return body_failure(answer, Reason::body, "no " + quoted_start(expect.body_contains) + " in the body");
  }
  if (expect.body_matches && !expect.body_matches->is_in(answer.body)) {
    return body_failure(answer, Reason::body,
                        "nothing matches " + quoted_start(expect.body_matches->text()) + " in the body");
  }
  return json_failure(expect, answer);
}

std::optional<ProbeResult> warning_of(const HttpExpect& expect, const HttpAnswer& answer,
                                      const std::string& summary) {
  if (expect.warn_status.contains(answer.status)) return warned(Reason::status, summary);
  for (const auto& header : expect.warn_headers) {
    if (!has_header(answer, header)) continue;
    return warned(Reason::header, fmt::format("{}, header {} matches {}", summary, header.name,
                                              quoted_start(header.pattern.text())));
  }
  if (expect.warn_expiry && answer.certificate_end &&
      answer.certificate_end->remaining < *expect.warn_expiry) {
    return warned(Reason::expiry, fmt::format("{}, {}", summary, expiry_text(*answer.certificate_end)));
  }
  if (expect.warn_latency && answer.latency > *expect.warn_latency) {
    return warned(Reason::latency,
                  fmt::format("{}, slower than {}", summary, herald::to_string(*expect.warn_latency)));
  }
  return std::nullopt;
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

bool StatusSet::contains(std::uint32_t status) const {
  return std::ranges::any_of(ranges, [&](Range each) { return status >= each.first && status <= each.last; });
}

std::string to_string(const StatusSet& statuses) {
  std::string text;
  for (const auto [first, last] : statuses.ranges) {
    text += text.empty() ? "" : ", ";
    text += first == last ? fmt::format("{}", first) : fmt::format("{}-{}", first, last);
  }
  return text;
}

bool HttpExpect::wants_header(std::string_view name) const {
  const auto is_it = [&](const HeaderExpectation& each) { return equal_ignoring_case(each.name, name); };
  return std::ranges::any_of(headers, is_it) || std::ranges::any_of(warn_headers, is_it);
}

void read_expect(ObjectReader& keys, HttpExpect& expect) {
  auto object = keys.object("expect");
  if (!object) return;
  read_statuses(*object, expect.status);
  read_headers(*object, expect.headers);
  read_bytes(*object, "body_contains", expect.body_contains, kLongestExpected);
  read_pattern(*object, "body_matches", expect.body_matches);
  read_json(*object, expect.json);
  object->finish();
}

void read_warn(ObjectReader& keys, HttpExpect& expect) {
  auto object = keys.object("warn");
  if (!object) return;
  read_statuses(*object, expect.warn_status);
  read_headers(*object, expect.warn_headers);
  Duration latency{};
  if (object->read("latency", latency, 1ms, 1h)) expect.warn_latency = latency;
  object->finish();
}

ProbeResult judge(const HttpExpect& expect, const HttpAnswer& answer) {
  if (auto failure = failure_of(expect, answer)) return std::move(*failure);
  std::string summary = fmt::format("{} in {}", answer.status, in_milliseconds(answer.latency));
  if (auto warning = warning_of(expect, answer, summary)) return std::move(*warning);
  return passed(std::move(summary));
}

}  // namespace herald::probes
