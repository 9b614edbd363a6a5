#include "probes/tls_settings.h"

#include <catch2/catch.hpp>

#include "sidecar/config/json_reader.h"

namespace tls_settings_test {

using namespace herald;
using namespace herald::probes;
using nlohmann::json;

namespace {

struct Read {
  TlsSettings settings;
  std::vector<std::string> errors;
};

Read read(const json& object) {
  const json parsed = json::parse(object.dump());  // numbers become what a file has
  std::vector<ConfigError> errors;
  Read result{read_tls(ObjectReader(parsed, "", "/tls", errors)), {}};
  for (const ConfigError& error : errors) result.errors.push_back(to_string(error));
  return result;
}

}  // namespace

TEST_CASE("tls settings: the defaults check everything that there is to check") {
  const auto [settings, errors] = read(json::object());
  CHECK(errors.empty());
  CHECK(settings.verify);
  CHECK_FALSE(settings.only_1_3);
  CHECK_FALSE(settings.warn_expiry);
  CHECK((settings.ca_file + settings.cert + settings.key + settings.server_name).empty());
}

TEST_CASE("tls settings: each key says what it says") {
  const auto [settings, errors] = read({{"verify", true},
                                        {"ca_file", "/ca"},
                                        {"cert", "/cert"},
                                        {"key", "/key"},
                                        {"server_name", "shop.example.net"},
                                        {"min_version", "1.3"},
                                        {"warn_expiry", "14d"}});
  CHECK(errors.empty());
  CHECK(settings.ca_file == "/ca");
  CHECK(settings.cert == "/cert");
  CHECK(settings.key == "/key");
  CHECK(settings.server_name == "shop.example.net");
  CHECK(settings.only_1_3);
  CHECK(settings.warn_expiry == std::chrono::hours(14 * 24));
}

TEST_CASE("tls settings: what cannot be meant is reported") {
  const auto one = [](const json& object) {
    const auto errors = read(object).errors;
    REQUIRE(errors.size() == 1);
    return errors[0];
  };
  CHECK(one({{"cert", "/x"}}) == R"(/tls: "cert" and "key" come together)");
  CHECK(one({{"ca_file", "x"}}) == "/tls/ca_file: must be an absolute path");
  CHECK(one({{"ca_file", "/x"}, {"verify", false}}) == "/tls/ca_file: has no effect with verify false");
  CHECK(one({{"server_name", "10.0.0.1"}}) == "/tls/server_name: must be a name");
  CHECK(one({{"min_version", "1.1"}}).starts_with("/tls/min_version: must be \"1.2\" or \"1.3\""));
  CHECK(one({{"warn_expiry", "1m"}}).starts_with("/tls/warn_expiry: must be from 1h"));
  CHECK(one({{"verfy", true}}) == "/tls/verfy: unknown key; did you mean \"verify\"?");
}

}  // namespace tls_settings_test
