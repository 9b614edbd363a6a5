// The operators' orders about a service, as they stand beside each other: one drain of each person, and one force, of
// whoever said it last. What they come to together is one of them, the effective one: a drain beats a force, and of several
// drains that which ends last says when the service is back, so one without an end beats any with one.
//
// It knows no clock: an order that is over stands until it is taken out by expire().
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sidecar/core/types.h"

namespace herald {

class Orders {
 public:
  // A drain takes the place of the same person's, a force that of any; `automatic` is no order and is refused.
  void give(Admin admin);
  // Returns what has ended.
  std::vector<Admin> end(const Ends& ends);
  // Takes out one whose time is over, that which was over first.
  std::optional<Admin> expire(TimePoint now);

  // `automatic` where there is none.
  [[nodiscard]] const Admin& effective() const { return effective_; }
  // By when they were given.
  [[nodiscard]] const std::vector<Admin>& all() const { return all_; }
  // Of the first drain that still stands.
  [[nodiscard]] TimePoint drained_since() const;
  // When the next of them is over.
  [[nodiscard]] std::optional<TimePoint> next_end() const;

 private:
  void judge();

  std::vector<Admin> all_;
  Admin effective_;
};

// Whose they are and why: "root: kernel update", "root: kernel update; and by alice; and by bob: disks; and by 4 more".
[[nodiscard]] std::string text_of_drains(const std::vector<Admin>& orders);

}  // namespace herald
