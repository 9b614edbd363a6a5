#include <csignal>
#include <filesystem>
#include <fstream>

#include "tests/os/children.h"
#include "tests/probes/lab.h"

namespace exec_probe_test {

using namespace herald;
using namespace herald::probes;
using namespace herald::probes::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

json script(const std::string& text) {
  return {{"command", {"/bin/sh", "-c", text}}};
}

void check_verdict(Lab& lab, const json& settings, Verdict verdict, Reason reason,
                   const std::string& detail) {
  const auto result = lab.run("exec", settings);
  CAPTURE(settings, result);
  CHECK(result.verdict == verdict);
  CHECK(result.reason == reason);
  CHECK(result.detail == detail);
  CHECK(result.latency > 0ns);
}

}  // namespace

TEST_CASE("exec: 0 passes, everything else fails, and the first line is the detail") {
  Lab lab;
  const auto check = [&](const std::string& text, Verdict verdict, Reason reason, const std::string& detail) {
    check_verdict(lab, script(text), verdict, reason, detail);
  };
  check("echo all is well; echo more; exit 0", Verdict::pass, Reason::none, "all is well");
  check("exit 0", Verdict::pass, Reason::none, "exit code 0");
  check("echo disk 85 %; exit 1", Verdict::fail, Reason::status, "exit code 1: disk 85 %");
  check("echo down >&2; exit 2", Verdict::fail, Reason::status, "exit code 2: down");
  check("exit 3", Verdict::fail, Reason::status, "exit code 3");
  check("exit 127", Verdict::fail, Reason::status, "exit code 127");
  check("echo half; kill -SEGV $$", Verdict::fail, Reason::status,
        "killed by signal 11 (Segmentation fault): half");
  check("set -e; false; exit 0", Verdict::fail, Reason::status, "exit code 1");
}

TEST_CASE("exec: what every command says that is not well") {
  Lab lab;
  const std::vector<std::vector<std::string>> commands{
      {"/bin/false"},
      {"/usr/bin/test", "1", "-eq", "2"},
      {"/bin/grep", "-q", "herald", "/dev/null"},
      {"/usr/bin/python3", "-c", "raise SystemError('down')"}};
  for (const auto& command : commands) {
    CAPTURE(command[0]);
    CHECK(lab.run("exec", {{"command", command}}).verdict == Verdict::fail);
  }
}

TEST_CASE("exec: exit codes as with Nagios, or as is said") {
  Lab lab;
  json settings = script("echo x; exit 1");
  const auto exits = [&](int code) {
    settings["command"][2] = "echo x; exit " + std::to_string(code);
    return settings;
  };
  settings["exit_codes"] = "nagios";
  check_verdict(lab, exits(0), Verdict::pass, Reason::none, "x");
  check_verdict(lab, exits(1), Verdict::warn, Reason::status, "x");
  check_verdict(lab, exits(2), Verdict::fail, Reason::status, "exit code 2: x");
  check_verdict(lab, exits(3), Verdict::inconclusive, Reason::local, "x");
  check_verdict(lab, exits(4), Verdict::fail, Reason::status, "exit code 4: x");
  settings["exit_codes"] = {{"warn", {0, 7}}, {"inconclusive", {255}}, {"pass", {1}}, {"fail", {2}}};
  check_verdict(lab, exits(0), Verdict::warn, Reason::status, "x");
  check_verdict(lab, exits(1), Verdict::pass, Reason::none, "x");
  check_verdict(lab, exits(2), Verdict::fail, Reason::status, "exit code 2: x");
  check_verdict(lab, exits(7), Verdict::warn, Reason::status, "x");
  check_verdict(lab, exits(255), Verdict::inconclusive, Reason::local, "x");
  check_verdict(lab, exits(9), Verdict::fail, Reason::status, "exit code 9: x");
}

TEST_CASE("exec: the detail is one clean line") {
  Lab lab;
  const auto result = lab.run("exec", script("printf 'a\\033[31m\\001\\377\\303\\251 b\\r\\nc'"));
  CHECK(result.detail == "a\\x1b[31m\\x01\\xff\xc3\xa9 b");
  const auto flood = lab.run("exec", script("head -c 1000000 /dev/zero | tr '\\0' x"));
  CHECK(flood.detail == std::string(200, 'x') + "...");
  CHECK(flood.verdict == Verdict::pass);
}

TEST_CASE("exec: the environment is what is given and a PATH") {
  Lab lab;
  setenv("HERALD_SECRET", "x", 1);
  json settings{{"command", {"/usr/bin/env"}}, {"env", {{"TARGET", "a b"}}}};
  CHECK(lab.run("exec", settings).detail == "TARGET=a b");
  settings = script("echo $PATH:$HERALD_SECRET");
  CHECK(lab.run("exec", settings).detail == "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:");
  settings["env"] = {{"PATH", "/bin"}};
  CHECK(lab.run("exec", settings).detail == "/bin:");
}

TEST_CASE("exec: a command that cannot be run is no probe") {
  Lab lab;
  const auto error = [&](const std::string& command) {
    return lab.try_make("exec", {{"command", {command}}}).error();
  };
  CHECK(error("/no/such/command") == "run /no/such/command: No such file or directory");
  CHECK(error("/etc/passwd") == "run /etc/passwd: Permission denied");
  CHECK(error("/etc") == "run /etc: it is no program");
}

