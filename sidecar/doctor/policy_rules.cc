// What may leave, and what may come in.
#include <fmt/format.h>

#include "sidecar/doctor/examination.h"

namespace herald {
namespace {

// Without a policy FRR sends nothing and takes nothing, by RFC 8212; BIRD does not start without one.
bool requires_policy(const Examination& exam) {
  return exam.frr() && exam.router.frr.ebgp_requires_policy;
}

void check_outbound(Examination& exam, std::size_t family) {
  const auto unfiltered = exam.peers_where([&](const PeerFacts& peer) {
    const FamilyFacts& facts = peer.families.at(family);
    return facts.active && (facts.outbound_policy == false || facts.outbound_empty);
  });
  if (unfiltered.empty()) return;
  const std::string fix =
      exam.frr() ? "neighbor RS prefix-list ANYCAST out, with exactly the VIPs and a final deny; see " +
                       exam.render()
                 : "export a filter with exactly the VIPs; see " + exam.render();
  const bool empty =
      !exam.peers_where([&](const PeerFacts& peer) { return peer.families.at(family).outbound_empty; })
           .empty();
  if (requires_policy(exam) && !empty) {
    exam.error("outbound-policy",
               fmt::format("no outbound policy of {} toward {}", family_name(family), listed(unfiltered)),
               "bgp ebgp-requires-policy is on: without one bgpd sends nothing", fix);
    return;
  }
  exam.warn("outbound-policy",
            fmt::format("everything of {} may leave toward {}", family_name(family), listed(unfiltered)),
            empty ? "FRR takes a prefix-list without entries for \"all\""
                  : "whatever else gets into the table is announced too",
            fix);
}

void check_inbound(Examination& exam, std::size_t family) {
  const auto open = exam.peers_where([&](const PeerFacts& peer) {
    const FamilyFacts& facts = peer.families.at(family);
    return facts.active && facts.inbound_policy == false && !requires_policy(exam);
  });
  const std::string why =
      "routes of the network and VIPs of other regions enter this machine, whose traffic then leaves for "
      "them";
  const std::string fix =
      exam.frr() ? "route-map NOTHING deny 10, and neighbor RS route-map NOTHING in" : "import none";
  if (!open.empty()) {
    exam.error("inbound-open",
               fmt::format("everything of {} is accepted from {}", family_name(family), listed(open)), why,
               fix);
    return;
  }
  const auto accepting =
      exam.peers_where([&](const PeerFacts& peer) { return peer.families.at(family).accepted > 0; });
  if (!accepting.empty()) {
    exam.warn("inbound-open",
              fmt::format("routes of {} have been accepted from {}", family_name(family), listed(accepting)),
              "a policy lets them in: " + why, fix);
  }
}

void check_family(Examination& exam, std::size_t family) {
  if (!exam.has_vips(family)) return;
  const auto without = exam.peers_where([&](const PeerFacts& peer) {
    return peer.state != "not configured" && !peer.families.at(family).active;
  });
  if (without.empty()) return;
  exam.error("family",
             fmt::format("the session with {} does not carry {}", listed(without), family_name(family)),
             fmt::format("there are VIPs of {}, and they cannot be announced there", family_name(family)),
             exam.frr() ? "address-family " + std::string(family == kIpv6 ? "ipv6" : "ipv4") +
                              " unicast, neighbor RS activate"
                        : "give the protocol a channel of that family");
}

}  // namespace

void check_policies(Examination& exam) {
  for (const std::size_t family : {kIpv4, kIpv6}) {
    check_family(exam, family);
    check_outbound(exam, family);
    check_inbound(exam, family);
  }
}

}  // namespace herald
