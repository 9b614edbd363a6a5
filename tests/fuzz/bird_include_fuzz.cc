// Any bytes as herald's file for BIRD: what is read back of it is written as herald writes it, and read again is the same.
#include "sidecar/announce/bird/include.h"
#include "sidecar/text/address.h"
#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace herald;
  const BirdRoutes routes = parse_bird_include(fuzz::text_of(data, size));
  for (const auto& [vip, route] : routes)
    fuzz::require(parse_vip(vip.prefix) == vip && !route.policy.empty());
  const BirdRoutes again = parse_bird_include(render_bird_include(routes));
  fuzz::require(again == routes);
  return 0;
}
