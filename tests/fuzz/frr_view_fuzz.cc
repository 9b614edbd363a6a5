// Any bytes as bgpd's JSON, for the lever and for doctor: facts or an error, and never an end.
#include <algorithm>

#include "sidecar/announce/frr/view.h"
#include "sidecar/doctor/frr_facts.h"
#include "sidecar/doctor/frr_filters.h"
#include "tests/fuzz/fuzz_input.h"

namespace {

using namespace herald;
using fuzz::require;

void check_lever(std::string_view text, const RouterSpec& spec, const std::vector<Vip>& vips) {
  const auto peers = parse_frr_summary(text, spec);
  require(peers || !peers.error().empty());
  if (peers) require(peers->peers.size() >= spec.peers.size());
  const auto routes = parse_frr_routes(
      text, vips, peers.value_or(FrrPeers{.peers = {}, .ipv4 = {"10.1.1.4"}, .ipv6 = {}}), spec);
  require(routes ? routes->size() == vips.size() : !routes.error().empty());
}

void check_doctor(std::string_view text, const RouterSpec& spec, const std::vector<Vip>& vips) {
  RouterFacts facts;
  if (auto peers = parse_frr_neighbors(text, spec)) facts.peers = *std::move(peers);
  PrefixLists lists;
  const auto taken = parse_frr_prefix_lists(text, lists);
  require(taken || !taken.error().empty());
  if (auto seen = parse_frr_vips(text, vips, facts.peers)) facts.vips = *std::move(seen);
  parse_frr_nht(text, facts.peers);
  judge_outbound_lists(lists, vips, facts);
  judge_maps(lists, vips, facts);
  for (const auto& [name, list] : lists) static_cast<void>(permits(list, vips.front()));
  require(parse_frr_version(text).size() <= text.size() && parse_vtysh_version(text).size() <= text.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  RouterSpec some;
  some.peers = {"10.1.1.4", "10.1.1.132"};
  for (const RouterSpec& spec : {some, RouterSpec{}}) {
    check_lever(text, spec, {Vip{"10.99.0.1/32"}});
    check_lever(text, spec, {Vip{"10.99.0.1/32"}, Vip{"fd00:99::1/128"}, Vip{"10.99.0.7/32"}});
    check_doctor(text, spec, {Vip{"10.99.0.1/32"}, Vip{"fd00:99::1/128"}});
  }
  return 0;
}
