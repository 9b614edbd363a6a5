#include "sidecar/os/descriptor_reserve.h"

#include <fcntl.h>

namespace herald {
namespace {

void open_up_to(std::size_t count, std::vector<Fd>& files) {
  while (files.size() < count) {
    Fd file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!file) return;
    files.push_back(std::move(file));
  }
}

}  // namespace

DescriptorReserve::DescriptorReserve(std::size_t count) : most_(count) {
  kept_.reserve(count);
  keep();
}

void DescriptorReserve::lend() {
  std::vector<Fd> others;
  others.reserve(most_);
  open_up_to(most_, others);
  if (others.size() < most_) kept_.clear();
}

void DescriptorReserve::keep() {
  open_up_to(most_, kept_);
}

}  // namespace herald
