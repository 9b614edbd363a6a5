#include "sidecar/ctl/calls.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <tuple>

#include "sidecar/ctl/life.h"
#include "tests/ctl/scene.h"

namespace calls_test {

using namespace herald;
using namespace fixture;

TEST_CASE("heraldctl tells how the daemon cannot be reached") {
  Scene scene;
  const std::string& path = scene.options.socket;
  const ctl::Outcome outcome = ctl::status(scene.options, {});
  CHECK(outcome.code == ctl::kNotReachable);
  CHECK(outcome.out.empty());
  CHECK(outcome.err ==
        "heraldd does not answer on " + path +
            ": connect: No such file or directory; is it running? (systemctl status herald)\n");
  scene.options.socket = std::string(200, 'x');
  CHECK(ctl::status(scene.options, {}).code == ctl::kNotReachable);
}

TEST_CASE("status exits with 1 when anything asked for is not as it should be") {
  const Scene scene;
  const Child daemon([&] { scene.serve(two_services()); });
  CHECK(scene.status().code == ctl::kNotAsWanted);
  CHECK(scene.status({"web"}).code == ctl::kDone);
  CHECK(scene.status({"web"}).out.find("resolver") == std::string::npos);
  CHECK(scene.status({"resolver", "web"}).code == ctl::kNotAsWanted);
}

TEST_CASE("status and why speak JSON too, in the contract's order") {
  Scene scene;
  const Child daemon([&] { scene.serve(all_well()); });
  scene.options.json = true;
  const ctl::Outcome status = scene.status();
  CHECK(status.code == ctl::kDone);
  ctl::Report expected = status_report(all_well(), kClocks);
  expected["disk"] = {{"answers", true}, {"silent_since", nullptr}};
  CHECK(ctl::Report::parse(status.out) == expected);
  CHECK(status.out.starts_with("{\n  \"version\": \"" HERALD_VERSION "\","));
  const ctl::Outcome why = ctl::why(scene.options, "web");
  CHECK(why.code == ctl::kDone);
  CHECK(ctl::Report::parse(why.out) == *why_report(all_well(), "web", kClocks));
}

TEST_CASE("an unknown service is a usage error with the near name") {
  const Scene scene;
  const Child daemon([&] { scene.serve(two_services()); });
  const ctl::Outcome status = scene.status({"resolvr"});
  CHECK(status.code == ctl::kUsage);
  CHECK(status.err == "no service \"resolvr\"; did you mean \"resolver\"?\n");
  const ctl::Outcome why = ctl::why(scene.options, "wbe");
  CHECK(why.code == ctl::kUsage);
  CHECK(why.err == "no service \"wbe\"; did you mean \"web\"? There are web, resolver\n");
}

TEST_CASE("a daemon that hangs is told from one that is gone") {
  Scene scene;
  scene.options.timeout = 200ms;
  const Child daemon([&] { scene.listen([](int) { ::pause(); }); });
  // The first is accepted and never answered; then the backlog fills.
  for (int i = 0; i < 4; ++i) {
    const ctl::Outcome outcome = scene.status();
    CHECK(outcome.code == ctl::kTimedOut);
    CHECK(outcome.err.find("has not answered on " + scene.options.socket + " within 200ms") !=
          std::string::npos);
  }
}

TEST_CASE("a change that got no answer may have been made, and looking changes nothing") {
  Scene scene;
  scene.options.timeout = 200ms;
  const Child daemon([&] { scene.listen([](int) { ::pause(); }); });
  const std::string may = "what was asked of it may have been carried out, or may still be\n";
  CHECK_FALSE(scene.status().err.ends_with(may));
  scene.options.timeout_given = true;
  for (const auto& outcome : {ctl::drain(scene.options, {.services = {"web"}}), ctl::reload(scene.options)}) {
    CHECK(outcome.code == ctl::kTimedOut);
    CHECK(outcome.err.ends_with(may));
  }
  CHECK(ctl::probe(scene.options, "web", false).err.find(" within 200ms") != std::string::npos);
}

TEST_CASE("something else on the socket is no heraldd") {
  const Scene scene;
  const Child daemon([&] {
    scene.listen([](int fd) {
      std::ignore = ::send(fd, "220 mail.example\0", 17, MSG_NOSIGNAL);
      ::close(fd);
    });
  });
  const ctl::Outcome outcome = scene.status();
  CHECK(outcome.code == ctl::kNotReachable);
  CHECK(outcome.err.find("no Varlink") != std::string::npos);
}

TEST_CASE("a socket that one may not connect to is not permitted") {
  if (::geteuid() != 0) return;
  const Scene scene;
  const Child daemon([&] { scene.serve(all_well()); });
  std::ignore = scene.status();
  ::chmod(scene.options.socket.c_str(), 0600);
  std::filesystem::permissions(scene.directory.path(), std::filesystem::perms(0755));
  const pid_t other = ::fork();
  if (other == 0) {
    if (::setuid(12345) != 0) ::_exit(100);
    ::_exit(ctl::status(scene.options, {}).code);
  }
  int status = 0;
  ::waitpid(other, &status, 0);
  CHECK(WEXITSTATUS(status) == ctl::kNotPermitted);
}

TEST_CASE("drain: told, kept, shown; a name that does not exist changes nothing") {
  Scene scene;
  const Child heraldd([&] { scene.serve(two_services()); });
  (void)scene.status();
  const auto drained = ctl::drain(scene.options, {.services = {"web"}, .reason = "update"});
  CHECK(drained.code == ctl::kDone);
  CHECK(drained.out == "web: drain, draining\n");
  const auto missing = ctl::drain(scene.options, {.services = {"web", "wbe"}});
  CHECK(missing.code == ctl::kUsage);
  CHECK(missing.err.find("did you mean \"web\"?") != std::string::npos);
  const auto all = ctl::force(scene.options, {.all = true});
  CHECK(all.out.find("resolver: force") != std::string::npos);
  CHECK(ctl::undrain(scene.options, {.services = {"web"}}).code == ctl::kDone);
  CHECK(ctl::unforce(scene.options, {.all = true}).code == ctl::kDone);
  CHECK(ctl::clear_damping(scene.options, {.all = true}).out.find("cleared by root") != std::string::npos);
  CHECK(ctl::adopt(scene.options, "web").out ==
        "web: 10.99.0.1/32 on lo is herald's now, and goes when the service is down\n");
  const auto nothing = ctl::adopt(scene.options, "resolver");
  CHECK(nothing.code == ctl::kNotAsWanted);
  CHECK(nothing.err == "no address of somebody else equals a VIP of resolver\n");
  CHECK(ctl::adopt(scene.options, "wbe").code == ctl::kUsage);
  const auto full = ctl::drain(scene.options, {.services = {"web"}, .reason = "disk full"});
  CHECK(full.code == ctl::kNotAsWanted);
  CHECK(full.err ==
        "nothing was changed, because it could not be kept: write /state.json: No space left on device\n");
}

TEST_CASE("undrain says whose has ended and whose stands; what is others' alone is not done") {
  Scene scene;
  const Child heraldd([&] { scene.serve(two_services()); });
  (void)scene.status();
  const auto drain = [&](std::vector<std::string> services, const char* by) {
    CHECK(ctl::drain(scene.options, {.services = std::move(services), .by = by}).code == ctl::kDone);
  };
  drain({"web"}, "ann");
  drain({"web", "resolver"}, "bob");
  const auto anns = ctl::undrain(scene.options, {.services = {"web"}, .by = "ann"});
  CHECK(anns.code == ctl::kDone);
  CHECK(anns.out.ends_with(
      "web: ended the drain by ann\nweb: there still stands the drain by bob; until undone\n"));
  CHECK(anns.err.empty());
  for (const auto& others : {ctl::undrain(scene.options, {.services = {"web"}}),
                             ctl::undrain(scene.options, {.all = true, .by = "ann"})}) {
    CHECK(others.code == ctl::kNotAsWanted);
    CHECK(others.out.contains("web: there still stands the drain by bob; until undone\n"));
    CHECK(others.err.contains("--by NAME"));
  }
  scene.options.json = true;
  const auto every = ctl::undrain(scene.options, {.all = true, .all_orders = true});
  CHECK(every.code == ctl::kDone);
  const auto report = ctl::Report::parse(every.out);
  CHECK(report["ended"].size() == 2);
  CHECK(report["standing"].empty());
  CHECK(report["services"].size() == 2);
}

TEST_CASE("all services where there are none is an empty success, and a wrong value is wrong usage") {
  const Scene scene;
  Snapshot snapshot;
  SECTION("none") {
    const Child heraldd([&] { scene.serve(snapshot); });
    (void)scene.status();
    for (const bool wait : {false, true}) {
      const auto none = ctl::drain(scene.options, {.all = true, .wait = wait});
      CHECK(std::tuple(none.code, none.out) == std::tuple(ctl::kDone, "there are no services\n"));
    }
    CHECK(ctl::drain(scene.options, {}).code == ctl::kUsage);
  }
  SECTION("one that leaves") {
    snapshot.services = {web()};
    snapshot.services[0].name += " (removed)";
    snapshot.services[0].leaving = true;
    const Child heraldd([&] { scene.serve(snapshot); });
    (void)scene.status();
    CHECK(ctl::force(scene.options, {.all = true}).out == "there are no services\n");
  }
  SECTION("a value that heraldd does not take") {
    const Child heraldd([&] { scene.serve(two_services()); });
    (void)scene.status();
    const auto refused = ctl::drain(scene.options, {.services = {"web"}, .lasts = "400d"});
    CHECK(refused.code == ctl::kUsage);
    CHECK(refused.err == "heraldd does not take this value of \"for_ms\"\n");
  }
}

TEST_CASE("drain --wait returns once the stack shows it, or says what is left") {
  Scene scene;
  const Child heraldd([&] { scene.serve(two_services()); });
  (void)scene.status();
  CHECK(ctl::drain(scene.options, {.services = {"web"}, .wait = true}).out == "web: drain, withdrawn\n");
  scene.options.timeout = 300ms;
  scene.options.timeout_given = true;
  const auto late = ctl::drain(scene.options, {.services = {"resolver"}, .reason = "hangs", .wait = true});
  CHECK(late.code == ctl::kTimedOut);
  CHECK(late.out ==
        "resolver: drain, draining; 10.99.0.53/32 is gone from lo but still in frr's BGP table\n");
  CHECK(late.err ==
        "not all is withdrawn after 300ms; the drain stands and goes on\nresolver is draining\n"
        "10.99.0.53/32 is still advertised to 10.1.1.4, 10.1.1.132\n");
}

TEST_CASE("drain --wait ends at once when somebody ends the drain") {
  const Scene scene;
  const Child heraldd([&] { scene.serve(two_services()); });
  (void)scene.status();
  const auto over = ctl::drain(scene.options, {.services = {"resolver"}, .reason = "undone", .wait = true});
  CHECK(over.code == ctl::kNotAsWanted);
  CHECK(over.err == "resolver is not drained any more: auto\n");
}

TEST_CASE("plan: what differs, with the commands; exit 1 if anything does") {
  Scene scene;
  Snapshot snapshot = two_services();
  SECTION("something") {
    const Child heraldd([&] { scene.serve(snapshot); });
    (void)scene.status();
    const auto plan = ctl::plan(scene.options);
    CHECK(plan.code == ctl::kNotAsWanted);
    CHECK(plan.out ==
          "withdraw 10.99.0.53/32\n\nthe commands for it, which heraldd sends by itself:\n"
          "  no network 10.99.0.53/32\n");
  }
  SECTION("nothing") {
    snapshot.services.pop_back();
    const Child heraldd([&] { scene.serve(snapshot); });
    (void)scene.status();
    const auto plan = ctl::plan(scene.options);
    CHECK(plan.code == ctl::kDone);
    CHECK(plan.out == "nothing differs\n");
  }
}

TEST_CASE("metrics: the text as it is, in either format, all pages of it") {
  Scene scene;
  const Child heraldd([&] { scene.serve(two_services()); });
  (void)scene.status();
  const ctl::Outcome plain = ctl::metrics(scene.options, false);
  CHECK(plain.code == ctl::kDone);
  CHECK(plain.out.starts_with("# HELP herald_build_info "));
  CHECK(plain.out.contains("\nherald_reconcile_seconds_count{"));
  CHECK(ctl::metrics(scene.options, true).out.ends_with("# EOF\n"));
}

TEST_CASE("history: all of it, or of one service, also of one that is configured no more") {
  Scene scene;
  const Child heraldd([&] { scene.serve(two_services()); });
  (void)scene.status();
  CHECK(ctl::history(scene.options, "").out.find("announced -> withdrawing") != std::string::npos);
  CHECK(ctl::history(scene.options, "web").out.find("old") == std::string::npos);
  CHECK(ctl::history(scene.options, "old").code == ctl::kDone);
  const auto wrong = ctl::history(scene.options, "webb");
  CHECK(wrong.code == ctl::kUsage);
  CHECK(wrong.err.find("did you mean \"web\"?") != std::string::npos);
  scene.options.json = true;
  CHECK(ctl::Report::parse(ctl::history(scene.options, "").out) ==
        history_report(some_history(), "", kClocks));
}

TEST_CASE("watch: each transition as it comes, until nobody reads or heraldd ends") {
  Scene scene;
  scene.options.json = true;
  std::vector<std::string> lines;
  std::size_t most = 2;
  scene.options.print = [&](const std::string& text) {
    lines.push_back(text);
    return lines.size() < most;
  };
  {
    const Child heraldd([&] { scene.serve(two_services()); });
    (void)scene.status();
    CHECK(ctl::watch(scene.options).code == ctl::kDone);
  }
  REQUIRE(lines.size() == 2);
  CHECK(lines[0] == to_json(some_history().back()).dump() + "\n");
  CHECK(ctl::watch(scene.options).code == ctl::kNotReachable);
}

TEST_CASE("probe: results as they come, exit 1 unless all pass") {
  Scene scene;
  const Child heraldd([&] { scene.serve(two_services()); });
  (void)scene.status();
  const auto good = ctl::probe(scene.options, "web/front", false);
  CHECK(good.code == ctl::kDone);
  CHECK(good.out == "front    gate  pass  1.0 ms  does not count\n");
  const auto bad = ctl::probe(scene.options, "web", true);
  CHECK(bad.code == ctl::kNotAsWanted);
  CHECK(bad.out == "api    gate  fail  1.0 ms  counts\n");
  CHECK(ctl::probe(scene.options, "web/frnt", false).err ==
        "no probe of web \"frnt\"; did you mean \"front\"? There are front, api\n");
  CHECK(ctl::probe(scene.options, "wbe/front", false).code == ctl::kUsage);
  scene.options.json = true;
  CHECK(ctl::Report::parse(ctl::probe(scene.options, "web", false).out)["results"][0]["verdict"] == "fail");
}

}  // namespace calls_test
