// Any bytes as accepted.json, and as the texts of files in one: a valid configuration or none.
#include <nlohmann/json.hpp>

#include "sidecar/config/accepted.h"
#include "sidecar/text/address.h"
#include "tests/fuzz/fuzz_input.h"

namespace {

using namespace herald;

void check(const std::string& text) {
  static constexpr ProbeKindCheck kKinds[]{{"tcp", [](ObjectReader& keys) {
                                              keys.require("address");
                                              return CheckedProbe{};
                                            }}};
  const auto config = parse_accepted(text, kKinds);
  if (!config) return;
  for (const ServiceSpec& service : config->services) {
    fuzz::require(!service.name.empty() && !service.probes.empty());
    for (const Vip& vip : service.vips) fuzz::require(parse_vip(vip.prefix) == vip);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = fuzz::text_of(data, size);
  check(std::string(text));
  nlohmann::json files = nlohmann::json::array();
  while (!text.empty() && files.size() < 3)
    files.push_back({{"file", "f"}, {"text", fuzz::take_until(text, '\0')}});
  check(nlohmann::json{{"files", files}}.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  return 0;
}