TEST_CASE("exec: a command that cannot be run any more says nothing about the service") {
  Lab lab;
  const std::string file = "/tmp/herald_exec_test.gone." + std::to_string(getpid());
  std::filesystem::copy_file("/bin/true", file);
  const auto probe = lab.make("exec", {{"command", {file}}});
  std::filesystem::remove(file);
  const auto result = lab.run(*probe);
  REQUIRE(result);
  CHECK(result->verdict == Verdict::inconclusive);
  CHECK(result->reason == Reason::local);
  CHECK(result->detail == "run " + file + ": No such file or directory");
}

TEST_CASE("exec: at the deadline the whole group is killed") {
  Lab lab;
  const std::string file = "/tmp/herald_exec_test." + std::to_string(getpid());
  const auto probe = lab.make("exec", script("sleep 1000 & echo $! $$ > " + file + "; wait"));
  auto attempt = probe->start([](const ProbeResult&) { FAIL("reported after it was destroyed"); });
  REQUIRE(attempt);
  for (int i = 0; i < 500 && std::ifstream(file).peek() == EOF; ++i) lab.run_for(10ms);
  CHECK((*attempt)->stage() == "waiting for the command to end");
  attempt->reset();
  int grandchild = 0;
  int child = 0;
  std::ifstream(file) >> grandchild >> child;
  std::remove(file.c_str());
  REQUIRE(child > 0);
  for (int i = 0; i < 500 && (is_alive(grandchild) || is_alive(child)); ++i) lab.run_for(10ms);
  CHECK_FALSE(is_alive(grandchild));
  CHECK_FALSE(is_alive(child));
}

TEST_CASE("exec: what left the group is ended too, at the deadline and after the end") {
  Lab lab;
  const std::string file = "/tmp/herald_exec_test.daemon." + std::to_string(getpid());
  const std::string daemon =
      "setsid sh -c 'trap \"\" TERM; (sleep 1000 & echo $! > " + file + "; wait) & exit' & ";
  const auto wait_for_daemon = [&] {
    for (int i = 0; i < 500 && std::ifstream(file).peek() == EOF; ++i) lab.run_for(10ms);
    int pid = 0;
    std::ifstream(file) >> pid;
    std::remove(file.c_str());
    REQUIRE(pid > 0);
    return pid;
  };
  const auto ends = [&](int pid) {
    for (int i = 0; i < 500 && is_alive(pid); ++i) lab.run_for(10ms);
    return !is_alive(pid);
  };
  const auto hanging = lab.make("exec", script(daemon + "sleep 1000"));
  auto attempt = hanging->start([](const ProbeResult& result) { FAIL("ended: " << result.detail); });
  REQUIRE(attempt);
  const int during = wait_for_daemon();
  CHECK(is_alive(during));
  attempt->reset();
  CHECK(ends(during));
  const auto result =
      lab.run("exec", script(daemon + "while ! test -s " + file + "; do sleep 0.01; done; echo well"));
  CHECK(result.detail == "well");
  CHECK_FALSE(is_alive(wait_for_daemon()));
}

TEST_CASE("exec: what is wrong with the settings is reported") {
  const auto one = [](const json& settings) {
    const auto found = Lab::errors_of("exec", settings);
    REQUIRE(found.size() == 1);
    return found[0];
  };
  CHECK_THAT(one(json::object()), Contains("\"command\" is required"));
  CHECK_THAT(one({{"command", "/bin/true"}}), StartsWith("/command"));
  CHECK_THAT(one({{"command", json::array()}}), StartsWith("/command"));
  CHECK_THAT(one({{"command", {"true"}}}), Contains("absolute path"));
  CHECK_THAT(one({{"command", {"/bin/true", std::string("a\0b", 3)}}}), StartsWith("/command/1"));
  CHECK_THAT(one({{"command", {"/bin/true"}}, {"env", {{"A", 1}}}}), StartsWith("/env/A"));
  CHECK_THAT(one({{"command", {"/bin/true"}}, {"env", {{"A=B", "c"}}}}), StartsWith("/env/A=B"));
  CHECK_THAT(one({{"command", {"/bin/true"}}, {"shell", true}}), StartsWith("/shell: unknown key"));
  CHECK_THAT(one({{"command", {"/bin/true"}}, {"exit_codes", "icinga"}}), StartsWith("/exit_codes: must be"));
  CHECK_THAT(one({{"command", {"/bin/true"}}, {"exit_codes", {{"warning", {1}}}}}),
             StartsWith("/exit_codes/warning: unknown key"));
  CHECK_THAT(one({{"command", {"/bin/true"}}, {"exit_codes", {{"warn", 1}}}}),
             StartsWith("/exit_codes/warn"));
  CHECK_THAT(one({{"command", {"/bin/true"}}, {"exit_codes", {{"warn", {1, 256}}}}}),
             StartsWith("/exit_codes/warn/1: must be an exit code"));
  CHECK_THAT(one({{"command", {"/bin/true"}}, {"exit_codes", {{"warn", {1}}, {"fail", {1}}}}}),
             StartsWith("/exit_codes/fail/0: 1 has a verdict already"));
  const json socket_keys{{"source", "::1"}, {"bind_device", "lo"}, {"mark", 7}};
  for (const auto& [key, value] : socket_keys.items()) {
    CHECK(one({{"command", {"/bin/true"}}, {key, value}}) == "/" + key + ": has no effect on a command");
  }
  CHECK(Lab::target("exec", {{"command", {"/bin/true"}}}).empty());
}

TEST_CASE("exec: it talks to nothing that herald knows") {
  CHECK(Lab::endpoint("exec", {{"command", {"/bin/true"}}}).empty());
  CHECK(Lab::target("exec", {{"command", {"/bin/true"}}}).empty());
}

}  // namespace exec_probe_test
