// The connections that wait at a listener, as they are seen again and again: whether none of them is accepted any more.
//
// A process that runs takes them within a fraction of a millisecond, so that they are seldom seen at all. One that is stopped or hangs
// leaves them waiting, and more come. It is a reason to look, and never evidence: a busy process may take a while.
#pragma once

#include <cstdint>

#include "sidecar/core/types.h"

namespace herald {

class AcceptQueue {
 public:
  // So many wait now. True: some wait, and for `limit` they were never fewer. That is said once, until there are fewer again.
  [[nodiscard]] bool stalls(std::uint32_t waiting, Duration limit, TimePoint now);

 private:
  std::uint32_t waiting_ = 0;
  TimePoint since_{};  // they were fewer, or nobody looked
  TimePoint looked_at_{};
  bool is_said_ = false;
};

}  // namespace herald
