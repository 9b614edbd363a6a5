// What heraldd --dry-run has in place of levers that act: they look and read for real and only pretend to do, so that the
// core goes on as if. What was pretended is kept, for nobody else knows any more what really differs; it outlives the levers,
// which a reload makes anew.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sidecar/announce/address_lever.h"
#include "sidecar/announce/router/lever.h"
#include "sidecar/core/route/route_plan.h"
#include "sidecar/os/loop.h"

namespace herald {

class PretendedAddresses {
 public:
  void pretend(const Step& step, TimePoint now);
  [[nodiscard]] Observation overlay(Observation observed);
  // Those that were pretended, as far as the last look lacks them, and then those that the core still plans on top.
  [[nodiscard]] std::vector<Step> outstanding(std::vector<Step> planned) const;

 private:
  struct Pretended {
    Step step;
    ObservedAddress address;
  };
  [[nodiscard]] bool differs(const Step& step) const;

  std::map<AddressKey, Pretended> pretended_;
  std::map<AddressKey, bool> seen_;  // really; whether it is ours
};

class PretendedRoutes {
 public:
  void pretend(const RouteBatch& batch);
  [[nodiscard]] RouterView overlay(RouterView view);
  // Those that the core still plans on top, and then those that were pretended, as far as the last read lacks them.
  [[nodiscard]] RouteBatch outstanding(RouteBatch planned) const;

 private:
  [[nodiscard]] bool differs(const RouteStep& step) const;
  [[nodiscard]] bool differs(const FallbackStep& step) const;
  [[nodiscard]] bool differs(const DenialStep& step) const;

  std::map<Vip, RouteStep> steps_;
  std::map<std::string, FallbackStep> fallback_;
  std::map<Vip, DenialStep> denials_;
  RouterView read_;  // the last that was answered
};

// Around a lever that is asked only to look.
class DryRunAddresses final : public AddressLever {
 public:
  // `pretended` and `loop` outlive it.
  DryRunAddresses(std::unique_ptr<AddressLever> real, PretendedAddresses& pretended, Loop& loop)
      : real_(std::move(real)), pretended_(&pretended), loop_(&loop) {}

  [[nodiscard]] std::expected<Observation, std::string> look(TimePoint now) override;
  [[nodiscard]] StepOutcome apply(const Step& step) override;
  [[nodiscard]] std::vector<Step> outstanding(std::vector<Step> planned) const override;

 private:
  std::unique_ptr<AddressLever> real_;
  PretendedAddresses* pretended_;
  Loop* loop_;
};

// Around a lever that is asked only to read, and for its words.
class DryRunRoutes final : public RouterLever {
 public:
  // `pretended` and `loop` outlive it.
  DryRunRoutes(std::unique_ptr<RouterLever> real, PretendedRoutes& pretended, Loop& loop)
      : real_(std::move(real)), pretended_(&pretended), loop_(&loop) {}

  void read(OnView on_view) override;
  void apply(RouteBatch batch, OnApplied on_applied) override;
  [[nodiscard]] std::vector<std::string> commands(const RouteBatch& batch) const override;
  [[nodiscard]] RouteBatch outstanding(RouteBatch planned) const override;
  [[nodiscard]] std::string socket_path() const override { return real_->socket_path(); }

 private:
  void finish_read(RouterView view);
  void finish_apply();

  std::unique_ptr<RouterLever> real_;
  PretendedRoutes* pretended_;
  Loop* loop_;
  OnView on_view_;  // none: no read is in flight, or it was given up
  OnApplied on_applied_;
  std::size_t applied_ = 0;  // how many steps on_applied_ is told of
  Source later_;
};

}  // namespace herald
