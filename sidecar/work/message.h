// What heraldd and its workers say to each other: orders one way, reports the other, each a small value with a run id.
//
// A packet holds some of them, one after the other. Numbers are in the machine's own order, for both ends are on it; a text
// is its length (32 bits) and its bytes. What comes from the other end is a stranger's: reading checks every length and
// every enumeration, and has an error instead of a part of a packet.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sidecar/core/config.h"
#include "sidecar/core/types.h"

namespace herald::work {

// ---- orders: heraldd says them

// From now on `probe` is this. What is in flight of the former one ends untold.
struct Put {
  ProbeId probe{};
  ProbeSpec spec;  // name, type, socket, target and settings; the rest is heraldd's matter
};
// Whether a probe can be made: the answer is Tried, and nothing is kept of it.
struct Try {
  std::uint64_t ticket = 0;
  ProbeSpec spec;
};
struct Start {
  ProbeId probe{};
  RunId run{};
};
// The answer is Cancelled, or the Finished that was on its way.
struct Cancel {
  RunId run{};
};
// Addresses that herald puts on this machine and takes away again (probes/own_vips.h), from now on.
struct Vips {
  std::vector<std::string> addresses;
};
// From now on a connection to the target of `probe`, which was put, is kept, or is not any more. The reports are Held.
struct Hold {
  ProbeId probe{};
  bool is_wanted = false;
};
using Order = std::variant<Put, Try, Start, Cancel, Vips, Hold>;

// ---- reports: a worker makes them

// The first one, and the same in every version.
struct Hello {
  std::uint64_t network_namespace = 0;  // the inode of its namespace
  std::string version;
};
struct Tried {
  std::uint64_t ticket = 0;
  std::optional<std::string> problem;  // a line for people
};
struct Finished {
  RunId run{};
  ProbeResult result;
  Ran ran;
};
struct Cancelled {
  RunId run{};
  std::string stage;
  Ran ran;
};
// What has become of a connection that is to be kept.
enum class HeldChange : std::uint8_t {
  begun,  // it is there
  ended,  // it was, and the target or the network has ended it
  failed  // it could not be made, or not be kept
};
[[nodiscard]] constexpr auto words_of(HeldChange) {
  using enum HeldChange;
  return std::to_array<Word<HeldChange>>({{begun, "begun"}, {ended, "ended"}, {failed, "failed"}});
}
struct Held {
  ProbeId probe{};
  HeldChange change{};
  std::string text;  // a line for people: why there is none now
};
using Report = std::variant<Hello, Tried, Finished, Cancelled, Held>;

void append(std::string& packet, const Order& order);
void append(std::string& packet, const Report& word);

// The errors are lines for people.
[[nodiscard]] std::expected<std::vector<Order>, std::string> read_orders(std::string_view packet);
[[nodiscard]] std::expected<std::vector<Report>, std::string> read_reports(std::string_view packet);

}  // namespace herald::work
