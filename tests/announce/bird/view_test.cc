// Parsing birdc's answers. The fixtures are what real releases printed (their names say which).
#include "sidecar/announce/bird/view.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "tests/source_dir.h"

namespace herald::bird_view_test {
namespace {

std::string fixture(const std::string& name) {
  std::ifstream file(HERALD_SOURCE_DIR "/tests/announce/fixtures/" + name);
  std::stringstream text;
  text << file.rdbuf();
  REQUIRE_FALSE(text.str().empty());
  return text.str();
}

TEST_CASE("the BGP protocols, their neighbours and their channels") {
  const std::string release = GENERATE("2.0.12", "3.1.8");
  const auto protocols = parse_bird_protocols(fixture("bird-" + release + "-protocols.txt"));
  REQUIRE(protocols);
  const auto& peers = protocols->peers;
  REQUIRE(peers.size() == 2);
  CHECK(peers[0].protocol == "rs1");
  CHECK(peers[0].peer ==
        RouterPeer{"10.1.1.4", "Established", true,
                   release == "2.0.12" ? "2026-11-24 03:48:05.910220" : "2026-11-25 00:43:45.875857", 2, 0});
  CHECK(peers[0].ipv4);
  CHECK(peers[0].ipv6);
  CHECK(peers[1].peer.address == "10.1.1.132");
  CHECK(protocols->statics.empty());
}

TEST_CASE("the static protocols, whether they are up, and what they are described as") {
  const auto protocols = parse_bird_protocols(fixture("bird-2.0.12-statics.txt"));
  REQUIRE(protocols);
  CHECK(protocols->statics ==
        std::map<std::string, BirdStatic>{{"herald4", {false, "herald 2e5b9c85db2da0a5"}},
                                          {"herald6", {true, "herald cbf29ce484222325"}},
                                          {"lan", {true, ""}}});
  REQUIRE(protocols->peers.size() == 1);
  CHECK(protocols->peers[0].protocol == "rs-1");
}

TEST_CASE("a protocol that is down has its word") {
  const auto protocols = parse_bird_protocols(
      "BIRD 2.0.12 ready.\nName Proto Table State Since Info\n"
      "rs1 BGP --- start 10:00 Active Socket: Connection refused\n"
      "  BGP state:          Active\n    Neighbor address: 10.1.1.4\n"
      "rs2 BGP --- down 10:00 \n");
  REQUIRE(protocols);
  CHECK(protocols->peers[0].peer == RouterPeer{"10.1.1.4", "Active", false, "10:00"});
  CHECK(protocols->peers[1].peer == RouterPeer{"", "down", false, "10:00"});
}

TEST_CASE("an answer that BIRD's end cut off is none") {
  const std::string cut =
      "BIRD 2.0.12 ready.\nName Proto Table State Since Info\nConnection closed by server\n";
  CHECK(parse_bird_protocols(cut).error() == "birdc: Connection closed by server");
  CHECK(parse_bird_routes("BIRD 2.0.12 ready.\nTable master4:\nConnection closed by server\n").error() ==
        "birdc: Connection closed by server");
}

TEST_CASE("what stands in the place of a prefix and is none") {
  const std::string head = "BIRD 2.0.12 ready.\nTable master4:\n";
  CHECK(parse_bird_routes(head + "10.99.0/x unicast\n").error() ==
        "birdc does not answer as expected: 10.99.0/x unicast");
  CHECK(parse_bird_routes(head + "10.0.0.0/8 unicast\n")->contains(Vip{"10.0.0.0/8"}));
}

TEST_CASE("a name that leaves no room in a line") {
  const auto commands =
      bird_export_commands({Vip{"10.99.0.1/32"}, Vip{"10.99.0.2/32"}}, std::string(2000, 'x'));
  CHECK(commands.size() == 2);
}

TEST_CASE("prefixes of a route table, and of an empty one") {
  const std::string release = GENERATE("2.0.12", "3.1.8");
  CHECK(parse_bird_routes(fixture("bird-" + release + "-routes.txt")) == std::set<Vip>{{"10.99.0.1/32"}});
  CHECK(parse_bird_routes("BIRD 2.0.12 ready.\n")->empty());
}

TEST_CASE("what is no answer is an error in birdc's words") {
  CHECK(parse_bird_protocols(
            "Unable to connect to server control socket (/run/bird/bird.ctl): No such file or directory\n")
            .error() ==
        "birdc: Unable to connect to server control socket (/run/bird/bird.ctl): No such file or directory");
  CHECK(parse_bird_protocols("").error() == "birdc: no output");
  CHECK(parse_bird_routes("BIRD 2.0.12 ready.\nsyntax error, unexpected CF_SYM_UNDEFINED\n").error() ==
        "birdc: syntax error, unexpected CF_SYM_UNDEFINED");
}

TEST_CASE("questions are by family, and never longer than BIRD's line") {
  std::vector<Vip> vips;
  vips.reserve(201);
  for (int index = 0; index < 200; ++index) {
    vips.push_back({"fd00:1111:2222:3333:4444:5555:6666:" + std::to_string(1000 + index) + "/128"});
  }
  vips.push_back({"10.99.0.1/32"});
  const auto commands = bird_table_commands(vips);
  REQUIRE(commands.size() == 11);
  CHECK(commands[0] ==
        "show route table all where net.type = NET_IP4 && net ~ [ 10.99.0.1/32 ] && source != RTS_BGP");
  for (const std::string& command : commands) CHECK(command.size() <= 1000);
  CHECK(bird_export_commands({{"10.99.0.1/32"}}, "rs-1.azure").front() ==
        "show route exported 'rs-1.azure' where net.type = NET_IP4 && net ~ [ 10.99.0.1/32 ]");
}

TEST_CASE("when a configuration that nobody confirmed is undone") {
  const std::string head = "BIRD 2.0.12 ready.\nDaemon is up and running\n";
  CHECK(parse_bird_undo(head + "Configuration unconfirmed, undo in 39.993 s\n") == std::chrono::seconds(39));
  CHECK(parse_bird_undo(head + "Configuration unconfirmed, undo in 0.003 s\n") == Duration::zero());
  CHECK_FALSE(parse_bird_undo(head));
  CHECK_FALSE(parse_bird_undo("BIRD 2.0.12 ready.\nsyntax error, unexpected CF_SYM_UNDEFINED\n"));
  CHECK_FALSE(parse_bird_undo(head + "Configuration unconfirmed, undo in soon\n"));
}

TEST_CASE("an answer begins with the whole greeting: a part of it is none") {
  CHECK(parse_bird_routes("BIRD 2.0.12 ready.\nTable master4:\n"));
  CHECK_FALSE(parse_bird_routes("BIRD 2.0.12\nTable master4:\n"));
  CHECK_FALSE(parse_bird_routes("It is ready.\nTable master4:\n"));
}

TEST_CASE(
    "a table tells which protocols brought a prefix in, and those of addresses are known by their kind") {
  const auto origins = parse_bird_origins(
      "BIRD 2.0.12 ready.\nTable master4:\n"
      "10.99.0.1/32         unicast [foo 02:36:36.836] * (240)\n\tdev lo\n"
      "                     blackhole [herald_10_99_0_1 02:36:35.901] (200)\n"
      "10.99.0.2/32         blackhole [st 02:36:35.901] * (200)\n\nTable master6:\n");
  REQUIRE(origins);
  CHECK(*origins ==
        BirdOrigins{{Vip{"10.99.0.1/32"}, {"foo", "herald_10_99_0_1"}}, {Vip{"10.99.0.2/32"}, {"st"}}});
  const auto protocols = parse_bird_protocols(
      "BIRD 2.0.12 ready.\nName       Proto      Table      State  Since         Info\n"
      "off        Direct     ---        down   10:00:00\n  Channel ipv4\n    Input filter:   ACCEPT\n"
      "map        Direct     ---        up     10:00:00\n  Channel ipv4\n    Input filter:   (unnamed)\n"
      "foo        Direct     ---        up     10:00:00\n  Channel ipv4\n    Input filter:   ACCEPT\n"
      "  Channel ipv6\n    Input filter:   REJECT\n"
      "kernel1    Kernel     master4    up     10:00:00\n  Channel ipv4\n    Input filter:   ACCEPT\n");
  REQUIRE(protocols);
  CHECK(bird_import(*protocols, false) == InterfaceImport{"protocol foo", false});
  CHECK_FALSE(bird_import(*protocols, true));
  CHECK(bird_others(*protocols, {"foo", "herald", "herald_10_99_0_1", "kernel1", "st"}) ==
        std::vector<OtherOrigin>{{"protocol foo", true}, {"protocol kernel1", true}, {"protocol st", false}});
}

}  // namespace
}  // namespace herald::bird_view_test
