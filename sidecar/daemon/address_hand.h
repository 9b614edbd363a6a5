// The addresses' lever at work for the core: looks, single steps, and a watch on what the kernel tells of changes. Loop, log
// and levers' maker outlive it.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/announce/address_lever.h"
#include "sidecar/core/events.h"
#include "sidecar/os/log.h"
#include "sidecar/os/loop.h"
#include "sidecar/os/netlink.h"

namespace herald {

class AddressHand {
 public:
  using Tell = std::function<void(const Event&)>;

  // `would`: before each step that is logged as done.
  AddressHand(Loop& loop, Log& log, std::string_view would, Tell tell);
  AddressHand(const AddressHand&) = delete;
  AddressHand& operator=(const AddressHand&) = delete;

  // Begins to watch. The error is a line for people.
  [[nodiscard]] std::expected<void, std::string> open();
  // From now on by this one. Needed before anything below.
  void use(std::unique_ptr<AddressLever> lever) { lever_ = std::move(lever); }

  void observe(const effect::Observe& effect);
  void apply(const effect::Apply& effect);

  // A look has succeeded.
  [[nodiscard]] bool has_observed() const { return observed_; }
  // See AddressLever.
  [[nodiscard]] std::vector<Step> outstanding(std::vector<Step> planned) const;

 private:
  Loop& loop_;
  Log& log_;
  std::string_view would_;
  Tell tell_;
  std::unique_ptr<AddressLever> lever_;
  bool observed_ = false;
  std::optional<AddressMonitor> monitor_;
  Source watch_;
};

}  // namespace herald
