// Any bytes as a template of an operator's: what is accepted can be rendered, with all that may be unset unset or set.
#include <array>

#include "sidecar/announce/frr/template.h"
#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace herald;
  using Kind = Placeholder::Kind;
  static constexpr std::array<Placeholder, 4> kPlaceholders{
      {{.name = "map", .kind = Kind::text},
       {.name = "med", .kind = Kind::optional, .must_occur = false},
       {.name = "vips", .kind = Kind::list, .must_occur = false},
       {.name = "vip", .of = "vips", .must_occur = false}}};
  const TemplateKind kind{"fuzz.conf", kPlaceholders};
  const auto parsed = Template::parse(kind, fuzz::text_of(data, size), "fuzz.conf");
  if (!parsed) {
    for (const TemplateError& error : parsed.error()) fuzz::require(!to_string(error).empty());
    return 0;
  }
  TemplateValues values;
  values.texts["map"] = "HERALD-a";
  values.lists["vips"] = {};
  static_cast<void>(commands_in(parsed->render(values)));
  values.texts["med"] = "200";
  values.lists["vips"] = {{{"vip", "10.99.0.1/32"}}, {{"vip", "10.99.0.2/32"}}};
  for (const std::string& command : commands_in(parsed->render(values))) fuzz::require(!command.empty());
  return 0;
}
