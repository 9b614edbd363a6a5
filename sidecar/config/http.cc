#include "sidecar/config/http.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sidecar/text/listen_address.h"

namespace herald {
namespace {

constexpr std::size_t kMostAddresses = 8;

}  // namespace

HttpSpec read_http(ObjectReader& top) {
  HttpSpec http;
  auto object = top.object("http");
  if (!object) return http;
  std::vector<std::string> listen;
  object->read("listen", listen);
  if (listen.size() > kMostAddresses)
    object->fail("listen", fmt::format("must have at most {} addresses", kMostAddresses));
  for (std::size_t index = 0; index < listen.size(); ++index) {
    const auto address = parse_listen_address(listen[index]);
    if (!address) {
      object->fail_element("listen", index, fmt::format("{}, not {}", address.error(), shown(listen[index])));
      continue;
    }
    std::string text = to_string(*address);
    if (std::ranges::find(http.listen, text) != http.listen.end()) {
      object->fail_element("listen", index, fmt::format("{} is there already", shown(text)));
    } else {
      http.listen.push_back(std::move(text));
    }
  }
  object->finish();
  return http;
}

}  // namespace herald
