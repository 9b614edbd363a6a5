// What BIRD replies to a change, as `birdc -v` prints it: codes (BIRD's doc/reply_codes) beside the words. Pure.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace herald {

enum class BirdCode : std::uint16_t {
  reconfigured = 3,
  in_progress = 4,  // accepted, not finished: a protocol has to go down first
  queued = 5,       // accepted, behind one that is in progress
  already_disabled = 8,
  disabled = 9,
  already_enabled = 10,
  enabled = 11,
  status = 13,
  configuration_ok = 20,
  unconfirmed = 22,  // `configure status`: by `configure timeout`, and undone when that ends
  configuration_error = 8002
};

struct BirdReply {
  BirdCode code{};   // also others than those named
  std::string text;  // of the last line with a code, which decides

  // For people: "birdc: 8007 Access denied".
  [[nodiscard]] std::string complaint() const;
};

// The error is for people, in birdc's words where there are any.
[[nodiscard]] std::expected<BirdReply, std::string> parse_bird_reply(std::string_view text);

// Why herald does not configure while an operator's `configure timeout` runs, for people.
[[nodiscard]] std::string bird_trial_reason();

// Which file BIRD blames: "/etc/bird/bird.conf" of "/etc/bird/bird.conf:12:5 syntax error, unexpected '}'".
[[nodiscard]] std::optional<std::string> blamed_file(std::string_view configuration_error);

}  // namespace herald
