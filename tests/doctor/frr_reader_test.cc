// The questions to FRR, asked of a vtysh of the test's own, and what becomes of the answers together.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "tests/announce/fixture.h"
#include "tests/doctor/read_facts.h"
#include "tests/os/temporary_directory.h"

namespace herald::frr_reader_test {
namespace {

using namespace std::chrono_literals;
using Texts = std::vector<std::string>;
const Vip kWeb{"10.99.0.1/32"};

struct Bench {
  Bench() {
    // Answers with the file that is named as the last command, its blanks as "_", and notes how it was called.
    const auto vtysh = directory.write("vtysh", R"(#!/bin/sh
cd "${0%/*}"
echo "$*" >> calls
for command; do :; done
name=$(echo $command | tr ' /' '_|')
if [ -e "./$name" ]; then cat "./$name"; else echo '{}'; fi
)");
    std::filesystem::permissions(vtysh, std::filesystem::perms::owner_all);
    config.router.stack = Stack::frr;
    config.router.peers = {"10.1.1.4", "10.1.1.132"};
    config.router.vtysh.path = vtysh;
    // A pathspace is a folder beside the others; one that is a whole path leads the reader to the test's own files.
    config.router.vtysh.pathspace = directory.path();
    config.router.vtysh.timeout = 500ms;
    config.services.emplace_back().vips = {kWeb};
    says("show version", "FRRouting 8.4.4 (vm) on Linux(6.18).\n");
    says("--help", "Integrated shell for FRR (version 8.4.4). \n");
    says("show running-config", frr_fixture("8.4.4", "running-config.txt"));
    says("show bgp neighbors json", frr_fixture("8.4.4", "neighbors.json"));
    says("show ip prefix-list json", frr_fixture("8.4.4", "prefix-list.json"));
  }
  void says(std::string command, const std::string& text) const {
    std::ranges::replace(command, ' ', '_');
    (void)directory.write(command, text);
  }
  [[nodiscard]] std::string calls() const {
    std::ifstream file(directory.path() / "calls");
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
  RouterFacts read() { return read_facts(loop, *make_frr_facts_reader(loop, config)); }

  TemporaryDirectory directory;
  Config config;
  Loop loop;
};

TEST_CASE_METHOD(Bench, "versions, configuration, lists and peers make the facts") {
  const RouterFacts facts = read();
  CHECK(facts.reachable);
  CHECK(facts.error == std::nullopt);
  CHECK(facts.version == "8.4.4");
  CHECK(facts.client_version == "8.4.4");
  CHECK(facts.frr.has_instance);
  CHECK_FALSE(facts.frr.import_check);
  REQUIRE(facts.peers.size() == 2);
  CHECK(std::ranges::count(facts.peers, "10.1.1.132", &PeerFacts::address) == 1);
  REQUIRE(facts.vips.contains(kWeb));
  CHECK(facts.vips.at(kWeb).held_back_by.empty());
  CHECK(facts.saved.empty());
  CHECK(facts.unreadable.empty());
}

TEST_CASE_METHOD(
    Bench,
    "of lists that are not told nothing is said, and of one that is not there that it lets nothing out") {
  says("show ip prefix-list json", "{}\n");
  const RouterFacts absent = read();
  CHECK_FALSE(absent.vips.at(kWeb).held_back_by.empty());
  CHECK(absent.vips.at(kWeb).redistributed == false);
  for (const char* command : {"show ip prefix-list json", "show ipv6 prefix-list json"}) {
    Bench other;
    other.says(command, "{ \"BGP\": ");
    const RouterFacts untold = other.read();
    CHECK(untold.error);
    CHECK(untold.vips.at(kWeb).held_back_by.empty());
    CHECK(untold.vips.at(kWeb).redistributed == std::nullopt);
  }
}

TEST_CASE_METHOD(Bench, "each daemon is asked by itself, in the pathspace, and about the vrf") {
  config.router.vrf = "blue";
  (void)read();
  const std::string asked = calls();
  const std::string to = "-N " + directory.path().native() + " -d ";
  CHECK(asked.find(to + "bgpd -c show version\n") == 0);
  CHECK(asked.find(to + "bgpd -c show bgp vrf blue neighbors json\n") != std::string::npos);
  CHECK(asked.find(to + "zebra -c show ip nht vrf blue") != std::string::npos);
  CHECK(asked.find("--vty_socket") == std::string::npos);  // with it vtysh drops its setgid rights
  std::filesystem::remove(directory.path() / "calls");
  config.router.vtysh.socket_dir = "/run/other";
  (void)read();
  CHECK(calls().find("--vty_socket /run/other -d bgpd -c show version\n") != std::string::npos);
}

TEST_CASE_METHOD(Bench, "files are read also when FRR does not answer, which is told in its words") {
  says("show version", "Exiting: failed to connect to any daemons.\nand more\n");
  (void)directory.write("frr.conf", "router bgp 65001\n network 10.99.0.1/32\n network 10.98.0.1/32\n");
  std::filesystem::create_directory(directory.path() / "zebra.conf");
  const RouterFacts facts = read();
  CHECK_FALSE(facts.reachable);
  CHECK(facts.error == "Exiting: failed to connect to any daemons.");
  CHECK(std::ranges::count(calls(), '\n') == 1);
  CHECK(facts.saved ==
        std::vector<SavedLine>{{(directory.path() / "frr.conf").native(), "network 10.99.0.1/32"}});
  REQUIRE(facts.unreadable.size() == 1);
  CHECK(facts.unreadable[0].file == (directory.path() / "zebra.conf").native());
}

TEST_CASE_METHOD(Bench, "an answer that is none is told, the first of them alone, and the rest is known") {
  says("show ip prefix-list json", "{ cut off");
  says("show bgp neighbors json", "% Unknown command\n");
  const RouterFacts facts = read();
  CHECK(facts.reachable);
  CHECK(facts.error.value_or("").find("not JSON") != std::string::npos);
  CHECK(facts.peers.empty());
  CHECK(facts.frr.has_instance);
}

}  // namespace
}  // namespace herald::frr_reader_test
