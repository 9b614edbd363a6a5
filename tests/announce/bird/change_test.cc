// One change, state by state; what the lever makes of it is tested there.
#include "sidecar/announce/bird/change.h"

#include <optional>

#include "tests/announce/bird/fake_birdc.h"
#include "tests/announce/router/outcomes.h"

namespace herald::change_test {
namespace {

using Texts = std::vector<std::string>;

const Vip kWeb{"10.99.0.1/32"};
const Vip kOther{"10.99.0.2/32"};
const Vip kWeb6{"fd00:99::1/128"};
const Policy kHealthy{"HERALD-web-healthy", {}};
const RouteStep kAnnounce{kWeb, kHealthy};
const RouteStep kWithdraw{kWeb, std::nullopt};
const RouteStep kWithdraw6{kWeb6, std::nullopt};
constexpr std::string_view kTheirs = "8002 /etc/bird/bird.conf:12:5 syntax error\n";
constexpr const char* kToldTheirs = "/etc/bird/bird.conf:12:5 syntax error: not herald's file";

struct Bench : FakeBirdc {
  Bench() {
    replies("configure check", "0020 Configuration OK\n");
    replies("configure", "0003 Reconfigured\n");
    replies("show status", "0013 Daemon is up and running\n");
    replies("configure status", "0003-Daemon is up and running\n0000 \n");
    replies("enable herald_10_99_0_1", "0011-herald_10_99_0_1: enabled\n0000 \n");
    replies("enable herald_fd00_99__1", "0011-herald_fd00_99__1: enabled\n0000 \n");
    replies("disable herald_10_99_0_1", "0009-herald_10_99_0_1: disabled\n0000 \n");
    replies("disable herald_fd00_99__1", "0008-herald_fd00_99__1: already disabled\n0000 \n");
  }
  void replies(const std::string& command, const std::string& text) const {
    answers(command, "0001 BIRD 2.0.12 ready.\n" + text);
  }
  Texts apply(std::vector<RouteStep> steps) {
    if (!change) change.emplace(loop, spec);
    std::optional<Texts> told;
    change->start(std::move(steps), [&](const auto& outcomes) {
      REQUIRE_FALSE(told);
      CHECK_FALSE(change->under_way());  // the next one may begin
      told = texts_of(outcomes);
      loop.exit(0);
    });
    CHECK_FALSE(told);  // later
    CHECK(change->under_way());
    const Source limit = loop.timer_at(Loop::clock() + 10s, [this] { loop.exit(1); });
    loop.run();
    REQUIRE(told);
    return *told;
  }
  [[nodiscard]] BirdRoutes written() const { return parse_bird_include(file("herald.conf")); }

