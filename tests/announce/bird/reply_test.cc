// BIRD's replies with their codes; all but those that say otherwise are BIRD 2.0.12's.
#include "sidecar/announce/bird/reply.h"

#include <catch2/catch.hpp>

namespace herald::reply_test {
namespace {

BirdReply reply_of(std::string_view text) {
  const auto reply = parse_bird_reply(text);
  REQUIRE(reply);
  return *reply;
}

TEST_CASE("the last line of a reply decides") {
  CHECK(
      reply_of("0001 BIRD 2.0.12 ready.\n0002-Reading configuration from a.conf\n0003 Reconfigured\n").code ==
      BirdCode::reconfigured);
  CHECK(reply_of("0001 BIRD 2.0.12 ready.\n0002-Reading configuration from a.conf\n"
                 "0004 Reconfiguration in progress\n")
            .code == BirdCode::in_progress);
  CHECK(reply_of("0001 BIRD 2.0.12 ready.\n0002-Reading configuration from a.conf\n0020 Configuration OK\n")
            .code == BirdCode::configuration_ok);
  const BirdReply status = reply_of(
      "0001 BIRD 2.0.12 ready.\n1000-BIRD 2.0.12\n1011-Router ID is 10.1.0.4\n     Hostname is vm\n"
      "     Last reconfiguration on 2026-11-24 20:11:55.306\n0013 Daemon is up and running\n");
  CHECK(status.code == BirdCode::status);
  CHECK(status.text == "Daemon is up and running");
}

TEST_CASE("a reply may end without a last line, and one that was cut off is no success") {
  CHECK(reply_of("0001 BIRD 2.0.12 ready.\n0009-herald4: disabled\n").code == BirdCode::disabled);
  CHECK(reply_of("0001 BIRD 2.0.12 ready.\n0008-herald4: already disabled\n0000 \n").code ==
        BirdCode::already_disabled);
  CHECK(reply_of("0001 BIRD 2.0.12 ready.\n0002-Reading configuration from a.conf\n").complaint() ==
        "birdc: 0002 Reading configuration from a.conf");
}

TEST_CASE("a refusal is for people, with its code") {
  CHECK(reply_of("0001 BIRD 2.0.12 ready.\n0016 Access restricted\n8007 Access denied\n").complaint() ==
        "birdc: 8007 Access denied");
  CHECK(reply_of("0001 BIRD 2.0.12 ready.\n"
                 "9001 syntax error, unexpected CF_SYM_UNDEFINED, expecting CF_SYM_KNOWN or TEXT or ALL\n")
            .complaint() ==
        "birdc: 9001 syntax error, unexpected CF_SYM_UNDEFINED, expecting CF_SYM_KNOWN or TEXT or ALL");
}

TEST_CASE("what is no reply is an error, in birdc's words where there are any") {
  const auto error = [](std::string_view text) { return parse_bird_reply(text).error(); };
  CHECK(error("Unable to connect to server control socket (nope.ctl): No such file or directory\n") ==
        "birdc: Unable to connect to server control socket (nope.ctl): No such file or directory");
  CHECK(error("0001 BIRD 2.0.12 ready.\nNo such command. Press `?' for help.\n") ==
        "birdc: No such command. Press `?' for help.");
  CHECK(error("0001 BIRD 2.0.12 ready.\nConnection closed by server\n") ==
        "birdc: Connection closed by server");
  CHECK(error("0001 BIRD 2.0.12 ready.\n") == "birdc: no reply");
  CHECK(error("") == "birdc: no reply");
  CHECK(error("\n\n12\n123 x\n") == "birdc: no reply");
}

TEST_CASE("the file that BIRD blames") {
  CHECK(blamed_file("a.conf:14:18 syntax error, unexpected CF_SYM_UNDEFINED") == "a.conf");
  CHECK(blamed_file("/tmp/hb-lab/herald.conf:2:25 Symbol 'herald4' already defined") ==
        "/tmp/hb-lab/herald.conf");
  CHECK(blamed_file("./herald.conf:5:22 syntax error") == "./herald.conf");
  CHECK(blamed_file("/etc/a:1/b.conf:5:22 x:1:2 y") == "/etc/a:1/b.conf");
  CHECK(blamed_file("a.conf:5:10 Unable to open included file /x/herald.conf: No such file or directory") ==
        "a.conf");
  CHECK_FALSE(blamed_file("Unable to open configuration file bird.conf: No such file or directory"));
  CHECK_FALSE(blamed_file("a.conf:14: no column"));
  CHECK_FALSE(blamed_file(""));
}

}  // namespace
}  // namespace herald::reply_test
