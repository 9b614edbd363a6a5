// Any bytes as a running configuration of bgpd, filtered for the lever or whole for doctor.
#include "sidecar/announce/frr/owned.h"
#include "sidecar/doctor/frr_facts.h"
#include "sidecar/text/address.h"
#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace herald;
  using fuzz::require;
  const std::string_view text = fuzz::text_of(data, size);
  const std::vector<Vip> vips{Vip{"10.99.0.1/32"}, Vip{"fd00:99::1/128"}};
  for (const char* vrf : {"default", "blue"}) {
    RouterSpec spec;
    spec.vrf = vrf;
    const auto owned = parse_frr_owned(text, spec, {vips.begin(), vips.end()});
    require(owned || !owned.error().empty());
    if (!owned) continue;
    for (const auto& [vip, map] : owned->routes)
      require(is_prefix(vip.prefix) && (map.empty() || owned->maps.contains(map)));
    for (const std::string& map : owned->used_maps) require(owned->maps.contains(map));
    static_cast<void>(has_remains(owned->filters));
    for (const auto& [peer, fallback] : fallbacks_in(owned->filters)) require(!peer.empty());
  }
  FrrFacts facts;
  parse_frr_config(text, "default", facts);
  for (const std::string& line : saved_frr_lines(text, vips)) require(!line.empty());
  return 0;
}
