#include "sidecar/announce/frr/transport.h"

#include <fstream>
#include <sstream>

#include "sidecar/announce/frr/socket.h"
#include "tests/announce/frr/fake_bgpd.h"
#include "tests/announce/frr/transport_bench.h"

namespace herald::transport_test {
namespace {

struct Bench : TransportBench {
  // A vtysh that notes that it was called.
  [[nodiscard]] VtyshSpec spec(Transport transport) const {
    VtyshSpec made =
        fake_vtysh("echo called >> " + (directory.path() / "calls").native() + "; echo of vtysh");
    made.transport = transport;
    return made;
  }
  [[nodiscard]] std::string calls() const {
    std::ifstream file(directory.path() / "calls");
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
};

TEST_CASE_METHOD(Bench, "while the socket answers vtysh is not run") {
  const VtyshSpec by_socket = spec(Transport::socket);
  const FakeBgpd bgpd(loop, frr_socket_path(by_socket), [](const std::string& line) {
    return FakeBgpd::answer(0, line == "show x" ? "7\n" : "");
  });
  const auto transport = make_frr_transport(loop, by_socket);
  const FrrReply reply = run(*transport, {"show x"});
  CHECK_FALSE(reply.error);
  CHECK(reply.answers == std::vector<FrrAnswer>{{kFrrSuccess, "7\n"}});
  CHECK(calls().empty());
}

TEST_CASE_METHOD(Bench, "a line that bgpd refuses is an answer, and nothing to ask vtysh about") {
  const VtyshSpec by_socket = spec(Transport::socket);
  const FakeBgpd bgpd(loop, frr_socket_path(by_socket), [](const std::string& line) {
    return FakeBgpd::answer(line == "no" ? kFrrFailed : kFrrSuccess, line == "no" ? "% refused\n" : "");
  });
  const auto transport = make_frr_transport(loop, by_socket);
  const FrrReply reply = run(*transport, {"no", "yes"});
  CHECK_FALSE(reply.error);
  CHECK(reply.answers == std::vector<FrrAnswer>{{kFrrFailed, "% refused\n"}});
  CHECK(run(*transport, {"no", "yes"}, OnFailure::carry_on).answers.size() == 2);
  CHECK(calls().empty());
}

TEST_CASE_METHOD(Bench, "where the socket is gone, hangs or closes, vtysh is asked all of it") {
  const VtyshSpec by_socket = spec(Transport::socket);
  const auto transport = make_frr_transport(loop, by_socket);
  SECTION("gone") {
    (void)run(*transport, {"show x"});
  }
  SECTION("hangs") {
    const FakeBgpd bgpd(loop, frr_socket_path(by_socket), [](const std::string&) { return ""; });
    (void)run(*transport, {"show x"});
  }
  SECTION("closes") {
    FakeBgpd bgpd(loop, frr_socket_path(by_socket), [](const std::string&) { return ""; });
    bgpd.closes = true;
    (void)run(*transport, {"show x"});
  }
  CHECK(calls() == "called\n");
}

TEST_CASE_METHOD(Bench, "by vtysh alone the socket is left alone") {
  const VtyshSpec by_vtysh = spec(Transport::vtysh);
  const FakeBgpd bgpd(loop, frr_socket_path(by_vtysh),
                      [](const std::string&) { return FakeBgpd::answer(0); });
  const auto transport = make_frr_transport(loop, by_vtysh);
  (void)run(*transport, {"show x"});
  CHECK(calls() == "called\n");
  CHECK(bgpd.lines.empty());
}

TEST_CASE("a warning and a daemon's success go on, all else was refused") {
  for (const int status : {kFrrSuccess, kFrrWarning, kFrrSuccessDaemon})
    CHECK(FrrAnswer{status, ""}.goes_on());
  for (const int status : {2, 4, 9, 11, 12, kFrrFailed}) CHECK_FALSE(FrrAnswer{status, ""}.goes_on());
}

TEST_CASE("what bgpd said is its first line, short and without controls") {
  CHECK(said("% Unknown command: x\n% more\n") == "Unknown command: x");
  CHECK(said("\r\n %% a\tb\x1b[2J\r\n") == "a b [2J");
  CHECK(said("") == "no output");
  CHECK(said(" %\r\n\t") == "no output");
  CHECK(said(std::string(119, 'x') + "yz") == std::string(119, 'x') + "y");
}

}  // namespace
}  // namespace herald::transport_test
