#include "sidecar/daemon/vip_listeners.h"

#include "sidecar/text/address.h"

namespace herald {
namespace {

constexpr Duration kListenersShownFor = 2s;  // status asks for a thousand VIPs at once

std::vector<ListenerAddress> targets_of(const ServiceSpec& service) {
  std::vector<ListenerAddress> targets;
  for (const ProbeSpec& probe : service.probes) {
    if (probe.listens == Listens::nothing) continue;
    const auto kind = probe.listens == Listens::tcp ? SocketKind::tcp : SocketKind::udp;
    for (const ListenerAddress& one : listeners_of(probe.target, kind)) targets.push_back(one);
  }
  return targets;
}

}  // namespace

void VipListeners::watch(const std::vector<ServiceSpec>& services) {
  targets_.clear();
  for (const ServiceSpec& service : services) targets_.emplace(service.name, targets_of(service));
  looked_at_.reset();
}

std::optional<std::string> VipListeners::refusal(const std::string& service, const Vip& vip, TimePoint now) {
  const auto targets = targets_.find(service);
  if (targets == targets_.end() || targets->second.empty()) return std::nullopt;
  if (!looked_at_ || now - *looked_at_ >= kListenersShownFor) {
    auto listeners = Listeners::read();
    seen_ = listeners ? std::optional(*std::move(listeners)) : std::nullopt;
    looked_at_ = now;
  }
  if (!seen_) return std::nullopt;
  const Address address = address_of(vip);
  const auto elsewhere = seen_->only_elsewhere(address, targets->second);
  if (elsewhere.empty()) return std::nullopt;
  return refusal_text(address, elsewhere.front());
}

}  // namespace herald
