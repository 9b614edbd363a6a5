// Any bytes as state.json: an error, or a state that is the same when it is written and read again.
#include <string>

#include "sidecar/state/state_file.h"
#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace herald;
  const auto state = parse_state(std::string(fuzz::text_of(data, size)));
  fuzz::require(state || !state.error().empty());
  if (state) fuzz::require(parse_state(render_state(*state)) == *state);
  return 0;
}
