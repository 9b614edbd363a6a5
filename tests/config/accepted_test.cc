#include "sidecar/config/accepted.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/config/fixture.h"
#include "tests/os/temporary_directory.h"

namespace herald {
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

TEST_CASE(
    "accepted configuration: what was loaded is kept as it was, comments and all, for its owner alone") {
  const TemporaryDirectory directory;
  const LoadResult loaded = load_written(directory);
  REQUIRE(reports_of(loaded).empty());
  REQUIRE(loaded.texts.size() == 2);
  CHECK(loaded.texts[0].text == kMain);
  CHECK(loaded.texts[1].text == kService);
  const AcceptedConfig accepted(directory.path() / "state");
  CHECK_FALSE(accepted.load(kinds()));
  REQUIRE(accepted.keep(loaded.texts));
  CHECK(accepted.load(kinds()) == loaded.config);
  struct stat status{};
  REQUIRE(::stat(accepted.file().c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);
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

TEST_CASE("accepted configuration: without a directory nothing is kept, which is no error") {
  const AcceptedConfig accepted(std::nullopt);
  CHECK(accepted.keep(std::vector<ConfigText>{{"herald.json", "{}"}}));
  CHECK_FALSE(accepted.load(kinds()));
}

TEST_CASE("accepted configuration: a full disk leaves the former one, and says so") {
  if (::geteuid() != 0) return;
  const TemporaryDirectory directory;
  const LoadResult loaded = load_written(directory);
  const auto state_dir = directory.path() / "state";
  std::filesystem::create_directory(state_dir);
  REQUIRE(::mount("tmpfs", state_dir.c_str(), "tmpfs", 0, "size=16k") == 0);
  {
    const AcceptedConfig accepted(state_dir);
    REQUIRE(accepted.keep(loaded.texts));
    std::vector<ConfigText> longer = loaded.texts;
    longer[0].text += std::string(1 << 16, ' ');
    const auto kept = accepted.keep(longer);
    REQUIRE_FALSE(kept);
    CHECK(kept.error().starts_with("write " + accepted.file().native()));
    CHECK(accepted.load(kinds()) == loaded.config);
  }
  REQUIRE(::umount(state_dir.c_str()) == 0);
}

}  // namespace
}  // namespace herald
