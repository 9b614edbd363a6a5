// Any bytes up to the first NUL as the expectations of an HTTP probe, and the rest as what the server says: a status, a
// header's value and a body, NUL between them.
#include <string>

#include "probes/http_expect.h"
#include "sidecar/config/json_document.h"
#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace herald;
  using namespace herald::probes;
  std::string_view text = fuzz::text_of(data, size);
  std::vector<ConfigError> errors;
  const auto keys = parse_json(fuzz::take_until(text, '\0'), "probe", errors);
  HttpExpect expect;
  if (keys && keys->is_object()) {
    ObjectReader reader(*keys, "probe", "", errors);
    read_expect(reader, expect);
    read_warn(reader, expect);
  }
  HttpAnswer answer;
  for (const char c : fuzz::take_until(text, '\0').substr(0, 3))
    answer.status = answer.status * 10 + static_cast<unsigned char>(c) % 10;
  const std::string value(fuzz::take_until(text, '\0'));
  for (const auto& header : expect.headers) answer.headers.emplace_back(header.name, value);
  answer.body = text;
  fuzz::require(!judge(expect, answer).detail.empty());
  answer.is_cut = true;
  fuzz::require(!judge(expect, answer).detail.empty());
  return 0;
}
