// A small table of probe kinds and short forms for tests of the configuration.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/config/file.h"

namespace config_fixture {

using herald::CheckedProbe;
using herald::Config;
using herald::ConfigText;
using herald::LoadResult;
using herald::ObjectReader;
using herald::ProbeKindCheck;
using nlohmann::json;

using Reports = std::vector<std::string>;
// Compared with, so that a test that fails shows the errors that there are.
inline const Reports no_errors;

inline CheckedProbe check_http(ObjectReader& keys) {
  std::string text;
  if (keys.require("url")) keys.read("url", text);
  if (auto expect = keys.object("expect")) {
    expect->read("status", text);
    expect->read("body_contains", text);
    expect->finish();
  }
  CheckedProbe checked;
  checked.listens = herald::Listens::tcp;
  checked.can_hold = true;
  return checked;
}

// "10.0.0.1:80" and "[fd00::1]:80"; what is no address is for the caller to find out.
inline CheckedProbe check_tcp(ObjectReader& keys) {
  std::string address;
  if (!keys.require("address") || !keys.read("address", address)) return {};
  std::string host = address.substr(0, address.rfind(':'));
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  return {std::move(host), "", nullptr};
}

inline CheckedProbe check_dns(ObjectReader& keys) {
  std::string text;
  std::uint32_t number = 0;
  keys.read("server", text);
  keys.read("query", text);
  if (auto expect = keys.object("expect")) {
    expect->read("rcode", text);
    expect->read("min_answers", number, 1, 100);
    expect->finish();
  }
  return {};
}

inline std::span<const ProbeKindCheck> kinds() {
  static const std::vector<ProbeKindCheck> table{
      {"dns", check_dns}, {"http", check_http}, {"tcp", check_tcp}};
  return table;
}

inline Reports reports_of(const LoadResult& result) {
  Reports out;
  for (const auto& error : result.errors) out.push_back(to_string(error));
  CHECK(result.config.has_value() == out.empty());
  return out;
}

inline LoadResult parse(std::string_view text, std::vector<ConfigText> services = {}) {
  return herald::parse_config({"f", std::string(text)}, services, kinds());
}

inline Reports errors_of(std::string_view text) {
  return reports_of(parse(text));
}

inline Config config_of(std::string_view text) {
  const auto result = parse(text);
  CHECK(reports_of(result) == no_errors);
  REQUIRE(result.config);
  return *result.config;
}

// A whole valid document, changed by a JSON merge patch (RFC 7396): null removes a key.
inline std::string document_with(std::string_view patch) {
  json document = json::parse(R"({"router": {"stack": "none"}})");
  document.merge_patch(json::parse(patch));
  return document.dump();
}

// The same with one service, and the patch for that.
inline std::string service_with(std::string_view patch) {
  json service = json::parse(R"({"name": "web", "vips": ["10.99.0.1/32"], "announce": {"via": "loopback"},
                                 "probes": [{"type": "tcp", "address": "127.0.0.1:80"}]})");
  service.merge_patch(json::parse(patch));
  return json{{"router", {{"stack", "none"}}}, {"services", {service}}}.dump();
}

// What is wrong with that service, with pointers below it: for short tables.
inline Reports service_errors(std::string_view patch) {
  Reports reports = errors_of(service_with(patch));
  for (auto& report : reports) {
    CHECK(report.starts_with("f: /services/0"));
    report.erase(0, std::string("f: /services/0").size());
  }
  return reports;
}

// The same with one probe, and the patch for that.
inline std::string probe_with(std::string_view patch, std::string_view defaults = "{}") {
  json document = json::parse(service_with("{}"));
  document["services"][0]["probes"][0].merge_patch(json::parse(patch));
  document["defaults"] = json::parse(defaults);
  return document.dump();
}

}  // namespace config_fixture
