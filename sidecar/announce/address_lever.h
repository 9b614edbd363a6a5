// The addresses of this network namespace seen and steered: looks, and does single steps. What to do and when is the
// core's; a step touches nothing that is not herald's.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "sidecar/core/address/address_plan.h"

namespace herald {

class AddressLever {
 public:
  AddressLever() = default;
  AddressLever(const AddressLever&) = delete;
  AddressLever& operator=(const AddressLever&) = delete;
  virtual ~AddressLever() = default;

  // The error is a line for people.
  [[nodiscard]] virtual std::expected<Observation, std::string> look(TimePoint now) = 0;
  [[nodiscard]] virtual StepOutcome apply(const Step& step) = 0;
  // What really is still to be done, where the core plans these: more, by what was only pretended.
  [[nodiscard]] virtual std::vector<Step> outstanding(std::vector<Step> planned) const { return planned; }

 protected:
  AddressLever(AddressLever&&) = default;
  AddressLever& operator=(AddressLever&&) = default;
};

}  // namespace herald
