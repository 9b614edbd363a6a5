// The process-wide brake: when most of what is announced would be withdrawn together, and all that says so is that nobody
// answered in time, the fault may be herald's own, or that of one thing which they all share. Then the withdrawals
// are held back for a while, loudly, and carried out if nothing has changed by then.
//
//   free      nothing is held.
//   holding   until a moment that does not move. It ends before that when the shared target fails anybody otherwise than by
//             a timeout (refuses, answers wrongly): that is evidence; or when nothing fails any more. A good answer ends
//             nothing: it may be the first of a recovery, and who has heard it is about to come back.
//   spent     it has obeyed, and holds nothing again until that trouble is over: a brake delays once.
//
// It holds services, not the process: one whose gates fail for another reason than a timeout is never held, nor is
// anything held that is not announced, so that the brake announces nothing. What the operator says, a stop, and the
// removal of a service do not come this way at all.
//
// A dead target is noticed by the services that share it one after the other. What would be withdrawn together is
// therefore what is down, what has begun to fail, and what was withdrawn for the same within the time that it takes
// all of them to notice (detection_window).
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/core/config.h"
#include "sidecar/core/probe/health.h"

namespace herald {

// What the brake has to know of a service.
class Standing {
 public:
  Standing(const std::string& service, std::size_t vips, bool announced, bool automatic)
      : service_(&service), vips_(vips), announced_(announced), automatic_(automatic) {}

  // Each of its gates, then the rule over them.
  void count(const ProbeSpec& spec, const HealthTracker& tracker);
  void judge(const Require& require);

  [[nodiscard]] const std::string& service() const { return *service_; }
  [[nodiscard]] std::size_t vips() const { return vips_; }
  [[nodiscard]] bool announced() const { return announced_; }
  // It would be withdrawn, now or once what has begun to fail has failed often enough.
  [[nodiscard]] bool fails() const { return announced_ && automatic_ && fails_; }
  [[nodiscard]] bool is_down() const { return announced_ && automatic_ && down_; }
  // All that its failing gates say is that nobody answered in time.
  [[nodiscard]] bool is_timeout() const { return !hard_; }
  // What all of its failing gates ask; empty: not one thing, or not known.
  [[nodiscard]] std::string_view target() const { return target_; }

 private:
  const std::string* service_;
  std::size_t vips_;
  bool announced_;
  bool automatic_;  // neither forced nor drained
  std::size_t gates_ = 0;
  std::size_t failing_gates_ = 0;
  std::size_t down_gates_ = 0;
  bool hard_ = false;
  bool fails_ = false;
  bool down_ = false;
  std::string_view target_;
};

// How long it may take until everybody has noticed that a target is dead.
[[nodiscard]] Duration detection_window(std::span<const ServiceSpec> services);

class Brake {
 public:
  struct Picture {
    std::vector<Standing> services;
    std::set<std::string_view>
        answered;       // targets whose last word to somebody is a failure that is no timeout
    Duration window{};  // detection_window() of the services
  };
  struct Said {
    bool error = false;
    std::string text;
  };

  // herald's own loop was so late.
  void ran_late(Duration late, TimePoint now);
  // Once a turn. Returns what has to be told, when it begins to hold or ends. Without a spec the brake is off.
  std::optional<Said> decide(const std::optional<BrakeSpec>& spec, const Picture& picture, TimePoint now);
  [[nodiscard]] bool holds(const Standing& service) const;
  // It was withdrawn, for its gates.
  void withdrew(const Standing& service, TimePoint now);

  [[nodiscard]] std::optional<TimePoint> until() const { return until_; }
  [[nodiscard]] const std::string& why() const { return why_; }
  // While free, and nothing is down, there is nothing to decide.
  [[nodiscard]] bool is_free() const { return !until_ && !spent_; }

 private:
  struct Mass {
    std::size_t vips = 0;
    std::size_t services = 0;
    bool is_down = false;  // one of them
  };
  struct Withdrawn {
    TimePoint at{};
    std::string target;
  };

  void forget(const Picture& picture, TimePoint now);
  std::optional<Said> end(const Picture& picture, TimePoint now);
  std::optional<Said> begin(const BrakeSpec& spec, const Picture& picture, TimePoint now);
  Said hold(const BrakeSpec& spec, std::string target, std::string why, TimePoint now);
  [[nodiscard]] bool was_late() const;

  std::optional<TimePoint> until_;
  bool spent_ = false;
  std::string target_;  // while holding; empty: herald itself was late, and every timeout is held
  std::string why_;
  std::map<std::string, Withdrawn> withdrawn_;  // by service, within the window
  struct Late {
    TimePoint at{};
    Duration by{};
  };
  std::deque<Late> late_;
};

}  // namespace herald
