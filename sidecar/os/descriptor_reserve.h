// Descriptors that are kept for what must not fail for want of them: few enough to cost nothing, each of a file of its own, so that
// it counts for the limit of the process (EMFILE) and for that of the machine (ENFILE).
//
//   lend()   lets go of them, where as many could not be had otherwise. What needs them is begun at once.
//   keep()   takes them back, as far as they can be had, once that has ended.
//
// While it is not whole nobody may have a descriptor who can do without.
//
// Make it early: a process may only have descriptors of low numbers when its limit is lowered under it.
#pragma once

#include <cstddef>
#include <vector>

#include "sidecar/os/fd.h"

namespace herald {

class DescriptorReserve {
 public:
  explicit DescriptorReserve(std::size_t count);

  void lend();
  void keep();

  [[nodiscard]] bool is_whole() const { return kept_.size() == most_; }
  [[nodiscard]] std::size_t count() const { return kept_.size(); }

 private:
  std::size_t most_;
  std::vector<Fd> kept_;
};

}  // namespace herald
