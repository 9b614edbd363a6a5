// Any bytes as birdc's reply to a command.
#include "sidecar/announce/bird/reply.h"
#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace herald;
  const std::string_view text = fuzz::text_of(data, size);
  const auto reply = parse_bird_reply(text);
  fuzz::require(reply ? !reply->complaint().empty() : !reply.error().empty());
  for (const std::string_view words : {text, reply ? std::string_view(reply->text) : std::string_view()}) {
    const auto file = blamed_file(words);
    fuzz::require(!file || file->size() < words.size());
  }
  return 0;
}