  Loop loop;
  std::optional<BirdChange> change;
};

TEST_CASE_METHOD(Bench, "a change: the file, a check, and then it is loaded; what stays, stays") {
  CHECK(apply({kAnnounce}) == Texts{"taken"});
  CHECK(calls() == "configure status\nconfigure check\nconfigure\n");
  CHECK(apply({{kOther, kHealthy}, kWithdraw6}) == Texts{"taken", "taken"});
  CHECK(written() == BirdRoutes{{kWeb, {"HERALD-web-healthy", ""}}, {kOther, {"HERALD-web-healthy", ""}}});
  CHECK_FALSE(change->rescue_reason());
}

TEST_CASE_METHOD(Bench, "a change that changes nothing is told to BIRD all the same, and the file is left") {
  CHECK(apply({kAnnounce}) == Texts{"taken"});
  (void)calls();
  std::filesystem::create_hard_link(include(), directory.path() / "same");
  CHECK(apply({kAnnounce}) == Texts{"taken"});
  CHECK(calls() == "configure status\nconfigure check\nconfigure\n");
  CHECK(std::filesystem::equivalent(include(), directory.path() / "same"));
}

TEST_CASE_METHOD(Bench, "what is queued behind another reconfiguration is done once no more is under way") {
  replies("configure", "0005 Reconfiguration already in progress, queueing new config\n");
  CHECK(apply({kAnnounce}) == Texts{"taken"});
  CHECK(calls() == "configure status\nconfigure check\nconfigure\nshow status\n");
  replies("show status", "8007 Access denied\n");
  CHECK(apply({kWithdraw}) == Texts{"birdc: 8007 Access denied"});
}

TEST_CASE_METHOD(Bench,
                 "a reply that is neither yes nor no fails the change at its step, and the file stays") {
  replies("configure check", "0003 Reconfigured\n");
  CHECK(apply({kAnnounce}) == Texts{"birdc: 0003 Reconfigured"});
  CHECK(calls() == "configure status\nconfigure check\n");
  replies("configure check", "0020 Configuration OK\n");
  replies("configure", "0020 Configuration OK\n");
  CHECK(apply({kAnnounce}) == Texts{"birdc: 0020 Configuration OK"});
  CHECK(written().contains(kWeb));
}

TEST_CASE_METHOD(Bench,
                 "a file that somebody breaks between the check and the load is treated as by the check") {
  CHECK(apply({kAnnounce}) == Texts{"taken"});
  (void)calls();
  replies("configure", std::string(kTheirs));
  CHECK(apply({kWithdraw}) == Texts{"taken"});
  CHECK(calls() == "configure status\nconfigure check\nconfigure\ndisable 'herald_10_99_0_1'\n");
}

TEST_CASE_METHOD(Bench, "why a protocol was disabled is known until a configuration succeeds") {
  CHECK(apply({kAnnounce, {kOther, kHealthy}}) == Texts{"taken", "taken"});
  (void)calls();
  replies("configure check", std::string(kTheirs));
  CHECK(apply({kWithdraw, kWithdraw6}) == Texts{"taken", "taken"});
  CHECK(change->rescue_reason() == kToldTheirs);
  CHECK(calls() ==
        "configure status\nconfigure check\ndisable 'herald_10_99_0_1'\ndisable 'herald_fd00_99__1'\n");
  CHECK(written() == BirdRoutes{{kOther, {"HERALD-web-healthy", ""}}});
  CHECK(apply({{kOther, kHealthy}}) == Texts{kToldTheirs});
  CHECK(change->rescue_reason() == kToldTheirs);
  (void)calls();
  replies("configure check", "0020 Configuration OK\n");
  CHECK(apply({kAnnounce}) == Texts{"taken"});
  CHECK_FALSE(change->rescue_reason());
  // The other one has no protocol any more.
  CHECK(calls() == "configure status\nconfigure check\nconfigure\nenable 'herald_10_99_0_1'\n");
  CHECK(apply({kAnnounce}) == Texts{"taken"});
  CHECK(calls() == "configure status\nconfigure check\nconfigure\n");  // once
}

TEST_CASE_METHOD(Bench,
                 "what was disabled comes back while the operator's error stands, with nothing loaded") {
  CHECK(apply({kAnnounce}) == Texts{"taken"});
  replies("configure check", std::string(kTheirs));
  CHECK(apply({kWithdraw}) == Texts{"taken"});
  (void)calls();
  CHECK(apply({kAnnounce}) == Texts{"taken"});
  CHECK(calls() == "configure status\nconfigure check\nenable 'herald_10_99_0_1'\n");
  CHECK(written().contains(kWeb));
}

TEST_CASE_METHOD(
    Bench, "nothing is loaded while an operator's configuration is on trial, and a withdrawal goes out") {
  CHECK(apply({kAnnounce}) == Texts{"taken"});
  (void)calls();
  replies("configure status",
          "0003-Daemon is up and running\n0022-Configuration unconfirmed, undo in 7.9 s\n0000 \n");
  CHECK(apply({kWithdraw, {kOther, kHealthy}}) == Texts{"taken", bird_trial_reason()});
  CHECK(calls() == "configure status\ndisable 'herald_10_99_0_1'\n");
  CHECK(change->rescue_reason() == bird_trial_reason());
  CHECK(written() == BirdRoutes{{kOther, {"HERALD-web-healthy", ""}}});
  replies("configure status", "0003-Daemon is up and running\n0000 \n");
  CHECK(apply({{kOther, kHealthy}}) == Texts{"taken"});
  CHECK(calls() == "configure status\nconfigure check\nconfigure\n");
}

TEST_CASE_METHOD(Bench, "a BIRD that does not know the question after a trial is told all the same") {
  replies("configure status", "9001 syntax error, unexpected CF_SYM_UNDEFINED\n");
  CHECK(apply({kAnnounce}) == Texts{"taken"});
}

TEST_CASE_METHOD(Bench, "a protocol that cannot be disabled rescues nothing, and both reasons are told") {
  replies("configure check", std::string(kTheirs));
  replies("disable herald_10_99_0_1", "8003 herald_10_99_0_1: no such protocol\n");
  CHECK(apply({kWithdraw, kWithdraw6}) ==
        Texts{std::string(kToldTheirs) + "; birdc: 8003 herald_10_99_0_1: no such protocol", "taken"});
}

TEST_CASE_METHOD(Bench,
                 "herald's own first file, refused, becomes an empty one: a later load must not meet it") {
  replies("configure check", "8002 " + include() + ":4:11 syntax error\n");
  CHECK(apply({kAnnounce}) == Texts{include() + ":4:11 syntax error"});
  CHECK(file("herald.conf") == render_bird_include({}));
}

TEST_CASE_METHOD(Bench, "a file of the same name elsewhere is the operator's") {
  const std::string theirs = directory.write("other/herald.conf", "");
  replies("configure check", "8002 " + theirs + ":1:1 syntax error\n");
  CHECK(apply({kAnnounce}) == Texts{theirs + ":1:1 syntax error: not herald's file"});
  CHECK(written().contains(kWeb));
}

TEST_CASE_METHOD(Bench, "a file that cannot be written: what leaves is rescued, what comes is told why") {
  spec.bird.include = "/proc/herald.conf";
  const Texts told = apply({kWithdraw, {kWeb6, kHealthy}});
  CHECK(told[0] == "taken");
  CHECK(told[1].starts_with("create /proc/.herald.conf."));
  CHECK(calls() == "disable 'herald_10_99_0_1'\n");
}

TEST_CASE_METHOD(Bench, "a file that cannot be read is not written over, and every step is told so") {
  spec.bird.include = directory.path();
  const std::string why = "read " + directory.path().native() + ": Is a directory";
  CHECK(apply({kAnnounce, kWithdraw6}) == Texts{why, why});
  CHECK(calls().empty());
}

TEST_CASE_METHOD(Bench, "a step that BIRD cannot be told keeps its own reason when all fails") {
  spec.as.reset();
  replies("configure check", "8007 Access denied\n");
  CHECK(apply({{kWeb, Policy{"HERALD-web-draining", {.prepend = 3}}}, {kOther, kHealthy}}) ==
        Texts{"prepend needs router.bgp.as", "birdc: 8007 Access denied"});
}

}  // namespace
}  // namespace herald::change_test
