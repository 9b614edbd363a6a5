// What may leave, and what may come in.
#include <fmt/format.h>

#include "sidecar/core/route/fast_withdraw.h"
#include "sidecar/doctor/examination.h"

namespace herald {
namespace {

// Without a policy FRR sends nothing and takes nothing, by RFC 8212; BIRD does not start without one.
bool requires_policy(const Examination& exam) {
  return exam.frr() && exam.router.frr.ebgp_requires_policy;
}

std::string why_open(const Examination& exam, std::size_t family, bool empty) {
  const auto by_herald = exam.peers_where(
      [&](const PeerFacts& peer) { return peer.families.at(family).outbound_list == kFastList; });
  if (!by_herald.empty()) return fmt::format("prefix-list {} is herald's, and permits all", kFastList);
  return empty ? "FRR takes a prefix-list without entries for \"all\""
               : "whatever else gets into the table is announced too";
}

void check_outbound(Examination& exam, std::size_t family) {
  const auto unfiltered = exam.peers_where([&](const PeerFacts& peer) {
    const FamilyFacts& facts = peer.families.at(family);
    // herald's list permits all but what it denies for a moment.
    const bool is_open = facts.outbound_list == kFastList;
    return facts.active && (facts.outbound_policy == false || facts.outbound_empty || is_open);
  });
  if (unfiltered.empty()) return;
  const std::string fix =
      exam.frr() ? "neighbor RS prefix-list ANYCAST out, with exactly the VIPs and a final deny; see " +
                       exam.render()
                 : "export a filter with exactly the VIPs; see " + exam.render();
  const bool empty = !exam.peers_where([&](const PeerFacts& peer) {
                            return peer.families.at(family).outbound_empty ||
                                   peer.families.at(family).outbound_list == kFastList;
                          })
                          .empty();
  if (requires_policy(exam) && !empty) {
    exam.error("outbound-policy",
               fmt::format("no outbound policy of {} toward {}", family_name(family), listed(unfiltered)),
               "bgp ebgp-requires-policy is on: without one bgpd sends nothing", fix);
    return;
  }
  exam.warn("outbound-policy",
            fmt::format("everything of {} may leave toward {}", family_name(family), listed(unfiltered)),
            why_open(exam, family, empty), fix);
}

void check_inbound(Examination& exam, std::size_t family) {
  const auto open = exam.peers_where([&](const PeerFacts& peer) {
    const FamilyFacts& facts = peer.families.at(family);
    return facts.active && facts.inbound_policy == false && !requires_policy(exam);
  });
  const std::string why =
      "routes of the network and VIPs of other regions enter this machine, whose traffic then leaves for "
      "them";
  // A machine that reaches its peers by what they announce must not be told to refuse all of it.
  const std::string fix =
      exam.frr() ? "neighbor RS route-map IN in, with an entry that denies the VIPs first; one that denies "
                   "everything "
                   "(`heraldctl render frr` prints it) only where this machine needs no route of its peers"
                 : "an import filter that rejects the VIPs first; `import none` only where this machine "
                   "needs no route of its "
                   "peers";
  const auto learned = exam.vips_where([&](const ServiceSpec&, const Vip& vip) {
    return family_of(vip) == family && !exam.facts_of(vip).learned_from.empty();
  });
  if (!learned.empty()) {
    exam.error("inbound-open", fmt::format("{} accepted from a peer", listed(learned)), why, fix);
    return;
  }
  if (!open.empty()) {
    exam.warn("inbound-open",
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

// What it runs over.
std::size_t family_of_session(const PeerFacts& peer) {
  return peer.address.contains(':') ? kIpv6 : kIpv4;
}

void check_family(Examination& exam, std::size_t family) {
  if (!exam.has_vips(family)) return;
  // Some have a session over IPv4 for IPv4, and one over IPv6 for IPv6.
  const bool own_session = !exam.peers_where([&](const PeerFacts& peer) {
                                  return family_of_session(peer) == family && peer.families.at(family).active;
                                })
                                .empty();
  const auto without = exam.peers_where([&](const PeerFacts& peer) {
    if (peer.state == "not configured" || peer.families.at(family).active) return false;
    return !own_session || family_of_session(peer) == family;
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
