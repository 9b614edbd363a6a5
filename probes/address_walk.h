// Where an attempt stands among the addresses of its target, and the failure that stands if none of them answers.
//
// A failure at one address is not taken back by an address that this machine cannot use, as ::1 without IPv6: that is
// inconclusive, and where it comes first, nothing else is tried. It refuses to know what a failure is that the next
// address may mend: the probe says so by going on.
#pragma once

#include <cstddef>
#include <expected>
#include <functional>
#include <optional>

#include "probes/target.h"
#include "sidecar/core/types.h"

namespace herald::probes {

class AddressWalk {
 public:
  using Open = std::function<std::expected<void, ProbeResult>()>;

  explicit AddressWalk(Addresses addresses);

  // Without any, as on a unix socket, nothing is ever gone on to.
  [[nodiscard]] bool is_empty() const { return addresses_.empty(); }
  // The one that is tried; there is one.
  [[nodiscard]] const SocketAddress& address() const { return addresses_[tried_]; }

  // True where address() is the next one now: after `failure`, or one before it, there is another to try.
  bool go_on(const ProbeResult& failure);
  // Goes on until `open` succeeds at an address. The error is the failure that stands.
  std::expected<void, ProbeResult> next(ProbeResult failure, const Open& open);
  // What the attempt ends with, whose last address said `last`.
  [[nodiscard]] ProbeResult standing(ProbeResult last) const;

 private:
  Addresses addresses_;
  std::size_t tried_ = 0;
  std::optional<ProbeResult> failure_;  // the last that was one
};

}  // namespace herald::probes
