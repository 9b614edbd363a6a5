#include "sidecar/ctl/life.h"

#include <catch2/catch.hpp>
#include <tuple>

#include "tests/ctl/scene.h"

namespace life_test {

using namespace herald;
using namespace fixture;

TEST_CASE("reload tells what has changed, or every error and exit 2") {
  Scene scene;
  Snapshot snapshot = two_services();
  SECTION("done") {
    const Child heraldd([&] { scene.serve(snapshot); });
    (void)scene.status();
    const auto done = ctl::reload(scene.options);
    CHECK(std::tuple(done.code, done.out, done.err) ==
          std::tuple(ctl::kDone, "reloaded: 1 changed (web)\n", "lease is short\n"));
  }
  SECTION("errors") {
    snapshot.services.pop_back();
    const Child heraldd([&] { scene.serve(snapshot); });
    (void)scene.status();
    const auto refused = ctl::reload(scene.options);
    CHECK(refused.code == ctl::kUsage);
    CHECK(refused.err ==
          "2 errors, and nothing has changed\nherald.json: /services: bad\ncontrol.socket cannot change\n");
    scene.options.json = true;
    CHECK(ctl::reload(scene.options).out.find("control.socket cannot change") != std::string::npos);
  }
}

TEST_CASE("handover returns once heraldd has gone, or says why not") {
  Scene scene;
  Snapshot snapshot = two_services();
  SECTION("gone") {
    const Child heraldd([&] { scene.serve(snapshot); });
    (void)scene.status();
    const auto done = ctl::handover(scene.options);
    CHECK(std::tuple(done.code, done.out, done.err) == std::tuple(ctl::kDone, "", ""));
    CHECK(ctl::status(scene.options, {}).code == ctl::kNotReachable);
  }
  SECTION("still there after --timeout") {
    snapshot.services.pop_back();
    const Child heraldd([&] { scene.serve(snapshot); });
    (void)scene.status();
    scene.options.timeout = 200ms;
    scene.options.timeout_given = true;
    const auto late = ctl::handover(scene.options);
    CHECK(late.code == ctl::kTimedOut);
    CHECK(late.err == "heraldd has not gone after 200ms; the handover goes on\n");
  }
  SECTION("on its way out already") {
    snapshot.stopping = true;
    const Child heraldd([&] { scene.serve(snapshot); });
    (void)scene.status();
    const auto refused = ctl::handover(scene.options);
    CHECK(refused.code == ctl::kNotAsWanted);
    CHECK(refused.err == "heraldd is about to exit already\n");
  }
  SECTION("it cannot be kept") {
    snapshot.services.clear();
    const Child heraldd([&] { scene.serve(snapshot); });
    (void)scene.status();
    const auto refused = ctl::handover(scene.options);
    CHECK(refused.code == ctl::kNotAsWanted);
    CHECK(refused.err ==
          "nothing was changed, because it could not be kept: write /handover: No space left on device\n");
  }
}

}  // namespace life_test
