// What has to survive a restart and a reboot: operators' orders about services, and the penalties of damping. One JSON
// file, replaced atomically: after a crash at any moment it holds the old state or the new one, whole.
//
// A file that cannot be understood (torn by the disk, written by a newer herald, edited by hand) is kept aside and
// reported, and then nothing in it can be ruled out: any service may have been drained.
//
// Upgrades and their undoing must not drain anything: what is added is a key, which an older herald ignores and whose
// absence a newer one takes for none. `version` rises only where an older herald must not read on; every lower one is
// still read.
//
// Older versions know one order of a service, and read `admins`: it has the one that decides, and `orders` all, where there are
// several. What an older version writes has no `orders`; a list that does not come to what `admins` says is not believed.
//
// When an order ends is kept by two clocks. Within a boot that of the boot counts: a wall clock that is stepped moves nothing.
// Over a reboot only the wall clock goes on.
#pragma once

#include <chrono>
#include <expected>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sidecar/core/types.h"
#include "sidecar/state/write_order.h"
#include "sidecar/text/clocks.h"

namespace herald {

using WallClock = std::chrono::system_clock;

struct KeptAdmin {
  AdminState state = AdminState::automatic;
  std::string reason;
  std::string who;
  WallClock::time_point since;  // to the millisecond
  std::optional<WallClock::time_point> expires;
  // The same to the millisecond, by a clock that nobody steps: it counts within that boot. Files of before it was kept, and
  // orders where the boot was not known, have none.
  std::optional<BootMoment> boot_expires = {};
  // The same on the core's clock: of this run, and not in the file.
  std::optional<TimePoint> ends = {};

  bool operator==(const KeptAdmin&) const = default;
};

// Of a withdrawal; see Flaps.
struct KeptFlaps {
  WallClock::time_point withdrawn_at;  // to the millisecond
  double penalty = 0;
  bool suppressed = false;

  bool operator==(const KeptFlaps&) const = default;
};

struct KeptState {
  // By service, also of those that are not configured at the moment: the orders that stand, at least one, by when they were
  // given.
  std::map<std::string, std::vector<KeptAdmin>> admins;
  std::map<std::string, KeptFlaps> flaps;  // the same

  bool operator==(const KeptState&) const = default;
};

class StateFile {
 public:
  explicit StateFile(const std::filesystem::path& directory) : file_(directory / "state.json") {}

  // It changes nothing. No file is an empty state: nobody has said anything yet. The error, a line for people, is that the
  // file cannot be understood.
  [[nodiscard]] std::expected<KeptState, std::string> load() const;
  // Keeps what cannot be understood beside the file that saving() writes: by a second name, not by a move, for until
  // there is a new file in its place, the next start has to find it too.
  [[nodiscard]] WriteOrder keeping_aside() const;
  // Carried out once the state is on the disk; after an error the old one still is.
  [[nodiscard]] WriteOrder saving(const KeptState& state) const;

  [[nodiscard]] const std::filesystem::path& path() const { return file_; }

 private:
  std::filesystem::path file_;
};

// Exposed for tests and fuzzing.
[[nodiscard]] std::string render_state(const KeptState& state);
[[nodiscard]] std::expected<KeptState, std::string> parse_state(const std::string& text);

}  // namespace herald
