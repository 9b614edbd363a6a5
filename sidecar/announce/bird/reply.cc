#include "sidecar/announce/bird/reply.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace herald {
namespace {

constexpr std::size_t kCodeDigits = 4;
constexpr std::size_t kMostSaid = 300;  // a path and a message
constexpr std::string_view kDigits = "0123456789";

// "0003 Reconfigured", or with more to come "0009-herald4: disabled".
std::optional<BirdReply> coded_line(std::string_view line) {
  if (line.size() <= kCodeDigits || line.find_first_not_of(kDigits) != kCodeDigits) return std::nullopt;
  if (line[kCodeDigits] != ' ' && line[kCodeDigits] != '-') return std::nullopt;
  std::uint16_t code = 0;
  const std::string_view digits = line.substr(0, kCodeDigits);
  std::from_chars(digits.data(), digits.data() + digits.size(), code);
  return BirdReply{BirdCode{code}, std::string(line.substr(kCodeDigits + 1, kMostSaid))};
}

}  // namespace

std::string BirdReply::complaint() const {
  return fmt::format("birdc: {:04} {}", std::to_underlying(code), text);
}

std::expected<BirdReply, std::string> parse_bird_reply(std::string_view text) {
  // The greeting; and an end of which birdc prints nothing, so that the line before it is the last.
  constexpr BirdCode kGreeting{1};
  constexpr BirdCode kEnd{0};
  std::optional<BirdReply> reply;
  std::string_view words;  // without a code: birdc's own
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (auto last = coded_line(line)) {
      if (last->code != kGreeting && last->code != kEnd) reply = std::move(last);
    } else if (line.find_first_not_of(" \t\r") != std::string_view::npos && !kDigits.contains(line.front())) {
      words = line;
    }
  }
  if (reply) return std::move(*reply);
  if (words.empty()) return std::unexpected("birdc: no reply");
  return std::unexpected(fmt::format("birdc: {}", words.substr(0, kMostSaid)));
}

std::string bird_trial_reason() {
  return "an operator's `configure timeout` is not confirmed yet, and a `configure` of herald's would "
         "confirm it: herald "
         "waits for `birdc configure confirm` or `birdc configure undo`";
}

std::optional<std::string> blamed_file(std::string_view configuration_error) {
  // The first ":LINE:COLUMN " ends the name, which may have colons of its own.
  for (std::size_t colon = configuration_error.find(':'); colon != std::string_view::npos;
       colon = configuration_error.find(':', colon + 1)) {
    std::string_view rest = configuration_error.substr(colon + 1);
    const std::size_t line = std::min(rest.find_first_not_of(kDigits), rest.size());
    if (line == 0 || line == rest.size() || rest[line] != ':') continue;
    rest.remove_prefix(line + 1);
    const std::size_t column = std::min(rest.find_first_not_of(kDigits), rest.size());
    if (column == 0 || column == rest.size() || rest[column] != ' ') continue;
    return std::string(configuration_error.substr(0, colon));
  }
  return std::nullopt;
}

}  // namespace herald
