// The ways to the targets of probes: that a link goes down, or an address or a route goes, becomes a nudge of the probes whose
// packets went by it.
//
//   watch(probes)      at the start and after a reload: whose targets these are
//   source_of(probe)   for people: "link eth0", "link eth0 (down)", "no route"; none: the target is on this machine, or a name, or
//                      none, or the kernel cannot be asked
//
// Its own state:
//
//   idle      no probe has such a target: nothing is opened.
//   waiting   until the kernel says that links, addresses or routes have changed.
//   looking   all ways are looked up again, kMostAtOnce in a turn of the loop, and compared with what they were.
//   resting   the kernel is not heard, for kRest at least and for as long as keeps it to a twentieth of a core.
//             What changes meanwhile is found by the look after it: a router may change a million routes at once.
//   without   there is no such socket, which is said once. Tried again every kTryAgain.
//
// A way that comes into being nudges nobody. A nudge is no evidence, as any other (core/probe/nudges.h).
#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sidecar/core/events.h"
#include "sidecar/os/loop.h"
#include "sidecar/os/way.h"

namespace herald {

class WayWatch {
 public:
  using Tell = std::function<void(const event::Nudged&)>;
  using Say = std::function<void(const std::string&)>;

  // Loop outlives it.
  WayWatch(Loop& loop, Tell tell, Say say);
  WayWatch(const WayWatch&) = delete;
  WayWatch& operator=(const WayWatch&) = delete;

  struct Watched {
    ProbeId probe{};
    const ProbeSpec* spec = nullptr;  // needed during the call alone
  };
  void watch(const std::vector<Watched>& probes);
  [[nodiscard]] std::optional<std::string> source_of(ProbeId probe) const;

 private:
  // What a probe's packets are like. Probes that send the same share a way.
  struct Sent {
    Address to;
    std::optional<Address> from;
    std::string device;
    std::uint32_t mark = 0;

    auto operator<=>(const Sent&) const = default;
  };
  struct Seen {
    std::set<ProbeId> probes;
    bool is_known = false;
    std::optional<Way> way;  // none: there is none
  };

  [[nodiscard]] static std::optional<Sent> sent_by(const ProbeSpec& spec);
  void open();
  void close();
  void hear();
  void look();
  void look_at(const Sent& sent, Seen& seen);
  [[nodiscard]] std::expected<std::optional<Way>, int> way_of(const Sent& sent);
  [[nodiscard]] std::optional<Nudge> change_of(const std::optional<Way>& before,
                                               const std::optional<Way>& now);
  void wake();

  Loop& loop_;
  Tell tell_;
  Say say_;
  bool is_said_ = false;
  std::map<Sent, Seen> ways_;
  std::map<ProbeId, Sent> sent_;
  std::optional<WayMonitor> monitor_;
  std::optional<WayLookup> lookup_;
  std::optional<Sent> looked_;  // up to this one, while looking
  bool is_looking_ = false;
  Duration looked_for_{};  // what the look has taken until now
  Source socket_;
  Source timer_;  // the rest of the look, the end of the rest, or the next try
};

}  // namespace herald
