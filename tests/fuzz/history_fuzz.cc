// Any bytes as lines of the history: none, or an entry that is the same when it is written and read again.
#include <nlohmann/json.hpp>

#include "sidecar/state/history_entry.h"
#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace herald;
  std::string_view text = fuzz::text_of(data, size);
  while (!text.empty()) {
    const auto entry = read_entry(fuzz::take_until(text, '\n'));
    if (entry) fuzz::require(read_entry(to_json(*entry).dump()) == entry);
  }
  return 0;
}
