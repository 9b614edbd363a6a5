// A stream of packets between heraldd and a worker, on the loop: each end collects what it has to say and sends it once a turn,
// or a little later, in one piece, so that a hundred attempts cost one system call.
//
// A packet is its length (32 bits) and its bytes. Nothing here waits: what the other end does not take stays here, and when
// that is too much, or a packet is too long, or the other end is gone, the channel is over and says so, once. The Loop must
// outlive it; either callback may destroy it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "sidecar/os/fd.h"
#include "sidecar/os/loop.h"

namespace herald::work {

class Channel {
 public:
  // In bytes. A probe's settings are the longest thing that is said.
  static constexpr std::size_t kLongestPacket = 8U << 20U;
  static constexpr std::size_t kMostUnsent = 4 * kLongestPacket;
  // What has been collected is sent before more is added to it.
  static constexpr std::size_t kPiece = 1U << 20U;

  using OnPacket = std::function<void(std::string_view packet)>;
  using OnEnd = std::function<void(const std::string& why)>;

  Channel(Loop& loop, Fd fd, OnPacket on_packet, OnEnd on_end);
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel();

  // Of the packet that the end of the turn sends; a message is appended to it.
  [[nodiscard]] std::string& next();
  // The same of what may wait for others: it is sent within kPatience. Who is woken once for many costs less.
  static constexpr Duration kPatience = std::chrono::milliseconds(5);
  [[nodiscard]] std::string& soon();
  // Now, and not at the end of the turn.
  void flush();

 private:
  void on_ready(std::uint32_t events);
  [[nodiscard]] bool receive();
  [[nodiscard]] bool deliver();
  void make_room();
  void send();
  void fail_soon(std::string why);
  void end(std::string why);

  Loop& loop_;
  Fd fd_;
  OnPacket on_packet_;
  OnEnd on_end_;
  std::string next_;
  std::string unsent_;
  std::size_t sent_ = 0;  // of unsent_
  std::string received_;
  std::string failure_;  // to be told by the loop, not from within a call
  bool waits_for_room_ = false;
  bool is_due_ = false;
  bool* gone_ = nullptr;  // set where this is destroyed by a callback
  Source source_;
  Source turn_end_;
  Source held_;  // what may wait for others is waiting
  Source soon_;
};

}  // namespace herald::work
