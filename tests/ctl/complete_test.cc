#include "sidecar/ctl/complete.h"

#include <catch2/catch.hpp>

#include "tests/ctl/scene.h"

namespace complete_test {

using namespace herald;
using namespace fixture;

namespace {

// A heraldctl with two commands, one of them hidden from the help.
struct Program {
  CLI::App app;
  std::string value;
  std::vector<std::string> several;
  bool quiet = false;

  Program() {
    app.add_option("--socket", value, "where heraldd listens");
    CLI::App& status = *app.add_subcommand("status", "one line a service");
    status.add_option("SERVICE", several);
    status.add_flag("--quiet", quiet, "says nothing");
    app.add_subcommand("undrain", "ends a drain")->add_option("--by", value, "whose");
    app.add_subcommand("probe", "runs probes")->add_option("SERVICE[/PROBE]", value);
    app.add_subcommand("hidden", "is not there")->group("");
  }
};

const std::string kNowhere = "/nonexistent/control.sock";

}  // namespace

TEST_CASE("commands and options are completed with what they are") {
  const Program program;
  CHECK(ctl::complete(program.app, {""}, kNowhere) ==
        "status\tone line a service\nundrain\tends a drain\nprobe\truns probes\n");
  CHECK(ctl::complete(program.app, {"st"}, kNowhere) == "status\tone line a service\n");
  CHECK(ctl::complete(program.app, {"hid"}, kNowhere).empty());
  CHECK(ctl::complete(program.app, {"status", "--q"}, kNowhere) == "--quiet\tsays nothing\n");
  CHECK(ctl::complete(program.app, {"status", "--so"}, kNowhere) == "--socket\twhere heraldd listens\n");
  CHECK(ctl::complete(program.app, {"--socket", ""}, kNowhere).empty());  // a file may be meant
  CHECK(ctl::complete(program.app, {"status", ""}, kNowhere).empty());    // nobody is there to ask
}

TEST_CASE("names of services and probes are the daemon's, and none twice") {
  const Program program;
  const Scene scene;
  const Child heraldd([&] { scene.serve(two_services()); });
  (void)scene.status();
  const std::string socket = scene.options.socket;
  CHECK(ctl::complete(program.app, {"status", ""}, socket) == "web\tannounced\nresolver\twithdrawing\n");
  CHECK(ctl::complete(program.app, {"status", "web", ""}, socket) == "resolver\twithdrawing\n");
  CHECK(ctl::complete(program.app, {"--socket", socket, "status", "w"}, kNowhere) == "web\tannounced\n");
  CHECK(ctl::complete(program.app, {"probe", "web/f"}, socket) == "web/front\tup\n");
}

TEST_CASE("whose drain may be meant is the daemon's to tell, too") {
  const Program program;
  const Scene scene;
  Snapshot snapshot = two_services();
  snapshot.services[0].orders = {{AdminState::drain, "kernel update", "playbook", kNow, std::nullopt},
                                 {AdminState::drain, "", "root", kNow, std::nullopt}};
  snapshot.services[1].orders = {{AdminState::drain, "kernel update", "playbook", kNow, std::nullopt}};
  const Child heraldd([&] { scene.serve(snapshot); });
  (void)scene.status();
  const std::string socket = scene.options.socket;
  CHECK(ctl::complete(program.app, {"undrain", "--by", ""}, socket) == "playbook\tkernel update\nroot\n");
  CHECK(ctl::complete(program.app, {"undrain", "--by", "p"}, socket) == "playbook\tkernel update\n");
  CHECK(ctl::complete(program.app, {"undrain", "--by", ""}, kNowhere).empty());
}

}  // namespace complete_test
