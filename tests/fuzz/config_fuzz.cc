// Any bytes as a main file, and as a service file beside a valid one: no crash, no hang, and what is accepted
// is valid. Built with libFuzzer, or with run_corpus.cc as an ordinary test.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "sidecar/config/file.h"
#include "sidecar/text/address.h"

namespace {

using herald::CheckedProbe;
using herald::ObjectReader;

CheckedProbe check_tcp(ObjectReader& keys) {
  std::string address;
  if (keys.require("address")) keys.read("address", address);
  return {address.substr(0, address.rfind(':')), address, nullptr};
}

// Some keys of every form, so that the reader's own code is reached.
CheckedProbe check_http(ObjectReader& keys) {
  std::string text;
  bool flag = false;
  std::vector<std::string> list;
  keys.read("url", text);
  keys.read("reuse", flag);
  keys.read("headers", list);
  if (auto expect = keys.object("expect")) {
    expect->read("status", text);
    expect->finish();
  }
  keys.each_object("items", [](ObjectReader& item, std::size_t) { item.finish(); });
  return {};
}

constexpr herald::ProbeKindCheck kKinds[]{{"http", check_http}, {"tcp", check_tcp}};

void require(bool holds) {
  if (!holds) std::abort();
}

void check_probe(const herald::ProbeSpec& probe) {
  require(!probe.name.empty() && nlohmann::json::accept(probe.settings));
  const auto& timing = probe.timing;
  require(timing.timeout > herald::Duration::zero() && timing.timeout <= timing.interval);
  require(timing.fast_interval <= timing.interval && timing.jitter >= 0 && timing.jitter <= 0.5);
  require(probe.thresholds.rise >= 1 && probe.thresholds.fall >= 1);
}

void check(const herald::LoadResult& result) {
  require(result.config.has_value() == result.errors.empty());
  for (const auto& error : result.errors) require(!to_string(error).empty() && !error.message.empty());
  if (!result.config) return;
  for (const auto& service : result.config->services) {
    require(!service.name.empty() && !service.vips.empty() && !service.probes.empty());
    for (const auto& vip : service.vips) require(herald::parse_vip(vip.prefix) == vip);
    for (const auto& probe : service.probes) check_probe(probe);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(  // NOLINT(readability-identifier-naming): libFuzzer's name
    const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  check(herald::parse_config({"main", text}, {}, kKinds));
  const herald::ConfigText services[]{{"services", text}};
  check(herald::parse_config({"main", R"({"router": {"stack": "none"}})"}, services, kKinds));
  return 0;
}
