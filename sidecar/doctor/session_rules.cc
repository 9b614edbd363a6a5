// The sessions with the Route Server, and what that demands.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "sidecar/doctor/examination.h"

namespace herald {
namespace {

struct AsRange {
  std::uint32_t first;
  std::uint32_t last;
};

constexpr std::array kAzureReserved{AsRange{8074, 8075}, AsRange{12076, 12076}, AsRange{65515, 65515},
                                    AsRange{65517, 65520}};
// RFC 7607, 6793, 5398, 7300.
constexpr std::array kReserved{AsRange{0, 0},         AsRange{23456, 23456}, AsRange{64496, 64511},
                               AsRange{65535, 65535}, AsRange{65536, 65551}, AsRange{4294967295, 4294967295}};
constexpr std::uint32_t kLast16Bit = 65535;
constexpr std::size_t kAzureRoutes = 1000;  // the older of the two figures in Azure's documentation
constexpr std::uint32_t kShortHold = 30;

bool is_in(std::span<const AsRange> ranges, std::uint32_t as) {
  return std::ranges::any_of(ranges,
                             [&](const AsRange& range) { return range.first <= as && as <= range.last; });
}

bool azure(const Examination& exam) {
  return exam.config.router.preset == Preset::azure;
}

// Our own: the configuration's, or what the router says.
std::optional<std::uint32_t> own_as(const Examination& exam) {
  if (exam.config.router.as) return exam.config.router.as;
  return exam.router.peers.empty() ? std::nullopt : exam.router.peers.front().local_as;
}

void check_own_as(Examination& exam) {
  const auto as = own_as(exam);
  if (!as) return;
  const std::string fix = "take a private one of 64512 to 65514";
  if (azure(exam) && *as > kLast16Bit)
    return exam.error("as", fmt::format("AS {} is a 32-bit one", *as),
                      "Azure's Route Server takes 16-bit ones alone", fix);
  if (azure(exam) && is_in(kAzureReserved, *as))
    return exam.error("as", fmt::format("AS {} is reserved by Azure", *as), "Azure's Route Server refuses it",
                      fix);
  if (!is_in(kReserved, *as)) return;
  const std::string what = fmt::format("AS {} is reserved", *as);
  if (azure(exam)) return exam.error("as", what, "Azure's Route Server refuses what IANA has reserved", fix);
  exam.warn("as", what, "IANA has reserved it, and routers refuse it", fix);
}

void check_peer_as(Examination& exam) {
  const auto& wanted = exam.config.router.peer_as;
  const auto& own = exam.config.router.as;
  for (const PeerFacts& peer : exam.router.peers) {
    if (own && peer.local_as && *peer.local_as != *own) {
      exam.error("as",
                 fmt::format("toward {} {} is AS {}, and router.bgp.as is {}", peer.address, exam.daemon(),
                             *peer.local_as, *own),
                 "herald would prepend, and render, another AS than the router has", "make them the same");
    }
    if (wanted && peer.remote_as && *peer.remote_as != *wanted) {
      exam.error("peer-as",
                 fmt::format("{} takes {} for AS {}, and router.route_server.as is {}", exam.daemon(),
                             peer.address, *peer.remote_as, *wanted),
                 "a session with the wrong AS does not come up", "make them the same");
    }
    if (peer.local_as && peer.local_as == peer.remote_as) {
      exam.error("peer-as", fmt::format("{} has our own AS {}", peer.address, *peer.local_as),
                 "a Route Server is an eBGP peer; toward one's own AS a router follows other rules",
                 "correct the AS of one of them");
    }
  }
}

void check_configured_peers(Examination& exam) {
  const std::vector<std::string>& peers = exam.config.router.peers;
  if (peers.empty()) {
    exam.note("peers", "router.route_server.peers is not set",
              "which sessions are the Route Server's is not known, so every one was looked at",
              "list the addresses of its instances");
  } else if (azure(exam) && peers.size() == 1) {
    exam.error("peers", fmt::format("{} is the only peer", peers.front()),
               "Azure's Route Server has two instances; it takes one away in a maintenance, without notice",
               "peer with both, and list both in router.route_server.peers");
  }
}

void check_limit(Examination& exam) {
  if (!azure(exam)) return;
  std::size_t routes = exam.vips_where([](const auto&, const auto&) { return true; }).size();
  for (const PeerFacts& peer : exam.router.peers)
    routes = std::max<std::size_t>(routes, peer.families[kIpv4].sent + peer.families[kIpv6].sent);
  const std::string what = fmt::format("{} routes, of {} that Azure takes from a peer", routes, kAzureRoutes);
  if (routes > kAzureRoutes) {
    exam.error("limit", what, "beyond the limit Azure ends the session, and with it every route",
               "announce fewer VIPs");
  } else if (2 * routes > kAzureRoutes) {
    exam.warn("limit", what,
              "Azure counts what it holds and what comes in: announcing all of it anew (`clear ... soft "
              "out`, an edit of the "
              "outbound prefix-list) counts twice and ends the session",
              "stay below half the limit, or never announce all anew");
  }
}

void check_established(Examination& exam) {
  const auto missing = exam.peers_where([](const PeerFacts& peer) { return peer.state == "not configured"; });
  if (!missing.empty()) {
    exam.error("peers", fmt::format("{} has no neighbor {}", exam.daemon(), listed(missing)),
               "the same routes have to go to every instance of the Route Server",
               exam.render() + " prints what is missing");
  }
  const auto down = exam.peers_where(
      [](const PeerFacts& peer) { return !peer.established && peer.state != "not configured"; });
  const auto up = exam.peers_where([](const PeerFacts& peer) { return peer.established; });
  if (up.empty()) {
    exam.error("sessions", "no session is established", "nothing is announced to anybody",
               exam.frr() ? "vtysh -c 'show bgp neighbors' says why; is the other side configured?"
                          : "birdc show protocols all says why; is the other side configured?");
    return;
  }
  for (const PeerFacts& peer : exam.router.peers) {
    if (std::ranges::find(down, peer.address) == down.end()) continue;
    exam.warn("sessions", fmt::format("{} is not established: {}", peer.address, peer.state),
              "the rest carries on; one more loss and nothing is announced",
              "in a maintenance of the Route Server wait; else look at its side");
  }
}

void check_timers(Examination& exam) {
  const auto slow =
      exam.peers_where([](const PeerFacts& peer) { return peer.hold_seconds.value_or(0) > kShortHold; });
  if (!slow.empty()) {
    std::uint32_t longest = 0;
    for (const PeerFacts& peer : exam.router.peers)
      longest = std::max(longest, peer.hold_seconds.value_or(0));
    exam.note("hold-time", fmt::format("hold time of {} s with {}", longest, listed(slow)),
              "a machine that dies without a word attracts traffic for so long; herald cannot help it",
              "offer a shorter one (10 30); the lower of both sides counts");
  }
  const auto late =
      exam.peers_where([](const PeerFacts& peer) { return peer.advertisement_interval_ms > 0; });
  if (!late.empty()) {
    exam.warn("advertisement-interval", "advertisement-interval is set toward " + listed(late),
              "it holds back changes that follow one another: a withdrawal may come so much later",
              "no neighbor RS advertisement-interval");
  }
}

// bgpd says "(Connected)" of a peer that has to be on a network of this machine, for want of ebgp-multihop.
bool is_too_far(const PeerFacts& peer) {
  return peer.must_be_connected && peer.next_hop_resolved == false && !peer.established;
}

void check_multihop(Examination& exam) {
  const auto far = exam.peers_where(is_too_far);
  if (far.empty()) return;
  exam.error("ebgp-multihop", fmt::format("{} is on no network of this machine", listed(far)),
             "without ebgp-multihop bgpd speaks only to neighbors on a connected network; a Route Server is "
             "a router away (if it is not, the interface toward it is down)",
             fmt::format("neighbor {} ebgp-multihop 2", far.size() == 1 ? far.front() : "RS"));
}

void check_ipv6_next_hop(Examination& exam) {
  if (!exam.has_vips(kIpv6) || exam.router.frr.sets_ipv6_next_hop) return;
  const auto nowhere = exam.peers_where([](const PeerFacts& peer) {
    return peer.no_ipv6_next_hop && peer.families[kIpv6].active && !peer.address.contains(':');
  });
  if (nowhere.empty()) return;
  exam.error("ipv6-next-hop",
             fmt::format("IPv6 routes are sent to {} without an IPv6 next hop", listed(nowhere)),
             "the session runs over IPv4, and the interface that it uses has no global IPv6 address: the "
             "peers reject the VIPs",
             "a global IPv6 address on that interface, or `set ipv6 next-hop global ADDRESS` in the outbound "
             "route-map");
}

void check_next_hop(Examination& exam) {
  const auto lost = exam.peers_where(
      [](const PeerFacts& peer) { return peer.next_hop_resolved == false && !is_too_far(peer); });
  if (lost.empty()) return;
  const std::string what =
      fmt::format("zebra knows no route to {} but the default one, and does not count that", listed(lost));
  const std::string fix =
      "ip nht resolve-via-default (in its vrf, if it has one), or a static route to the Route Server";
  const auto down = exam.peers_where([](const PeerFacts& peer) {
    return peer.next_hop_resolved == false && !peer.established && !is_too_far(peer);
  });
  if (down.empty()) {
    exam.warn("next-hop", what,
              "bgpd does not connect by itself: the session is there only because the other side connected",
              fix);
  } else {
    exam.error("next-hop", what, "bgpd does not connect, it waits to be connected to", fix);
  }
}

void check_graceful_restart(Examination& exam) {
  using enum GracefulRestart;
  const std::string fix = exam.frr() ? "bgp graceful-restart-disable, for the instance: on a peer-group FRR "
                                       "8.4.4 takes it and ignores it"
                                     : "remove `graceful restart` from the protocols";
  const auto restarting =
      exam.peers_where([](const PeerFacts& peer) { return peer.graceful_restart == restart; });
  const auto helping =
      exam.peers_where([](const PeerFacts& peer) { return peer.graceful_restart == helper; });
  if (!restarting.empty()) {
    exam.error("graceful-restart", "graceful restart is on toward " + listed(restarting),
               "the Route Server keeps the routes of a machine that died and goes on sending it traffic",
               fix);
  }
  if (!helping.empty()) {
    exam.warn("graceful-restart", "graceful restart is in helper mode toward " + listed(helping),
              "the capability is announced with a restart time of 120 s, and a peer that helps may keep the "
              "routes of a "
              "dead machine that long",
              fix);
  }
}

}  // namespace

void check_route_server(Examination& exam) {
  check_configured_peers(exam);
  check_own_as(exam);
  check_limit(exam);
  if (azure(exam) && exam.has_vips(kIpv6)) {
    exam.warn("ipv6", "there are IPv6 VIPs", "Azure's Route Server speaks IPv4 alone",
              "announce them elsewhere");
  }
}

void check_sessions(Examination& exam) {
  check_peer_as(exam);
  check_established(exam);
  check_multihop(exam);
  check_next_hop(exam);
  check_ipv6_next_hop(exam);
  check_graceful_restart(exam);
  check_timers(exam);
}

}  // namespace herald
