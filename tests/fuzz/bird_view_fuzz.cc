// Any bytes as birdc's protocols and route tables, for the lever and for doctor.
#include "sidecar/announce/bird/view.h"
#include "sidecar/doctor/bird_facts.h"
#include "sidecar/text/address.h"
#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace herald;
  using fuzz::require;
  const std::string_view text = fuzz::text_of(data, size);
  const std::vector<Vip> vips{Vip{"10.99.0.1/32"}, Vip{"fd00:99::1/128"}};
  const auto protocols = parse_bird_protocols(text);
  require(protocols || !protocols.error().empty());
  if (protocols) {
    for (const BirdPeer& peer : protocols->peers)
      require(bird_export_commands(vips, peer.protocol).size() == 2);
  }
  const auto routes = parse_bird_routes(text);
  require(routes || !routes.error().empty());
  if (routes) {
    for (const Vip& vip : *routes) require(is_prefix(vip.prefix));
  }
  RouterSpec some;
  some.peers = {"10.1.1.4"};
  for (const RouterSpec& spec : {some, RouterSpec{}}) {
    const BirdProtocolFacts facts = parse_bird_facts(text, spec);
    require(facts.peers.size() == facts.names.size() && facts.peers.size() >= spec.peers.size());
  }
  require(parse_bird_version(text).size() <= text.size());
  static_cast<void>(includes(text, "/etc/bird/herald.conf"));
  return 0;
}
