// The questions to BIRD, asked of a birdc of the test's own, and what becomes of the answers together.
#include <algorithm>
#include <filesystem>
#include <optional>

#include "sidecar/announce/bird/view.h"
#include "tests/announce/bird/fake_birdc.h"
#include "tests/announce/fixture.h"
#include "tests/doctor/read_facts.h"

namespace herald::bird_reader_test {
namespace {

using Texts = std::vector<std::string>;
const Vip kWeb{"10.99.0.1/32"};
const Vip kOther{"10.99.0.2/32"};

struct Bench : FakeBirdc {
  Bench() {
    (void)directory.write("others", "BIRD 2.0.12 ready.\nTable master4:\n");
    answers("show protocols all", fixture("bird-2.0.12-doctor.txt"));
    config.router = spec;
    config.services.emplace_back().vips = {kWeb, kOther};
    has(bird_table_commands({kWeb, kOther}).at(0));
    has(bird_export_commands({kWeb, kOther}, "rs1").at(0));
  }
  void has(const std::string& command) const {
    answers(command, "BIRD 2.0.12 ready.\nTable master4:\n10.99.0.1/32 unicast [direct1 10:00:00] * (240)\n");
  }
  RouterFacts read() { return read_facts(loop, *make_bird_facts_reader(loop, config)); }

  Config config;
  Loop loop;
};

TEST_CASE_METHOD(Bench, "protocols, table and exports of the peers that are up make the facts") {
  const RouterFacts facts = read();
  CHECK(facts.reachable);
  CHECK(facts.error == std::nullopt);
  CHECK(facts.version == "2.0.12");
  CHECK(facts.bird.has_direct);
  CHECK(facts.peers.size() == 3);
  REQUIRE(facts.vips.size() == 2);
  const std::string rs1 = facts.peers[0].address;
  CHECK(facts.vips.at(kWeb).in_rib);
  CHECK(facts.vips.at(kWeb).advertised_to == Texts{rs1});
  CHECK_FALSE(facts.vips.at(kOther).in_rib);
  CHECK(facts.vips.at(kOther).advertised_to.empty());
  CHECK(facts.vips.at(kOther).others.empty());
  for (const PeerFacts& peer : facts.peers) {
    const bool lacks = peer.established && peer.families[kIpv4].active && peer.address != rs1;
    CHECK((std::ranges::count(facts.vips.at(kWeb).missing_from, peer.address) == 1) == lacks);
  }
  CHECK(calls().find("exported 'gr'") == std::string::npos);  // a session that is down
}

TEST_CASE_METHOD(Bench, "a peer that is up and was not sent a VIP of the table misses it") {
  answers(bird_export_commands({kWeb, kOther}, "rs1").at(0), "BIRD 2.0.12 ready.\nTable master4:\n");
  const RouterFacts facts = read();
  CHECK(facts.vips.at(kWeb).advertised_to.empty());
  CHECK(std::ranges::count(facts.vips.at(kWeb).missing_from, facts.peers[0].address) == 1);
}

TEST_CASE_METHOD(Bench, "whether bird.conf includes herald's file is looked for beside it") {
  (void)directory.write("bird.conf", "include \"herald.conf\";\n");
  const RouterFacts with = read();
  CHECK(with.bird.config_file == (directory.path() / "bird.conf").native());
  CHECK(with.bird.has_include == true);
  (void)directory.write("bird.conf", "# include \"herald.conf\";\n");
  CHECK(read().bird.has_include == false);
  forget("bird.conf");
  std::filesystem::create_directory(directory.path() / "bird.conf");
  const RouterFacts unread = read();
  CHECK_FALSE(unread.bird.has_include);
  REQUIRE(unread.unreadable.size() == 1);
  CHECK(unread.unreadable[0].file == (directory.path() / "bird.conf").native());
}

TEST_CASE_METHOD(Bench, "a BIRD that runs herald's protocols includes the file, whatever the texts say") {
  answers("show protocols all",
          fixture("bird-2.0.12-statics.txt") +
              "\nherald     Static     master4    up     2026-11-24 20:04:06.946549  \n");
  (void)directory.write("bird.conf", "");
  const RouterFacts facts = read();
  CHECK(facts.bird.has_include == true);
  CHECK(facts.bird.config_file.empty());
}

TEST_CASE_METHOD(Bench, "a BIRD that does not answer is told in birdc's words, and asked nothing more") {
  answers("show protocols all", "Unable to connect to server control socket (/nowhere)\nand more\n");
  const RouterFacts facts = read();
  CHECK_FALSE(facts.reachable);
  CHECK(facts.error == "Unable to connect to server control socket (/nowhere)");
  CHECK(calls() == "show protocols all\n");
}

TEST_CASE_METHOD(Bench, "one question without an answer is told, and the rest is known") {
  std::string name = bird_table_commands({kWeb, kOther}).at(0);
  std::ranges::replace(name, ' ', '_');
  std::ranges::replace(name, '/', '|');
  (void)directory.write(name + ".sh", "exec sleep 60\n");
  const RouterFacts facts = read();
  CHECK(facts.reachable);
  CHECK(facts.error == "birdc: no answer within 500ms");
  CHECK_FALSE(facts.vips.at(kWeb).in_rib);
  CHECK(facts.vips.at(kWeb).advertised_to.size() == 1);
}

}  // namespace
}  // namespace herald::bird_reader_test
