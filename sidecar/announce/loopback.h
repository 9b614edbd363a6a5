// The loopback lever: VIPs are addresses on an interface, and the routing stack redistributes them.
//
// It looks and it does single steps; what to do and when is the core's. It touches addresses of ours only:
// `add` never replaces what is there, and the core plans `refresh` and `remove` only for what a look showed
// as ours.
#pragma once

#include <expected>
#include <set>
#include <string>
#include <vector>

#include "sidecar/announce/address_lever.h"
#include "sidecar/core/config.h"
#include "sidecar/os/netlink.h"

namespace herald {

class LoopbackLever final : public AddressLever {
 public:
  // The VIPs of `services` are shown by look() even when they are not ours. Refuses what `mark` could not
  // recognise as ours afterwards; the error is a line for people.
  static std::expected<LoopbackLever, std::string> open(const std::vector<ServiceSpec>& services,
                                                        AddressMark mark = kernel_address_mark());

  [[nodiscard]] std::expected<Observation, std::string> look(TimePoint now) override;
  [[nodiscard]] StepOutcome apply(const Step& step) override;

 private:
  LoopbackLever(AddressSocket socket, const std::vector<ServiceSpec>& services, AddressMark mark);
  [[nodiscard]] bool is_ours(const KernelAddress& address, bool configured) const;

  AddressSocket socket_;
  std::set<Address> vips_;
  AddressMark mark_;
};

}  // namespace herald
