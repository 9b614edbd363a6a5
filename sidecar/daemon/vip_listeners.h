// Whether clients of a service find anybody at its VIPs: who listens at what its probes ask, and at 127.0.0.1 alone, passes them
// while every client of the VIP is refused. A proxy or a translation may hand on what nobody listens for; of those heraldd sees
// nothing (heraldctl doctor looks).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sidecar/core/config.h"
#include "sidecar/core/types.h"
#include "sidecar/os/listeners.h"

namespace herald {

class VipListeners {
 public:
  // At the start and after a reload.
  void watch(const std::vector<ServiceSpec>& services);
  // For people: "nobody listens at TCP port 8080 of 10.99.0.1, though somebody does at 127.0.0.1". None: somebody does, or it is
  // not known. A look is shown for two seconds.
  [[nodiscard]] std::optional<std::string> refusal(const std::string& service, const Vip& vip, TimePoint now);

 private:
  std::map<std::string, std::vector<ListenerAddress>, std::less<>> targets_;  // by service
  std::optional<Listeners> seen_;
  std::optional<TimePoint> looked_at_;
};

}  // namespace herald
