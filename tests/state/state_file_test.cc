#include "sidecar/state/state_file.h"

#include <sys/mount.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/announce/type_swap.h"
#include "tests/os/temporary_directory.h"

namespace state_file_test {

using namespace herald;
using namespace std::chrono_literals;

namespace {

const WallClock::time_point kSince{1795428180123ms};

KeptState two_drains() {
  KeptState state;
  state.admins["web"] = {{AdminState::drain, "kernel \"update\"\n", "root", kSince, kSince + 1h}};
  state.admins["resolver"] = {{AdminState::force, "", "uid 1000", kSince, std::nullopt}};
  return state;
}

std::string content_of(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

std::expected<void, std::string> save(const StateFile& file, const KeptState& state) {
  const WriteOrder order = file.saving(state);
  CHECK(order.durable == Durable::yes);
  return carry_out(order, {});
}

}  // namespace

TEST_CASE("state: what was saved is loaded; no file is an empty state") {
  TemporaryDirectory directory;
  const StateFile file(directory.path() / "new" / "dir");
  const auto none = file.load();
  CHECK(none == KeptState{});
  REQUIRE(save(file, two_drains()));
  CHECK(file.load() == two_drains());
  REQUIRE(save(file, {}));
  CHECK(file.load() == KeptState{});
  CHECK(std::distance(std::filesystem::directory_iterator(file.path().parent_path()),
                      std::filesystem::directory_iterator()) == 1);
}

TEST_CASE("state: an end by the boot's clock is kept; one that makes no sense is none") {
  KeptState state = two_drains();
  state.admins["web"][0].boot_expires = BootMoment{"0e8a2d4c", 7200s};
  const std::string text = render_state(state);
  CHECK(parse_state(text) == state);
  const auto document = nlohmann::json::parse(text);
  for (const char* member : {"/admins/web/boot", "/admins/web/boot/id", "/admins/web/boot/expires_ms"}) {
    for (const nlohmann::json& junk : json_values()) {
      nlohmann::json changed = document;
      auto& place = changed[nlohmann::json::json_pointer(member)];
      if (is_of_type(place, junk)) continue;
      place = junk;
      INFO(member << ": " << junk.dump().substr(0, 80));
      CHECK(parse_state(changed.dump()) == two_drains());
    }
  }
}

namespace {

KeptState several() {
  KeptState state;
  state.admins["web"] = {{AdminState::drain, "", "ann", kSince, kSince + 2h},
                         {AdminState::force, "", "root", kSince + 1s, std::nullopt},
                         {AdminState::drain, "disks", "bob", kSince + 2s, kSince + 1h}};
  state.admins["resolver"] = {{AdminState::drain, "", "ann", kSince, kSince + 2h},
                              {AdminState::drain, "", "bob", kSince + 2s, std::nullopt}};
  state.admins["api"] = {{AdminState::force, "", "ann", kSince, std::nullopt}};
  return state;
}

}  // namespace

TEST_CASE("state: several orders are kept, and an older herald finds the drain that ends last") {
  KeptState kept = several();
  kept.admins["web"][2].boot_expires = BootMoment{"0e8a2d4c", 7200s};
  const std::string text = render_state(kept);
  CHECK(parse_state(text) == kept);
  auto document = nlohmann::json::parse(text);
  CHECK(document["version"] == 1);
  CHECK(document["admins"]["web"]["who"] == "ann");
  CHECK(document["admins"]["resolver"]["who"] == "bob");
  CHECK(document["admins"]["resolver"]["expires_ms"].is_null());
  CHECK(document["orders"].size() == 2);
  document.erase("orders");  // as an older one writes it
  const auto old = parse_state(document.dump());
  REQUIRE(old);
  CHECK(old->admins.at("web") == std::vector{kept.admins["web"][0]});
}

TEST_CASE("state: a list of orders that does not come to what stands beside it is not believed") {
  const auto document = nlohmann::json::parse(render_state(several()));
  const auto read = [](const nlohmann::json& changed) {
    const auto state = parse_state(changed.dump());
    REQUIRE(state);
    return state->admins;
  };
  nlohmann::json ended = document;
  ended["admins"].erase("web");  // somebody has undrained it
  CHECK_FALSE(read(ended).contains("web"));
  nlohmann::json other = document;
  other["admins"]["web"]["who"] = "cy";  // or drained it anew
  CHECK(read(other).at("web").size() == 1);
  CHECK(read(other).at("web")[0].who == "cy");
  each_type_swap(document, [&](const std::string& place, const std::string& text, bool /*is_deep*/) {
    if (!place.starts_with("/orders")) return;
    INFO(place);
    const auto state = parse_state(text);
    REQUIRE(state);
    for (const auto& [service, orders] : several().admins) {
      const std::vector<KeptAdmin>& found = state->admins.at(service);
      CHECK((found == orders || found[0].state == AdminState::drain));
    }
  });
}

TEST_CASE("state: what a newer herald has added is ignored, and what was known stays") {
  std::string text = render_state(two_drains());
  text.insert(text.find("\"state\""), R"("ladder": [1, 2], )");
  text.insert(text.find("\"version\""), R"("novelty": {"web": 3}, )");
  CHECK(parse_state(text) == two_drains());
}

TEST_CASE("state: what cannot be understood is kept aside, and nothing can be ruled out") {
  const std::string good = render_state(two_drains());
  for (const std::string& text :
       {std::string(), good.substr(0, good.size() / 2), std::string("{}"), std::string("[1]"),
        std::string(R"({"version": 2, "admins": {}})"), std::string(R"({"version": 1, "admins": null})"),
        std::string(R"({"version": true, "admins": {}})"), std::string(R"({"version": 1e300, "admins": {}})"),
        std::string(R"({"version": 1, "admins": {"web": 5}})"),
        std::string(R"({"version": 1, "admins": {"web": {"state": "sleep"}}})"), std::string("\0\xff", 2)}) {
    INFO(text);
    TemporaryDirectory directory;
    const StateFile file(directory.path());
    std::ofstream(file.path()) << text;
    const auto loaded = file.load();
    REQUIRE_FALSE(loaded);
    CHECK(loaded.error().find(file.path().native()) != std::string::npos);
    // Until it is replaced, the next start has to find it too.
    CHECK_FALSE(file.load());
    REQUIRE(carry_out(file.keeping_aside(), {}));
    CHECK_FALSE(file.load());
    CHECK(content_of(file.path().native() + ".bad") == text);
    REQUIRE(save(file, two_drains()));
    CHECK(file.load() == two_drains());
    CHECK(content_of(file.path().native() + ".bad") == text);
  }
}

TEST_CASE("state: a full disk keeps the old state, and says so") {
  if (::geteuid() != 0) return;
  TemporaryDirectory directory;
  REQUIRE(::mount("tmpfs", directory.path().c_str(), "tmpfs", 0, "size=16k") == 0);
  {
    const StateFile file(directory.path());
    REQUIRE(save(file, two_drains()));
    std::ofstream(directory.path() / "filler") << std::string(64'000, 'x');
    KeptState larger = two_drains();
    larger.admins["more"] = {{AdminState::drain, std::string(20'000, 'y'), "root", kSince, std::nullopt}};
    const auto saved = save(file, larger);
    REQUIRE_FALSE(saved);
    CHECK(saved.error().find("No space left") != std::string::npos);
    CHECK(file.load() == two_drains());
  }
  REQUIRE(::umount(directory.path().c_str()) == 0);
}

TEST_CASE("state: penalties are kept; older files have none, and junk among them harms nothing else") {
  KeptState state = two_drains();
  state.flaps["web"] = {kSince, 1831.25, true};
  const auto read = parse_state(render_state(state));
  REQUIRE(read);
  CHECK(*read == state);
  CHECK(parse_state(R"({"version": 1, "admins": {}})") == KeptState{});
  for (const std::string& damping :
       {std::string("5"), std::string(R"({"web": 5})"), std::string(R"({"web": {}})"),
        std::string(R"({"web": {"withdrawn_ms": -1, "penalty": 1, "suppressed": true}})"),
        std::string(R"({"web": {"withdrawn_ms": 9e18, "penalty": 1, "suppressed": true}})"),
        std::string(R"({"web": {"withdrawn_ms": 1, "penalty": -1, "suppressed": true}})"),
        std::string(R"({"web": {"withdrawn_ms": 1, "penalty": "high", "suppressed": true}})")}) {
    INFO(damping);
    const auto odd = parse_state(R"({"version": 1, "admins": {}, "damping": )" + damping + "}");
    REQUIRE(odd);
    CHECK(odd->flaps.empty());
  }
}

TEST_CASE("state: members of another type are an error, and never a service that nobody has drained") {
  KeptState kept = two_drains();
  kept.flaps["web"] = {kSince, 1831.25, true};
  const auto document = nlohmann::json::parse(render_state(kept));
  each_type_swap(document, [&](const std::string& place, const std::string& text, bool /*is_deep*/) {
    INFO(place << ": " << text.substr(0, 2000));
    const auto read = parse_state(text);
    if (place.starts_with("/damping")) {
      REQUIRE(read);
      CHECK(read->admins == kept.admins);
    } else if (read) {
      // A number that is no time, or null for "for ever": still drained. So is who is in a list that is not believed.
      CHECK((place.ends_with("_ms") || place.starts_with("/orders")));
      CHECK(read->admins.size() == kept.admins.size());
    }
  });
}

TEST_CASE("state: times beyond what a clock can hold are its nearest end") {
  const auto expires = [](const std::string& number) {
    const auto read =
        parse_state(R"({"version": 1, "admins": {"web": {"state": "drain", "reason": "", "who": "root",)"
                    R"("since_ms": )" +
                    number + R"(, "expires_ms": )" + number + "}}}");
    REQUIRE(read);
    CHECK(read->admins.at("web")[0].since == read->admins.at("web")[0].expires);
    return std::chrono::floor<std::chrono::seconds>(read->admins.at("web")[0].expires.value())
        .time_since_epoch()
        .count();
  };
  constexpr std::int64_t kYear2200 = 7'258'118'400;
  CHECK(expires("1795492070000") == 1795492070);
  for (const char* late : {"9223372036854775807", "18446744073709551615", "1e300", "9999999999999999"}) {
    INFO(late);
    CHECK(expires(late) == kYear2200);
  }
  for (const char* early : {"-1", "-9223372036854775808", "-1e300"}) {
    INFO(early);
    CHECK(expires(early) == 0);
  }
}

}  // namespace state_file_test
