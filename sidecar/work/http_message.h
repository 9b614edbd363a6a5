// What heraldd and herald-http say to each other: heraldd says where to listen, and herald-http asks for what somebody wants to
// see. As in message.h, what comes from the other end is a stranger's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sidecar/core/types.h"

namespace herald::work {

// What there is to see.
enum class HttpView : std::uint8_t { health, metrics, openmetrics, services, status, why, history };
[[nodiscard]] constexpr auto words_of(HttpView) {
  using enum HttpView;
  return std::to_array<Word<HttpView>>({{health, "health"},
                                        {metrics, "metrics"},
                                        {openmetrics, "openmetrics"},
                                        {services, "services"},
                                        {status, "status"},
                                        {why, "why"},
                                        {history, "history"}});
}

// ---- orders: heraldd says them

// Listen there too, and accept nobody yet; the answer is HttpPrepared.
struct HttpPrepare {
  std::uint64_t ticket = 0;
  std::vector<std::string> listen;  // text/listen_address.h
};
// What was asked for last is where it listens from now on, as far as it could be prepared, and nowhere else.
struct HttpUse {};
// What was prepared is let go of.
struct HttpForget {};
// Answer to an HttpAsk: a part of what was asked for, and where the next one begins.
struct HttpPart {
  std::uint64_t ask = 0;
  bool found = true;  // false: there is nothing of that name, and `text` says so in a line for people
  std::optional<std::uint64_t> next;  // none: this was the last
  std::string text;
};
// Whether it is well; the answer is HttpPong.
struct HttpPing {
  std::uint64_t number = 0;
};
// Something has happened: for all who are told of events.
struct HttpEvent {
  std::string kind;  // a word
  std::string data;  // one line
};
using HttpOrder = std::variant<HttpPrepare, HttpUse, HttpForget, HttpPart, HttpPing, HttpEvent>;

// ---- reports: herald-http makes them

// The first one, and the same in every version.
struct HttpHello {
  std::string version;
};
struct HttpPrepared {
  std::uint64_t ticket = 0;
  std::vector<std::string> problems;  // lines for people: of those that could not be prepared
};
// `about`: the service of `why`, of kMostAbout bytes at most. `from`: 0, or HttpPart::next.
inline constexpr std::size_t kMostAbout = 256;
struct HttpAsk {
  std::uint64_t ask = 0;
  HttpView view = HttpView::health;
  std::string about;
  std::uint64_t from = 0;
};
struct HttpPong {
  std::uint64_t number = 0;
};
using HttpReport = std::variant<HttpHello, HttpPrepared, HttpAsk, HttpPong>;

void append(std::string& packet, const HttpOrder& order);
void append(std::string& packet, const HttpReport& report);

// The errors are lines for people.
[[nodiscard]] std::expected<std::vector<HttpOrder>, std::string> read_http_orders(std::string_view packet);
[[nodiscard]] std::expected<std::vector<HttpReport>, std::string> read_http_reports(std::string_view packet);

}  // namespace herald::work
