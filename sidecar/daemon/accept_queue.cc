#include "sidecar/daemon/accept_queue.h"

#include <utility>

namespace herald {
namespace {

// Who did not look for so long does not know what came and went meanwhile.
constexpr Duration kUnseen = std::chrono::milliseconds(100);

}  // namespace

bool AcceptQueue::stalls(std::uint32_t waiting, Duration limit, TimePoint now) {
  const bool is_fewer = waiting < std::exchange(waiting_, waiting) || waiting == 0;
  const bool was_unseen = now - std::exchange(looked_at_, now) > kUnseen;
  if (is_fewer || was_unseen) since_ = now;
  if (is_fewer) is_said_ = false;
  if (waiting == 0 || now - since_ < limit) return false;
  return !std::exchange(is_said_, true);
}

}  // namespace herald
