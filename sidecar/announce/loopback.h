// The loopback lever: VIPs are addresses on an interface, and the routing stack redistributes them.
//
// It looks and it does single steps; what to do and when is the core's. It touches addresses of ours only:
// `add` never replaces what is there, and the core plans `refresh` and `remove` only for what a look showed
// as ours.
#pragma once

#include <expected>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "sidecar/core/address/address_plan.h"
#include "sidecar/core/config.h"
#include "sidecar/os/netlink.h"

namespace herald {

class LoopbackLever {
 public:
  // The VIPs of `services` are shown by look() even when they are not ours. Refuses what `mark` could not
  // recognise as ours afterwards; the error is a line for people.
  static std::expected<LoopbackLever, std::string> open(const std::vector<ServiceSpec>& services,
                                                        AddressMark mark = kernel_address_mark());

  [[nodiscard]] std::expected<Observation, std::string> look(TimePoint now);
  struct Applied {
    std::string error;       // a line for people; empty: done, or already so
    bool was_there = false;  // of an addition: whose it is, the next look tells
  };
  [[nodiscard]] Applied apply(const Step& step);

 private:
  LoopbackLever(AddressSocket socket, const std::vector<ServiceSpec>& services, AddressMark mark);
  [[nodiscard]] bool is_ours(const KernelAddress& address, bool configured) const;

  AddressSocket socket_;
  std::set<Address> vips_;
  AddressMark mark_;
};

// What heraldd --dry-run has instead: it looks for real and only pretends to act, so that the core goes on as
// if. It keeps what it has pretended, for nobody else knows any more what really differs.
class DryRun {
 public:
  void pretend(const Step& step, TimePoint now);
  [[nodiscard]] Observation overlay(Observation observed);
  // To the steps that the core still plans on top: those that were pretended, as far as the last look lacks them.
  void add_pretended(std::vector<Step>& steps) const;

 private:
  struct Pretended {
    Step step;
    ObservedAddress address;
  };
  [[nodiscard]] bool differs(const Step& step) const;

  std::map<AddressKey, Pretended> pretended_;
  std::map<AddressKey, bool> seen_;  // really; whether it is ours
};

}  // namespace herald
