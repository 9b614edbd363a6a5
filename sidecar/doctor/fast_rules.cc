// What makes a withdrawal slower with FRR than it has to be, and whether router.fast_withdraw finds what it needs.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sidecar/core/route/fast_withdraw.h"
#include "sidecar/doctor/examination.h"

namespace herald {
namespace {

std::string list_words() {
  return fmt::format("prefix-list {}", kFastList);
}

void check_slot(Examination& exam, std::size_t family) {
  if (!exam.has_vips(family)) return;
  const auto in_slot = [&](const PeerFacts& peer) { return peer.families.at(family).outbound_slot; };
  const std::string words = family == kIpv6 ? "ipv6" : "ip";
  const std::string fix = fmt::format(
      "filter by a route-map, and give the place to herald: {} prefix-list {} seq 4294967295 permit any, "
      "neighbor RS prefix-list {} out; {} prints it",
      words, kFastList, kFastList, exam.render());
  std::vector<std::string> taken;
  for (const PeerFacts& peer : exam.router.peers) {
    const std::string other = in_slot(peer);
    if (peer.families.at(family).active && !other.empty() && other != list_words())
      taken.push_back(fmt::format("{} ({})", peer.address, other));
  }
  if (!taken.empty()) {
    exam.warn(
        "fast-withdraw", fmt::format("router.fast_withdraw does nothing toward {}", listed(taken)),
        fmt::format(
            "their outbound filter of {} is yours, in the place of herald's list: herald does not touch it",
            family_name(family)),
        fix);
  }
  const auto empty = exam.peers_where(
      [&](const PeerFacts& peer) { return peer.families.at(family).active && in_slot(peer).empty(); });
  if (!empty.empty()) {
    exam.warn("fast-withdraw", fmt::format("router.fast_withdraw does nothing toward {}", listed(empty)),
              fmt::format("they have no outbound {} for {}", list_words(), family_name(family)), fix);
  }
}

// bgpd denies everything by a list that is not there, or that ends without an entry that permits.
void check_list(Examination& exam) {
  const auto users = exam.peers_where([&](const PeerFacts& peer) {
    return peer.families.at(kIpv4).outbound_slot == list_words() ||
           peer.families.at(kIpv6).outbound_slot == list_words();
  });
  if (users.empty()) return;
  if (exam.router.frr.fast_list_permits != true) {
    exam.error("fast-withdraw", fmt::format("nothing is sent to {}", listed(users)),
               fmt::format("their outbound {} {}", list_words(),
                           exam.router.frr.fast_list_permits ? "permits nothing" : "is not there"),
               fmt::format("ip prefix-list {} seq 4294967295 permit any", kFastList));
  }
  if (!exam.config.router.fast_withdraw) {
    exam.note("fast-withdraw", fmt::format("{} have the outbound {}", listed(users), list_words()),
              "router.fast_withdraw is off: nothing uses it", R"("router": {"fast_withdraw": true})");
  }
}

void check_saved_denials(Examination& exam) {
  std::vector<std::string> lines;
  for (const SavedLine& each : exam.router.saved_denials)
    lines.push_back(fmt::format("{}: {}", each.file, each.text));
  if (lines.empty()) return;
  exam.warn(
      "fast-withdraw", listed(lines),
      "saved while a withdrawal was under way: at boot the VIP is kept from the peers until herald has read "
      "it",
      fmt::format("sed -i '/ prefix-list {} .* deny /d' {}; do not `write memory` while a VIP is withdrawn",
                  kFastList, exam.router.saved_denials.front().file));
}

// From the address to bgpd; a `network` line does not pass there.
void check_work_queue(Examination& exam) {
  const auto& held = exam.router.frr.work_queue_ms;
  if (!held || *held == 0 || !exam.has(Via::loopback)) return;
  exam.note("work-queue", fmt::format("zebra holds each change of an address back for {} ms", *held),
            "with the lever loopback a withdrawal takes so much longer",
            "zebra work-queue 0, in zebra's configuration");
}

}  // namespace

void check_speed(Examination& exam) {
  check_saved_denials(exam);
  if (!exam.router.reachable) return;
  if (exam.config.router.fast_withdraw) {
    for (const std::size_t family : {kIpv4, kIpv6}) check_slot(exam, family);
  }
  check_list(exam);
  check_work_queue(exam);
}

}  // namespace herald
