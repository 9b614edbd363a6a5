#include "sidecar/doctor/host_facts.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>

#include "sidecar/announce/levers.h"
#include "tests/os/own_namespace.h"
#include "tests/os/temporary_directory.h"

namespace herald::host_facts_test {
namespace {

const Vip kWeb{"10.99.0.1/32"};
const Vip kWeb6{"fd00:99:0:0::1/128"};  // as somebody may write it
const Vip kAbsent{"10.99.0.2/32"};

Config with_socket_of(const std::string& path) {
  Config config;
  config.router.stack = Stack::bird;
  config.router.bird.socket = path;
  ServiceSpec& web = config.services.emplace_back();
  web.name = "web";
  web.vips = {kWeb, kWeb6, kAbsent};
  return config;
}

TEST_CASE("VIPs are looked for on every interface of this namespace, in whatever form they are written") {
  enter_new_namespace();
  const Config config = with_socket_of("/nowhere");
  CHECK(read_host_facts(config).present.empty());
  Loop loop;
  const auto lever = make_levers(loop, {})->addresses(config.services);
  REQUIRE(lever);
  for (const Vip& vip : {kWeb, kWeb6}) REQUIRE((*lever)->apply({Step::Kind::add, {vip, "lo"}, {}}));
  CHECK(read_host_facts(config).present == std::set<Vip>{kWeb, kWeb6});
  CHECK(read_host_facts(config).foreign.empty());
  REQUIRE(std::system("ip address add 10.99.0.2/32 dev lo") == 0);
  CHECK(read_host_facts(config).foreign == std::map<Vip, std::string>{{kAbsent, "lo"}});
}

TEST_CASE("the router's group is that of BIRD's socket; without a socket nothing is known of it") {
  const TemporaryDirectory directory;
  const std::string socket = directory.write("bird.ctl", "");
  const group* const nogroup = ::getgrnam("nogroup");
  REQUIRE(nogroup != nullptr);
  REQUIRE(::chown(socket.c_str(), 0, nogroup->gr_gid) == 0);
  const HostFacts facts = read_host_facts(with_socket_of(socket));
  CHECK(facts.user == "root");
  CHECK(facts.group == "nogroup");
  CHECK_FALSE(facts.user_in_group);  // root needs none
  CHECK(facts.herald_in_group.has_value() == (::getpwnam("herald") != nullptr));
  const HostFacts unknown = read_host_facts(with_socket_of(directory.path() / "absent"));
  CHECK(unknown.group.empty());
  CHECK_FALSE(unknown.user_in_group);
  CHECK_FALSE(unknown.herald_in_group);
}

// As another user, in a child: 0 where `is_so` of what it reads.
template <typename Is>
int as_nobody(const Config& config, const Is& is_so) {
  const pid_t child = ::fork();
  if (child == 0) {
    const passwd* const nobody = ::getpwnam("nobody");
    if (nobody == nullptr || ::setgid(nobody->pw_gid) != 0 || ::setuid(nobody->pw_uid) != 0) ::_exit(2);
    ::_exit(is_so(read_host_facts(config)) ? 0 : 1);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_CASE("whether another user is in the group is known, and who that is") {
  const TemporaryDirectory directory;
  REQUIRE(::chmod(directory.path().c_str(), 0755) == 0);
  const std::string socket = directory.write("bird.ctl", "");
  const Config config = with_socket_of(socket);  // of group root
  CHECK(as_nobody(config, [](const HostFacts& facts) {
          return facts.user == "nobody" && facts.group == "root" && facts.user_in_group == false;
        }) == 0);
  REQUIRE(::chown(socket.c_str(), 0, ::getpwnam("nobody")->pw_gid) == 0);
  CHECK(as_nobody(config, [](const HostFacts& facts) { return facts.user_in_group == true; }) == 0);
}

}  // namespace
}  // namespace herald::host_facts_test
