#include "probes/address_walk.h"

#include <utility>

namespace herald::probes {

AddressWalk::AddressWalk(Addresses addresses) : addresses_(std::move(addresses)) {}

bool AddressWalk::go_on(const ProbeResult& failure) {
  if (failure.verdict == Verdict::fail) failure_ = failure;
  if (!failure_ || tried_ + 1 >= addresses_.size()) return false;
  ++tried_;
  return true;
}

std::expected<void, ProbeResult> AddressWalk::next(ProbeResult failure, const Open& open) {
  while (go_on(failure)) {
    auto opened = open();
    if (opened) return opened;
    failure = std::move(opened.error());
  }
  return std::unexpected(standing(std::move(failure)));
}

ProbeResult AddressWalk::standing(ProbeResult last) const {
  return last.verdict != Verdict::fail && failure_ ? *failure_ : std::move(last);
}

}  // namespace herald::probes
