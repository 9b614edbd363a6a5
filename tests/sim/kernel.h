// The simulated kernel: addresses on interfaces, with lifetimes as Linux counts them, and herald's lever on it.
//
// As the real one (measured): what is left of a lifetime is told in whole seconds and rounded up; an address goes
// between 20 ms before and 250 ms after its time; `refresh` (NLM_F_REPLACE) makes an address that is not there, and
// takes over one that is somebody else's; `add` leaves alone what is there and calls that success.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sidecar/core/address/address_plan.h"
#include "sidecar/core/probe/schedule.h"

namespace herald::sim {

class Kernel {
 public:
  struct Entry {
    bool ours = false;
    std::optional<Duration> lifetime;  // none: permanent
    TimePoint set_at{};                // when the lifetime was last set
    TimePoint gone_at{};               // when the kernel removes it
  };

  explicit Kernel(std::uint64_t seed) : random_(seed) {}

  [[nodiscard]] Observation look(const std::set<Vip>& configured, TimePoint now) const;
  // The lever: empty when it worked.
  StepOutcome apply(const Step& step, TimePoint now);

  // What others do. Each returns whether something changed.
  bool put(const AddressKey& key, bool ours, std::optional<Duration> lifetime, TimePoint now);
  bool remove(const AddressKey& key);
  bool remove_interface(const std::string& name);
  bool restore_interface(const std::string& name);
  // Removes what has outlived its lifetime, and says what that was.
  std::vector<AddressKey> expire(TimePoint now);

  [[nodiscard]] const std::map<AddressKey, Entry>& addresses() const { return addresses_; }
  [[nodiscard]] const Entry* find(const AddressKey& key) const;
  [[nodiscard]] bool has(const Vip& vip) const;

 private:
  std::map<AddressKey, Entry> addresses_;
  std::set<std::string> missing_interfaces_;
  Random random_;
};

}  // namespace herald::sim
