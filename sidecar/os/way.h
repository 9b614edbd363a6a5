// Where this machine sends what goes to an address, as the kernel would: by which link, from which address, or nowhere. And a
// socket that says when that may be another now. Neither needs a right.
//
//   WayLookup    one answer takes some 10 microseconds, of a way two; the kernel answers before send() returns.
//   WayMonitor   links, addresses and routes have changed. What has is not read: who hears of it looks again, so that a message that
//                is lost, forged or repeated is worth as much as any. There may be a flood of them (a full table that comes
//                or goes): its queue is small, and what does not fit is dropped by the kernel.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>

#include "sidecar/os/fd.h"
#include "sidecar/os/link_message.h"
#include "sidecar/os/route_message.h"

struct nlmsghdr;

namespace herald {

struct Way {
  Link link;
  bool is_running = false;  // the link is up, and has its carrier
  std::optional<Address> from;

  bool operator==(const Way&) const = default;
};

class WayLookup {
 public:
  static std::expected<WayLookup, std::string> open();

  // The errors are errno values: the kernel cannot be asked. None: it has no such thing.
  [[nodiscard]] std::expected<std::optional<Way>, int> find(const Packet& packet);
  struct LinkState {
    Link link;
    bool is_running = false;
  };
  [[nodiscard]] std::expected<std::optional<LinkState>, int> link(std::uint32_t index);
  [[nodiscard]] std::expected<std::optional<LinkState>, int> link(const std::string& name);

 private:
  explicit WayLookup(Fd fd) : fd_(std::move(fd)) {}
  // Calls `take` with the one message that answers. False: the answer is that there is none.
  template <typename Take>
  std::expected<bool, int> ask(nlmsghdr* question, const Take& take);
  std::expected<std::optional<LinkState>, int> link_by(nlmsghdr* question);

  Fd fd_;
  std::uint32_t sequence_ = 0;
};

class WayMonitor {
 public:
  static std::expected<WayMonitor, std::string> open();

  [[nodiscard]] int fd() const { return fd_.get(); }
  // Reads what has come, or the beginning of it. True when there was something, if only that something was lost.
  [[nodiscard]] bool drain();

 private:
  explicit WayMonitor(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

}  // namespace herald
