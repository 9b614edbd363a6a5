// What only FRR can have wrong.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <set>

#include "sidecar/doctor/examination.h"

namespace herald {
namespace {

bool has_network(const Examination& exam, const Vip& vip) {
  return exam.router.frr.networks.contains(vip);
}

// With import-check bgpd announces a `network` line while the address is there: the loopback lever needs no redistribution.
bool follows_address(const Examination& exam, const ServiceSpec& service, const Vip& vip) {
  return service.announce.via == Via::loopback && exam.router.frr.import_check && has_network(exam, vip);
}

// A VIP that is not there all the time is not in the kernel's table when bgpd looks.
void check_import(Examination& exam) {
  if (!exam.router.frr.import_check) return;
  const std::string fix = "no bgp network import-check";
  const auto stuck = exam.vips_where([&](const ServiceSpec& service, const Vip& vip) {
    return has_network(exam, vip) && !exam.facts_of(vip).in_rib && !follows_address(exam, service, vip);
  });
  if (!stuck.empty()) {
    exam.error("import-check", fmt::format("{} configured in bgpd and not announced", listed(stuck)),
               "bgp network import-check is on, and they are not in the kernel's table", fix);
    return;
  }
  const auto passing = exam.vips_where([](const ServiceSpec& service, const Vip&) {
    const AnnounceSpec& announce = service.announce;
    return announce.via == Via::vtysh && (!announce.manage_vip || announce.vip_on_down == VipOnDown::remove);
  });
  if (passing.empty()) return;
  exam.warn(
      "import-check", "bgp network import-check is on",
      fmt::format("{} not always on an interface: announcing them waits for zebra, and fails when it hangs",
                  listed(passing)),
      fix);
}

void check_map_for_loopback(Examination& exam, std::size_t family, const std::string& map) {
  const auto refused = exam.vips_where([&](const ServiceSpec& service, const Vip& vip) {
    return service.announce.via == Via::loopback && family_of(vip) == family &&
           exam.facts_of(vip).redistributed == false && !follows_address(exam, service, vip);
  });
  if (refused.empty()) return;
  exam.error("redistribute", fmt::format("route-map {} does not let {} in", map, listed(refused)),
             "herald moves them on an interface (lever loopback), and bgpd is told to leave them there",
             fmt::format("permit them in {}; {} prints one that does", map, exam.render()));
}

// What is there and not announced by it is proof. Before that heraldd, which does not look into maps, keeps the VIP off.
void check_redistribution_map(Examination& exam, std::size_t family, const std::string& map) {
  check_map_for_loopback(exam, family, map);
  const auto kept_off = [&](bool is_left_out) {
    return exam.vips_where([&](const ServiceSpec& service, const Vip& vip) {
      const AnnounceSpec& announce = service.announce;
      return announce.via == Via::vtysh && announce.manage_vip && family_of(vip) == family &&
             (exam.facts_of(vip).redistributed == false) == is_left_out && !exam.host.present.contains(vip);
    });
  };
  if (const auto unclear = kept_off(false); !unclear.empty()) {
    exam.note(
        "redistribute",
        fmt::format("redistribute connected route-map {} may announce {} by itself", map, listed(unclear)),
        "herald keeps them off their interface until they are announced",
        fmt::format("see that {} leaves them out; {} prints one that does", map, exam.render()));
  }
  if (const auto left_out = kept_off(true); !left_out.empty()) {
    exam.note("redistribute",
              fmt::format("{} not on an interface before they are announced", listed(left_out)),
              fmt::format("addresses are redistributed, and heraldd cannot tell that route-map {} leaves "
                          "them out: a service "
                          "that listens on its VIP alone, or is probed there, cannot come up",
                          map),
              "for such a one announce.interface that is not redistributed, or manage_vip: false and an "
              "address that stays");
  }
}

void check_redistribution(Examination& exam, std::size_t family) {
  const Redistribution& redistribute = exam.router.frr.redistribute.at(family);
  const auto of_lever = [&](Via via) {
    return exam.vips_where([&](const ServiceSpec& service, const Vip& vip) {
      return service.announce.via == via && family_of(vip) == family;
    });
  };
  const auto moved = exam.vips_where([&](const ServiceSpec& service, const Vip& vip) {
    return service.announce.via == Via::loopback && family_of(vip) == family &&
           !follows_address(exam, service, vip);
  });
  const auto steered = of_lever(Via::vtysh);
  if (!moved.empty() && !redistribute.on) {
    exam.error("redistribute", fmt::format("nothing redistributes {}", listed(moved)),
               "herald moves them on an interface (lever loopback), and bgpd does not look there",
               fmt::format("redistribute connected route-map ... in address-family {} unicast; see {}",
                           family == kIpv6 ? "ipv6" : "ipv4", exam.render()));
  }
  if (!redistribute.on) return;
  if (!redistribute.route_map.empty()) return check_redistribution_map(exam, family, redistribute.route_map);
  if (!steered.empty()) {
    exam.error("redistribute", fmt::format("redistribute connected announces {} by itself", listed(steered)),
               "herald has to keep them off their interface until they are announced, and take them away "
               "when they are "
               "withdrawn (lever vtysh): packets that are late are not answered",
               "no redistribute connected, or a route-map that leaves them out; see " + exam.render());
  } else if (!moved.empty()) {
    exam.warn("redistribute",
              fmt::format("redistribute connected has no route-map for {}", family_name(family)),
              "every network of every interface gets into the table; only the outbound policy holds it back",
              "redistribute connected route-map ... with exactly the VIPs; see " + exam.render());
  }
}

void check_origins(Examination& exam) {
  const auto twice = exam.vips_where([&](const ServiceSpec& service, const Vip& vip) {
    const bool is_redistributed = exam.router.frr.redistribute.at(family_of(vip)).on;
    if (follows_address(
            exam, service,
            vip))  // it ends with it, as does a redistributed address, and a static route does not
      return exam.facts_of(vip).origins > 1 && !is_redistributed;
    return exam.facts_of(vip).origins > 1 ||
           (service.announce.via == Via::loopback && has_network(exam, vip));
  });
  if (!twice.empty()) {
    exam.error(
        "two-origins", fmt::format("{} by `network` and by redistribution", listed(twice)),
        "withdrawing one of both leaves the other: the VIP stays announced when its service is dead",
        "no network ... for VIPs of the loopback lever; no redistribution of those of the vtysh lever");
  }
  const auto strange = exam.vips_where([&](const ServiceSpec& service, const Vip& vip) {
    return service.announce.via == Via::vtysh && exam.facts_of(vip).origins == 1 && !has_network(exam, vip);
  });
  if (strange.empty()) return;
  exam.error("two-origins", fmt::format("{} in the table without a `network` line", listed(strange)),
             "something else announces them, redistribution most likely, and herald cannot withdraw them",
             "leave them out of the route-map of redistribute; see " + exam.render());
}

void check_delays(Examination& exam) {
  if (exam.router.frr.suppress_fib_pending) {
    exam.warn("suppress-fib-pending", "bgp suppress-fib-pending is on",
              "announcements wait for the kernel, a second or more", "no bgp suppress-fib-pending");
  }
  if (exam.router.frr.update_delay) {
    exam.warn("update-delay", "update-delay is on",
              "after a start of bgpd the first announcements are held back", "no update-delay");
  }
}

// For herald's own lines, which all name a map of herald's, what to type.
std::string saved_fix(const std::vector<SavedLine>& saved) {
  std::set<std::string> files;
  bool others = false;
  for (const SavedLine& each : saved) {
    if (each.text.contains(" route-map HERALD-")) {
      files.insert(each.file);
    } else {
      others = true;
    }
  }
  std::string typed;
  for (const std::string& file : files) typed += fmt::format("sed -i '/ route-map HERALD-/d' {}; ", file);
  return typed + (others ? "remove it from the file, and " : "") +
         "do not `write memory` while VIPs are announced";
}

// "network 10.99.0.1/32 route-map M", "interface lo: ip address 10.99.0.1/32": by themselves these announce nothing where a
// `network` line waits for the address, or nothing redistributes the address.
bool announces_nothing(const Examination& exam, const SavedLine& line) {
  const bool is_network = line.text.starts_with("network ");
  return !exam.vips_where([&](const ServiceSpec& service, const Vip& vip) {
                const bool named = is_network ? line.text == "network " + vip.prefix ||
                                                    line.text.starts_with("network " + vip.prefix + " ")
                                              : line.text.ends_with(" address " + vip.prefix);
                if (!named) return false;
                if (is_network) return follows_address(exam, service, vip);
                const Redistribution& redistribution = exam.router.frr.redistribute.at(family_of(vip));
                return exam.router.reachable && service.announce.via == Via::vtysh &&
                       (!redistribution.on || exam.facts_of(vip).redistributed == false);
              })
              .empty();
}

std::vector<SavedLine> announcing_lines(const Examination& exam) {
  std::vector<SavedLine> lines;
  std::ranges::copy_if(exam.router.saved, std::back_inserter(lines),
                       [&](const SavedLine& line) { return !announces_nothing(exam, line); });
  return lines;
}

void check_saved(Examination& exam) {
  std::vector<std::string> lines;
  for (const SavedLine& each : announcing_lines(exam))
    lines.push_back(fmt::format("{}: {}", each.file, each.text));
  if (!lines.empty()) {
    exam.error("saved", listed(lines),
               "at boot it is announced before any probe has run, whether the service lives or not",
               saved_fix(announcing_lines(exam)));
  }
  for (const SavedLine& each : exam.router.unreadable) {
    exam.note("saved", fmt::format("{}: {}", each.file, each.text),
              "whether it holds `network` lines of VIPs is not known", "run doctor as root or as user frr");
  }
}

void check_frr_version(Examination& exam) {
  const std::string& bgpd = exam.router.version;
  const std::string& vtysh = exam.router.client_version;
  if (!vtysh.empty() && vtysh != bgpd) {
    exam.warn("version", fmt::format("vtysh {} beside bgpd {}", vtysh, bgpd), "they are made for one another",
              "restart frr after the upgrade, or point router.vtysh.path at the right one");
  }
  exam.note("version", vtysh.empty() ? "FRR " + bgpd : fmt::format("FRR {}, vtysh {}", bgpd, vtysh),
            bgpd == "8.4.4" || bgpd == "10.3"
                ? "herald is tested with it"
                : "herald is tested with 8.4.4 and 10.3, and made for 8.4 to 10.x",
            "");
  if (exam.router.frr.profile != "traditional") {
    exam.note("profile", "frr defaults " + exam.router.frr.profile,
              "its timers are shorter and ebgp-requires-policy is off; the findings account for that", "");
  }
}

}  // namespace

void check_frr(Examination& exam) {
  check_saved(exam);
  if (!exam.router.reachable) return;
  if (!exam.router.frr.has_instance) {
    exam.error("instance", fmt::format("bgpd has no BGP instance in vrf {}", exam.config.router.vrf),
               "there is nothing to announce from", exam.render() + " prints one");
    return;
  }
  check_import(exam);
  for (const std::size_t family : {kIpv4, kIpv6}) check_redistribution(exam, family);
  check_origins(exam);
  check_delays(exam);
  check_frr_version(exam);
}

}  // namespace herald
