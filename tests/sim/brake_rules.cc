#include "tests/sim/brake_rules.h"

#include <fmt/format.h>

#include "tests/sim/probe_rules.h"

namespace herald::sim {

void BrakeRules::settled(std::optional<TimePoint> until, std::size_t meant, std::size_t announced,
                         TimePoint now) {
  require(!until || spec_, "the brake holds, and it is off");
  require(!until || *until > now, "the brake holds beyond its time");
  if (until && until != until_) {
    require(*until == now + spec_->hold, "the brake holds for another time than `hold`");
    require(!until_ || now >= *until_, "a hold was made longer");
    require(meant >= spec_->least, "the brake holds fewer VIPs than `least`");
    require(static_cast<double>(meant) > spec_->share * static_cast<double>(announced),
            "the brake holds no more than `share` of what is announced");
  }
  until_ = until;
}

void BrakeRules::service(const std::string& name, bool held, TimePoint now) {
  if (!held) {
    held_since_.erase(name);
    return;
  }
  const TimePoint since = held_since_.try_emplace(name, now).first->second;
  require(now - since <= spec_->hold, fmt::format("service {}: held for too long", name));
}

}  // namespace herald::sim
