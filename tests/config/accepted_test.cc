#include "sidecar/config/accepted.h"

#include <catch2/catch.hpp>

#include "tests/config/fixture.h"
#include "tests/os/temporary_directory.h"

namespace herald::accepted_test {
namespace {

using config_fixture::kinds;
using config_fixture::reports_of;

constexpr std::string_view kMain =
    R"({ "router": { "stack": "none" }, // caf)"
    "\xe9\n"  // no UTF-8
    R"( "services": [ { "name": "web", "vips": ["10.99.0.1/32"], "probes": [ { "type": "tcp", "address": "127.0.0.1:80" } ] } ] })";
constexpr std::string_view kService =
    R"({ "name": "mail", "vips": ["10.99.0.2/32"], "probes": [ { "type": "tcp", "address": "127.0.0.1:80" } ] })";

LoadResult load_written(const TemporaryDirectory& directory) {
  const auto main = directory.write("herald.json", kMain);
  (void)directory.write("services.d/mail.json", kService);
  return load_config(main, directory.path() / "services.d", kinds());
}

TEST_CASE("accepted configuration: what was loaded is kept as it was, comments and all") {
  const TemporaryDirectory directory;
  const LoadResult loaded = load_written(directory);
  REQUIRE(reports_of(loaded).empty());
  REQUIRE(loaded.texts.size() == 2);
  CHECK(loaded.texts[0].text == kMain);
  CHECK(loaded.texts[1].text == kService);
  const AcceptedConfig accepted(directory.path() / "state");
  CHECK_FALSE(accepted.load(kinds()));
  const auto text = accepted.text_of(loaded.texts);
  REQUIRE(text);
  (void)directory.write("state/accepted.json", *text);
  CHECK(accepted.load(kinds()) == loaded.config);
}

TEST_CASE("accepted configuration: a configuration with an error keeps no texts") {
  const TemporaryDirectory directory;
  const auto main = directory.write("herald.json", R"({ "rooter": {} })");
  const LoadResult loaded = load_config(main, "", kinds());
  CHECK_FALSE(loaded.config);
  CHECK(loaded.texts.empty());
}

TEST_CASE("accepted configuration: what makes no sense is as if there were none") {
  const TemporaryDirectory directory;
  const AcceptedConfig accepted(directory.path());
  for (const char* text : {"", "{", "[]", "{}", R"({"files": []})", R"({"files": 1})", R"({"files": [1]})",
                           R"({"files": [{"file": "f", "text": 1}]})",
                           R"({"files": [{"file": "f", "text": "{ \"rooter\": {} }"}]})"}) {
    CAPTURE(text);
    (void)directory.write("accepted.json", text);
    CHECK_FALSE(accepted.load(kinds()));
  }
}

TEST_CASE("accepted configuration: without a directory there is none, and no file to keep one in") {
  const AcceptedConfig accepted(std::nullopt);
  CHECK(accepted.file().empty());
  CHECK_FALSE(accepted.load(kinds()));
}

TEST_CASE("accepted configuration: one that could not be read again is not kept") {
  const TemporaryDirectory directory;
  const AcceptedConfig accepted(directory.path());
  const auto text = accepted.text_of(std::vector<ConfigText>{{"herald.json", std::string(17 << 20, ' ')}});
  REQUIRE_FALSE(text);
  CHECK(text.error() == "write " + accepted.file().native() + ": it is longer than 16 MiB");
}

}  // namespace
}  // namespace herald::accepted_test
