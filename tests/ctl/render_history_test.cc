#include <catch2/catch.hpp>

#include "sidecar/ctl/render.h"
#include "tests/control/snapshot_fixture.h"
#include "tests/ctl/utc.h"

namespace render_history_test {

using namespace herald;
using namespace fixture;

TEST_CASE("history is a line a transition: when, what, how long it was as before, and why") {
  const Utc utc;
  const ctl::Report report = history_report(some_history(), "", kClocks);
  CHECK(ctl::render_history(report, {}) ==
        "2026-11-22 14:03:00.000  heraldd    started                                 0.1.0\n"
        "00:03:00.000             old        announced -> withdrawing  after 1d 2h   herald stops\n"
        "10:02:00.000             web        admin auto -> drain       after 10h 0m  by root: update\n"
        "10:02:01.000             web/front  up -> down                after 1h 1m   refused: connect\n");
  CHECK(ctl::render_history(history_report({}, "", kClocks), {}) == "nothing has changed yet\n");
  const auto one = ctl::render_transition(report["transitions"][3],
                                          std::chrono::floor<std::chrono::milliseconds>(kClocks.wall), {});
  CHECK(one ==
        "10:02:01.000  web/front         up -> down                  after 1h 1m   refused: connect\n");
  const auto peer = ctl::render_transition({{"subject", "peer"},
                                            {"peer", "10.1.1.4"},
                                            {"from", "Established"},
                                            {"to", "Active"},
                                            {"lasted_ms", 5000},
                                            {"reason", "the session is lost; 1 is left"}},
                                           std::chrono::floor<std::chrono::milliseconds>(kClocks.wall), {});
  CHECK(peer.find("peer 10.1.1.4") != std::string::npos);
  CHECK(peer.find("Established -> Active") != std::string::npos);
  CHECK(peer.ends_with("the session is lost; 1 is left\n"));
  CHECK(ctl::render_transition({{"reason", "\x1b[2J"}, {"to", 7}}, {}, {}).find("\\x1b[2J") !=
        std::string::npos);
}

}  // namespace render_history_test
