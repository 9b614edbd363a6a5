// What only BIRD can have wrong.
#include <fmt/format.h>

#include <set>

#include "sidecar/doctor/examination.h"

namespace herald {
namespace {

void check_direct(Examination& exam) {
  if (!exam.has(Via::loopback)) return;
  const std::string fix = exam.render() + " prints one: protocol direct { interface \"lo\"; ipv4; ipv6; }";
  if (!exam.router.bird.has_direct) {
    exam.error("direct", "BIRD has no protocol direct that is up",
               "herald moves VIPs on an interface (lever loopback), and BIRD does not look there", fix);
    return;
  }
  const auto unseen = exam.vips_where([&](const ServiceSpec& service, const Vip& vip) {
    return service.announce.via == Via::loopback && exam.host.present.contains(vip) &&
           !exam.facts_of(vip).in_rib;
  });
  if (unseen.empty()) return;
  exam.error("direct", fmt::format("{} on an interface and not in BIRD's table", listed(unseen)),
             "its protocol direct does not look at that interface, or has no channel of that family", fix);
}

// herald's own file is not all that may announce what lies on an interface.
void check_others(Examination& exam) {
  std::set<std::string> by;
  const auto twice = exam.vips_where([&](const ServiceSpec& service, const Vip& vip) {
    if (service.announce.via != Via::birdc) return false;
    for (const OtherOrigin& other : exam.facts_of(vip).others) by.insert(other.by);
    return !exam.facts_of(vip).others.empty();
  });
  const std::string fix =
      "leave them out of its import filter or interfaces, or set announce.interface to one that it does not "
      "look at; see " +
      exam.render();
  if (!twice.empty()) {
    exam.error("two-origins",
               fmt::format("{} in BIRD's table by {} beside herald's file", listed(twice),
                           listed({by.begin(), by.end()})),
               "grades have no effect where it wins, and unless herald can take the address away, a dead "
               "service stays announced",
               fix);
    return;
  }
  const auto unclear = exam.vips_where([&](const ServiceSpec& service, const Vip& vip) {
    const auto& import = exam.facts_of(vip).import;
    if (service.announce.via != Via::birdc || !service.announce.manage_vip || !import || import->filtered ||
        exam.host.present.contains(vip))
      return false;
    by.insert(import->by);
    return true;
  });
  if (unclear.empty()) return;
  exam.warn(
      "two-origins",
      fmt::format("{} may announce {} by itself", listed({by.begin(), by.end()}), listed(unclear)),
      "it takes addresses of interfaces into the table, so that herald keeps these off theirs until they "
      "are announced",
      fix);
}

void check_include(Examination& exam) {
  if (!exam.has(Via::birdc)) return;
  const std::string& file = exam.config.router.bird.include;
  const std::string fix =
      fmt::format("include \"{}\"; in bird.conf, at the start of a line; then birdc configure", file);
  const std::string& conf = exam.router.bird.config_file;
  if (exam.router.bird.has_include == false) {
    exam.error("include", fmt::format("{} does not include {}", conf, file),
               "herald writes its routes into that file, and BIRD does not read it", fix);
  } else if (!exam.router.bird.has_include) {
    exam.note("include", fmt::format("whether BIRD includes {} is not known", file),
              conf.empty() ? "there is no bird.conf beside it nor in /etc/bird" : conf + " cannot be read",
              fix);
  }
}

void check_rejected(Examination& exam) {
  for (const std::size_t family : {kIpv4, kIpv6}) {
    const auto closed = exam.peers_where([&](const PeerFacts& peer) {
      const FamilyFacts& facts = peer.families.at(family);
      return facts.active && facts.outbound_list == "REJECT";
    });
    if (closed.empty() || !exam.has_vips(family)) continue;
    exam.error("outbound-filter",
               fmt::format("export none of {} toward {}", family_name(family), listed(closed)),
               "no VIP can be announced there", exam.render() + " prints a filter");
  }
}

void check_bird_version(Examination& exam) {
  exam.note("version", "BIRD " + exam.router.version,
            exam.router.version == "2.0.12" || exam.router.version == "3.1.8"
                ? "herald is tested with it"
                : "herald is tested with 2.0.12 and 3.1.8, and made for 2.0.12 to 3.x",
            "");
}

}  // namespace

void check_bird(Examination& exam) {
  if (!exam.router.reachable) return;
  check_direct(exam);
  check_others(exam);
  check_include(exam);
  check_rejected(exam);
  check_bird_version(exam);
}

}  // namespace herald
