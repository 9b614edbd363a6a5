// The VIPs in the router's table, and whether they reach every peer.
#include <fmt/format.h>

#include <set>

#include "sidecar/doctor/examination.h"

namespace herald {
namespace {

void check_held_back(Examination& exam) {
  std::set<std::string> lists;
  const auto held = exam.vips_where([&](const ServiceSpec&, const Vip& vip) {
    const auto& by = exam.facts_of(vip).held_back_by;
    // Which sessions are the Route Server's is not known then: others may be meant not to hear it.
    if (exam.config.router.peers.empty() && !exam.facts_of(vip).advertised_to.empty()) return false;
    lists.insert(by.begin(), by.end());
    return !by.empty();
  });
  if (held.empty()) return;
  const std::vector<std::string> names(lists.begin(), lists.end());
  exam.error("outbound-filter", fmt::format("{} does not let {} out", listed(names), listed(held)),
             "they can never be announced (a list that does not exist lets nothing out)",
             exam.render() + " prints the list");
}

// Another site's VIP, taken in and told to others as if it were reached through here.
void check_onward(Examination& exam) {
  std::set<std::string> from;
  std::set<std::string> to;
  const auto passed = exam.vips_where([&](const ServiceSpec&, const Vip& vip) {
    const VipFacts& facts = exam.facts_of(vip);
    if (facts.onward_to.empty()) return false;
    from.insert(facts.learned_from.begin(), facts.learned_from.end());
    to.insert(facts.onward_to.begin(), facts.onward_to.end());
    return true;
  });
  if (passed.empty()) return;
  exam.error("onward",
             fmt::format("{} of another site, learned from {}, is announced to {}", listed(passed),
                         listed({from.begin(), from.end()}), listed({to.begin(), to.end()})),
             "while the service here is dead this machine still attracts traffic for it, and sends it to "
             "another site, or round in "
             "a loop",
             "refuse the VIPs that peers announce: a route-map in, that denies them; see " + exam.render());
}

void check_same_everywhere(Examination& exam) {
  std::set<std::string> peers;
  const auto partly = exam.vips_where([&](const ServiceSpec&, const Vip& vip) {
    const VipFacts& facts = exam.facts_of(vip);
    if (facts.missing_from.empty() || facts.advertised_to.empty()) return false;
    peers.insert(facts.missing_from.begin(), facts.missing_from.end());
    return true;
  });
  const auto nowhere = exam.vips_where([&](const ServiceSpec&, const Vip& vip) {
    const VipFacts& facts = exam.facts_of(vip);
    // Held back by a list is told by its own rule.
    return !facts.missing_from.empty() && facts.advertised_to.empty() && facts.held_back_by.empty();
  });
  if (!partly.empty()) {
    exam.error(
        "same-routes",
        fmt::format("{} not advertised to {}", listed(partly), listed({peers.begin(), peers.end()})),
        "every instance of a Route Server has to hear the same, or traffic depends on which one a host asked",
        "give all of them the same outbound policy");
  }
  if (!nowhere.empty()) {
    exam.error("outbound-filter", fmt::format("{} in the table and advertised to nobody", listed(nowhere)),
               "the outbound policy holds them back", exam.render() + " prints one that does not");
  }
}

}  // namespace

void check_vips(Examination& exam) {
  check_held_back(exam);
  check_onward(exam);
  check_same_everywhere(exam);
}

}  // namespace herald
