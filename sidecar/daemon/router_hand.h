// The router's lever at work for the core: what it is asked and told, and what is told of it. It watches for a sign that the
// router was restarted.
//
//   idle -> reading -> idle; idle or reading -> a batch is in flight -> idle
//
// A lever that is to take the place of the one in use (another configuration) does so when next asked while no batch is in
// flight: a read in flight ends with its lever, and the core does not wait for it any more; a batch is awaited. Without a
// lever (`router.stack` none) it is not asked anything. Descriptors are kept for it: a withdrawal must not fail for want of them.
// Loop, log and levers' maker outlive it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/announce/router/lever.h"
#include "sidecar/core/events.h"
#include "sidecar/os/descriptor_reserve.h"
#include "sidecar/os/file_watch.h"
#include "sidecar/os/log.h"
#include "sidecar/os/loop.h"

namespace herald {

class RouterHand {
 public:
  using Tell = std::function<void(const Event&)>;

  // `would`: before each step that is logged as done.
  RouterHand(Loop& loop, Log& log, std::string_view would, Tell tell);
  RouterHand(const RouterHand&) = delete;
  RouterHand& operator=(const RouterHand&) = delete;

  // The first lever, or the next one, which has the same socket.
  void use(std::unique_ptr<RouterLever> lever);

  void read();
  void apply(const effect::ApplyRoutes& effect);
  // It has the last descriptors, or somebody else has.
  [[nodiscard]] bool is_short() const { return !reserve_.is_whole(); }

  // See RouterLever.
  [[nodiscard]] RouteBatch outstanding(RouteBatch planned) const;
  [[nodiscard]] std::vector<std::string> commands(const RouteBatch& batch) const;

 private:
  void use_next();

  Loop& loop_;
  Log& log_;
  std::string_view would_;
  Tell tell_;
  DescriptorReserve reserve_;
  std::unique_ptr<RouterLever> lever_;
  std::unique_ptr<RouterLever> next_;
  bool batch_in_flight_ = false;
  std::optional<FileWatch> socket_;
};

}  // namespace herald
