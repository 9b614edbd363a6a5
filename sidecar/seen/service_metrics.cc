// Families of services and their VIPs.
#include <algorithm>
#include <array>

#include "sidecar/seen/metrics.h"

namespace herald::seen {
namespace {

using Service = Sample::Service;
using SeenVip = Sample::Vip;

template <typename Tell>
void each_service(const Sample& sample, Tell tell) {
  for (const Service& service : sample.services()) tell(service, *service.service);
}

template <typename Tell>
void each_vip(const Sample& sample, Tell tell) {
  for (const Service& service : sample.services()) {
    for (const SeenVip& vip : service.vips) tell(vip, *vip.vip);
  }
}

void tell_health(const Sample& sample, Text& text) {
  each_service(sample, [&](const Service& seen, const ServiceSnapshot& one) {
    tell_state(text, seen.labels, "state", one.health);
  });
}

void tell_health_since(const Sample& sample, Text& text) {
  each_service(sample, [&](const Service& seen, const ServiceSnapshot& one) {
    text.sample(seen.labels, sample.seconds(one.health_since));
  });
}

void tell_service_state(const Sample& sample, Text& text) {
  each_service(sample, [&](const Service& seen, const ServiceSnapshot& one) {
    tell_state(text, seen.labels, "state", one.state);
  });
}

void tell_since(const Sample& sample, Text& text) {
  each_service(sample, [&](const Service& seen, const ServiceSnapshot& one) {
    text.sample(seen.labels, sample.seconds(one.since));
  });
}

void tell_transitions(const Sample& sample, Text& text) {
  each_service(sample, [&](const Service& seen, const ServiceSnapshot& one) {
    for (const auto& [state, word] : words_of(one.state)) {
      std::string labels = seen.labels;
      add_label(labels, "state", word);
      text.sample(labels, one.turned.of(state));
    }
  });
}

void tell_admin(const Sample& sample, Text& text) {
  each_service(sample, [&](const Service& seen, const ServiceSnapshot& one) {
    tell_state(text, seen.labels, "state", one.admin.state);
  });
}

void tell_order_since(const Sample& sample, Text& text) {
  each_service(sample, [&](const Service& seen, const ServiceSnapshot& one) {
    if (one.admin.state != AdminState::automatic) text.sample(seen.labels, sample.seconds(one.admin.since));
  });
}

void tell_order_expires(const Sample& sample, Text& text) {
  each_service(sample, [&](const Service& seen, const ServiceSnapshot& one) {
    if (one.admin.state != AdminState::automatic && one.admin.expires)
      text.sample(seen.labels, sample.seconds(*one.admin.expires));
  });
}

void tell_as_wanted(const Sample& sample, Text& text) {
  each_service(sample, [&](const Service& seen, const ServiceSnapshot& one) {
    text.flag(seen.labels, is_as_wanted(one));
  });
}

void tell_penalty(const Sample& sample, Text& text) {
  each_service(sample, [&](const Service& seen, const ServiceSnapshot& one) {
    if (one.damping) text.sample(seen.labels, one.penalty);
  });
}

void tell_wanted(const Sample& sample, Text& text) {
  each_vip(sample, [&](const SeenVip& seen, const VipSnapshot& vip) { text.flag(seen.labels, vip.wanted); });
}

void tell_on_interface(const Sample& sample, Text& text) {
  if (sample.snapshot().observe_error) return;
  each_vip(sample,
           [&](const SeenVip& seen, const VipSnapshot& vip) { text.flag(seen.labels, vip.on_interface); });
}

void tell_foreign(const Sample& sample, Text& text) {
  if (sample.snapshot().observe_error) return;
  each_vip(sample, [&](const SeenVip& seen, const VipSnapshot& vip) { text.flag(seen.labels, vip.foreign); });
}

void tell_lease(const Sample& sample, Text& text) {
  each_vip(sample, [&](const SeenVip& seen, const VipSnapshot& vip) {
    if (vip.lease_until) text.sample(seen.labels, sample.seconds(*vip.lease_until));
  });
}

void tell_in_table(const Sample& sample, Text& text) {
  if (!sample.is_router_read()) return;
  each_vip(sample,
           [&](const SeenVip& seen, const VipSnapshot& vip) { text.flag(seen.labels, vip.route.in_rib); });
}

void tell_peers(Text& text, const SeenVip& seen, const std::vector<std::string>& peers, bool value) {
  for (const std::string& peer : peers) {
    std::string labels = seen.labels;
    add_label(labels, "peer", peer);
    text.flag(labels, value);
  }
}

void tell_advertised(const Sample& sample, Text& text) {
  if (!sample.is_router_read()) return;
  each_vip(sample, [&](const SeenVip& seen, const VipSnapshot& vip) {
    tell_peers(text, seen, vip.route.advertised_to, true);
    tell_peers(text, seen, vip.route.missing_from, false);
  });
}

void tell_denied(const Sample& sample, Text& text) {
  if (!sample.is_router_read()) return;
  each_vip(sample,
           [&](const SeenVip& seen, const VipSnapshot& vip) { tell_peers(text, seen, vip.denied_to, true); });
}

void tell_denied_fast(const Sample& sample, Text& text) {
  if (!sample.is_router_read() || !sample.snapshot().fast_withdraw) return;
  each_vip(sample,
           [&](const SeenVip& seen, const VipSnapshot& vip) { text.flag(seen.labels, vip.denied_fast); });
}

constexpr std::string_view kService = "service";
constexpr std::string_view kServiceState = "service, state";
constexpr std::string_view kVip = "service, prefix";
constexpr std::string_view kVipPeer = "service, prefix, peer";

constexpr std::array kServiceMetrics{
    Metric{{"herald_service_health", Type::gauge,
            "What the gates of the service say together: 1 for the state that holds, 0 for the others."},
           kServiceState,
           tell_health},
    Metric{{"herald_service_health_changed_timestamp_seconds", Type::gauge,
            "When the health became what it is, or herald's start."},
           kService,
           tell_health_since},
    Metric{{"herald_service_state", Type::gauge,
            "What herald does about the service: 1 for the state that holds, 0 for the others."},
           kServiceState,
           tell_service_state},
    Metric{{"herald_service_state_changed_timestamp_seconds", Type::gauge,
            "When the state became what it is, or herald's start."},
           kService,
           tell_since},
    Metric{{"herald_service_transitions_total", Type::counter, "How often the service came into that state."},
           kServiceState,
           tell_transitions},
    Metric{{"herald_service_admin", Type::gauge,
            "The operators' order that decides: 1 for the one that holds, 0 for the others."},
           kServiceState,
           tell_admin},
    Metric{{"herald_service_order_timestamp_seconds", Type::gauge,
            "When the order that decides (drain, force) was given; absent while the probes decide."},
           kService,
           tell_order_since},
    Metric{{"herald_service_order_expires_timestamp_seconds", Type::gauge,
            "When the order that decides ends by itself; absent where it does not."},
           kService,
           tell_order_expires},
    Metric{{"herald_service_as_wanted", Type::gauge,
            "Whether nothing has to be done: announced, healthy and seen so, or drained and gone."},
           kService,
           tell_as_wanted},
    Metric{{"herald_service_penalty", Type::gauge, "The penalty of damping; absent without damping."},
           kService,
           tell_penalty},
    Metric{{"herald_vip_wanted", Type::gauge, "Whether the VIP is to be announced."}, kVip, tell_wanted},
    Metric{{"herald_vip_on_interface", Type::gauge,
            "Whether herald's address is on the interface; absent while the kernel cannot be asked."},
           kVip,
           tell_on_interface},
    Metric{{"herald_vip_foreign", Type::gauge,
            "Whether an address equal to the VIP is there that is not herald's, and so left alone."},
           kVip,
           tell_foreign},
    Metric{{"herald_vip_lease_expires_timestamp_seconds", Type::gauge,
            "When the kernel removes the address unless herald renews its lease; absent without one."},
           kVip,
           tell_lease},
    Metric{{"herald_vip_in_table", Type::gauge,
            "Whether the router has the VIP in its BGP table; absent while the router does not answer."},
           kVip,
           tell_in_table},
    Metric{{"herald_vip_advertised", Type::gauge,
            "Whether an established peer is sent the VIP; absent while the router does not answer."},
           kVipPeer,
           tell_advertised},
    Metric{{"herald_vip_denied", Type::gauge, "1 where the fallback denies the VIP to the peer."},
           kVipPeer,
           tell_denied},
    Metric{{"herald_vip_denied_fast", Type::gauge,
            "Whether the list of the fast withdrawals denies the VIP; absent without router.fast_withdraw."},
           kVip,
           tell_denied_fast}};

}  // namespace

std::span<const Metric> service_metrics() {
  return kServiceMetrics;
}

}  // namespace herald::seen
