// Lines by vtysh: its echo (fixtures of FRR 8.4.4), and children that misbehave.
#include "sidecar/announce/frr/vtysh.h"

#include <catch2/catch.hpp>

#include "tests/announce/fixture.h"
#include "tests/announce/frr/transport_bench.h"

namespace herald::vtysh_test {
namespace {

const Lines kLines{"configure terminal", "router bgp"};

TEST_CASE("an echo to the end: every line was taken") {
  Lines lines;
  std::istringstream echo(fixture("frr-8.4.4-echo-done.txt"));
  for (std::string line; std::getline(echo, line);) lines.push_back(line.substr(line.find("# ") + 2));
  lines.pop_back();  // the last `end` is the transport's own
  const auto reply = parse_vtysh_echo(fixture("frr-8.4.4-echo-done.txt"), lines);
  CHECK_FALSE(reply.error);
  CHECK(reply.answers == std::vector<FrrAnswer>(lines.size()));
}

TEST_CASE("an echo that stops: the last answer is a refusal") {
  const Lines lines{"configure terminal",          "router bgp",
                    "address-family ipv4 unicast", "network 10.99.0.7/32 route-map HERALD-web-healthy",
                    "no network 10.99.0.9/32",     "no network 10.99.0.7/32"};
  const auto absent = parse_vtysh_echo(fixture("frr-8.4.4-echo-absent.txt"), lines);
  REQUIRE(absent.answers.size() == 5);
  CHECK(absent.answers[3] == FrrAnswer{});
  CHECK(absent.answers[4] == FrrAnswer{kFrrFailed, "% Can't find static route specified\n"});

  const auto wrong =
      parse_vtysh_echo(fixture("frr-8.4.4-echo-wrong-as.txt"),
                       Lines{"configure terminal", "router bgp 777", "address-family ipv4 unicast"});
  REQUIRE(wrong.answers.size() == 2);
  CHECK(wrong.answers[1] == FrrAnswer{kFrrFailed, "BGP is already running; AS is 65001\n"});
}

TEST_CASE("the last line of all may be the one that is refused") {
  const auto reply =
      parse_vtysh_echo("vm# show x\n{}\nvm# show y\n% Unknown command: show y\n", Lines{"show x", "show y"});
  REQUIRE(reply.answers.size() == 2);
  CHECK(reply.answers[0] == FrrAnswer{kFrrSuccess, "{}\n"});
  CHECK(reply.answers[1] == FrrAnswer{kFrrFailed, "% Unknown command: show y\n"});
}

TEST_CASE("a complaint after which vtysh goes on is a warning") {
  const auto reply = parse_vtysh_echo("vm# a\n% Careful\nvm# b\nvm# end\n", Lines{"a", "b"});
  CHECK(reply.answers == std::vector<FrrAnswer>{{kFrrWarning, "% Careful\n"}, {}});
}

TEST_CASE("what vtysh says before it begins does not matter") {
  const auto reply = parse_vtysh_echo("% Can't open configuration file x\nvm# a\nvm# end\n", Lines{"a"});
  CHECK(reply.answers == std::vector<FrrAnswer>{{}});
}

TEST_CASE("a vtysh that does not begin is out of order") {
  CHECK(parse_vtysh_echo("Exiting: failed to connect to any daemons.\n", kLines).error ==
        "vtysh: Exiting: failed to connect to any daemons.");
  CHECK(parse_vtysh_echo("", kLines).error == "vtysh: no output");
  const std::string chatter =
      "% Can't open configuration file /etc/frr/x/vtysh.conf due to 'No such file or directory'.";
  CHECK(parse_vtysh_echo(chatter + "\nExiting: failed\n", kLines).error == "vtysh: Exiting: failed");
  CHECK(parse_vtysh_echo(chatter, kLines).error == "vtysh: no output");
  const std::string of_pam = "vtysh_pam: Failed in account validation: Authentication failure(7)";
  CHECK(parse_vtysh_echo(chatter + "\n" + of_pam + "Exiting: failed\n", kLines).error ==
        "vtysh: Exiting: failed");
  CHECK(parse_vtysh_echo(of_pam, kLines).error == "vtysh: no output");
  CHECK(parse_vtysh_echo("", {}).error);
}

TEST_CASE("the command line says which bgpd") {
  VtyshSpec spec;
  CHECK(vtysh_argv(spec, Lines{"a b"}, OnFailure::stop) ==
        Lines{"/usr/bin/vtysh", "-d", "bgpd", "-E", "-c", "a b", "-c", "end"});
  spec.socket_dir = "/run/other";
  spec.pathspace = "blue";
  CHECK(vtysh_argv(spec, {}, OnFailure::carry_on) ==
        Lines{"/usr/bin/vtysh", "--vty_socket", "/run/other", "-N", "blue", "-d", "bgpd", "-n", "-c", "end"});
}

struct VtyshBench : TransportBench {
  FrrReply run_script(const std::string& script, OnFailure on_failure = OnFailure::stop) {
    FrrVtysh vtysh(loop, fake_vtysh(script));
    return run(vtysh, kLines, on_failure);
  }
};

TEST_CASE_METHOD(VtyshBench, "a vtysh that echoes") {
  CHECK(run_script("printf 'h# configure terminal\\nh(config)# router bgp\\nh(config-router)# end\\n'")
            .answers == std::vector<FrrAnswer>(2));
}

TEST_CASE_METHOD(VtyshBench, "a vtysh that hangs is killed at the deadline") {
  CHECK(run_script("exec sleep 60").error == "vtysh: no answer within 300ms");
}

TEST_CASE_METHOD(VtyshBench, "a vtysh that prints junk, or only fails") {
  CHECK(run_script("head -c 100000 /dev/zero | tr '\\0' 'x'").error == "vtysh: " + std::string(120, 'x'));
  CHECK(run_script("exit 1").error == "vtysh: no output");
  CHECK(run_script("kill -SEGV $$").error == "vtysh: killed by signal 11");
}

TEST_CASE_METHOD(VtyshBench, "a vtysh that is missing") {
  VtyshSpec spec;
  spec.path = directory.path() / "vtysh";
  FrrVtysh vtysh(loop, spec);
  CHECK(run(vtysh, kLines).error == "run " + spec.path + ": No such file or directory");
}

TEST_CASE_METHOD(VtyshBench, "to carry on is to hear nothing, unless vtysh cannot begin") {
  const auto reply = run_script("exit 0", OnFailure::carry_on);
  CHECK(reply.blind);
  CHECK_FALSE(reply.error);
  CHECK(run_script("echo no vtysh.conf >&2", OnFailure::carry_on).blind);
  CHECK(run_script("echo Exiting: failed to connect to any daemons. >&2", OnFailure::carry_on).error ==
        "vtysh: Exiting: failed to connect to any daemons.");
}

}  // namespace
}  // namespace herald::vtysh_test
