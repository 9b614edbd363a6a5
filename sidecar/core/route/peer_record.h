// Which sessions the router has, since when as far as it was seen, and what of that has changed: for people.
//
// It is told each read that was answered, and knows nothing at the first: what is so then was so before. A router that does
// not answer says nothing about its sessions. Of a session that is not established its states are all the same, and one that
// was lost and is back between two reads was not seen to be: what BIRD tells of a session wavers with the clock. It decides
// nothing, and refuses to know what is sent by the sessions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sidecar/core/route/router_view.h"
#include "sidecar/core/types.h"

namespace herald {

class PeerRecord {
 public:
  struct Change {
    enum class Kind : std::uint8_t { lost, back };

    std::string peer;
    Kind kind = Kind::lost;
    std::string from;  // the router's words
    std::string to;
    Duration lasted{};  // how long it was `from`, or how long that was seen

    bool operator==(const Change&) const = default;
  };

  struct Entry {
    RouterPeer last;
    TimePoint since{};         // that it turned, or was seen first
    std::uint64_t losses = 0;  // seen
  };
  using Entries = std::map<std::string, Entry>;

  // In the order of `peers`, then what is not among them any more.
  std::vector<Change> seen(const std::vector<RouterPeer>& peers, TimePoint now);
  // By address, of those that were there at the last read.
  [[nodiscard]] const Entries& entries() const { return entries_; }

 private:
  // before: null where the last answer did not have it.
  [[nodiscard]] std::optional<Change> change_of(const RouterPeer& peer, const Entry* before,
                                                TimePoint now) const;

  Entries entries_;
  bool is_first_ = true;
};

}  // namespace herald
