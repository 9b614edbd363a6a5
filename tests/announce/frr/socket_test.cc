// Lines over bgpd's vty socket, with a bgpd that answers, refuses, hangs, closes and lies.
#include "sidecar/announce/frr/socket.h"

#include "tests/announce/frr/fake_bgpd.h"
#include "tests/announce/frr/transport_bench.h"

namespace herald::socket_test {
namespace {

TEST_CASE("answers are cut out of a stream, however it comes in pieces") {
  const std::string bytes =
      FakeBgpd::answer(0) + FakeBgpd::answer(13, "% No\n") + FakeBgpd::answer(1, "{}\n");
  const std::size_t piece =
      GENERATE(std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{5}, std::size_t{100});
  VtyAnswerReader reader;
  std::vector<FrrAnswer> answers;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    reader.feed(std::string_view(bytes).substr(at, piece));
    while (auto answer = reader.next()) answers.push_back(*answer);
  }
  CHECK(answers == std::vector<FrrAnswer>{{0, ""}, {13, "% No\n"}, {1, "{}\n"}});
  CHECK(reader.waiting() == 0);
}

TEST_CASE("the socket is in the directory of its pathspace") {
  VtyshSpec spec;
  CHECK(frr_socket_path(spec) == "/run/frr/bgpd.vty");
  spec.pathspace = "blue";
  CHECK(frr_socket_path(spec) == "/run/frr/blue/bgpd.vty");
}

struct SocketBench : TransportBench {
  // With no vtysh to speak of.
  VtyshSpec spec = fake_vtysh("echo no vtysh");
  std::string path = frr_socket_path(spec);
};

TEST_CASE_METHOD(SocketBench, "line by line, each after the answer to the one before") {
  FakeBgpd bgpd(loop, path, [](const std::string& line) {
    return line.starts_with("show") ? FakeBgpd::answer(0, line + "!\n") : FakeBgpd::answer(0);
  });
  FrrSocket transport(loop, spec);
  const FrrReply reply = run(transport, {"show a", "configure terminal", "show b"});
  CHECK_FALSE(reply.error);
  CHECK(reply.answers == std::vector<FrrAnswer>{{0, "show a!\n"}, {}, {0, "show b!\n"}});
  CHECK(bgpd.lines == Lines{"enable", "show a", "configure terminal", "show b"});
  CHECK(run(transport, {"again"}).answers.size() == 1);
}

TEST_CASE_METHOD(SocketBench, "a refusal stops it, unless it is to carry on; a warning does not") {
  FakeBgpd bgpd(loop, path, [](const std::string& line) {
    if (line == "bad") return FakeBgpd::answer(13, "% No\n");
    return FakeBgpd::answer(line == "careful" ? 1 : 0);
  });
  FrrSocket transport(loop, spec);
  CHECK(run(transport, {"careful", "bad", "good"}).answers ==
        std::vector<FrrAnswer>{{1, ""}, {13, "% No\n"}});
  CHECK(run(transport, {"bad", "good"}, OnFailure::carry_on).answers ==
        std::vector<FrrAnswer>{{13, "% No\n"}, {}});
}

TEST_CASE_METHOD(SocketBench, "a long answer comes whole, and one without an end ends at the deadline") {
  const std::string text(150'000, 'x');
  FakeBgpd bgpd(loop, path, [&](const std::string& line) -> std::string {
    if (line == "endless") return text;
    return line == "long" ? FakeBgpd::answer(0, text) : FakeBgpd::answer(0);
  });
  FrrSocket transport(loop, spec);
  CHECK(run(transport, {"long", "short"}).answers == std::vector<FrrAnswer>{{0, text}, {}});
  const FrrReply reply = run(transport, {"short", "endless"});
  CHECK(reply.error == path + ": no answer within 300ms");
  CHECK(reply.answers.size() == 1);
}

TEST_CASE_METHOD(SocketBench, "a bgpd that is not there, hangs, closes or lets nobody in") {
  FrrSocket transport(loop, spec);
  CHECK(run(transport, {"a"}).error == "connect " + path + ": No such file or directory");

  bool refuses = false;
  FakeBgpd bgpd(loop, path, [&](const auto&) { return refuses ? FakeBgpd::answer(2, "% Go away\n") : ""; });
  CHECK(run(transport, {"a"}).error == path + ": no answer within 300ms");
  refuses = true;
  CHECK(run(transport, {"a"}).error == path + ": enable: Go away");
  bgpd.closes = true;
  CHECK(run(transport, {"a"}).error == path + ": closed by bgpd");
  spec.socket_dir = std::string(120, 'x');
  FrrSocket unnamable(loop, spec);
  CHECK(run(unnamable, {"a"}).error.value_or("").ends_with("too long for a socket's name"));
}

TEST_CASE_METHOD(SocketBench, "the next run ends the one before, which is never answered") {
  FakeBgpd bgpd(loop, path,
                [](const std::string& line) { return line == "slow" ? "" : FakeBgpd::answer(0); });
  FrrSocket transport(loop, spec);
  transport.run({"slow"}, OnFailure::stop, [](const auto&) { FAIL("answered"); });
  const Source soon = loop.timer_at(Loop::clock() + std::chrono::milliseconds(20), [&] { loop.exit(0); });
  loop.run();
  CHECK(run(transport, {"quick"}).answers.size() == 1);
}

TEST_CASE_METHOD(SocketBench, "where the socket does not answer, vtysh does") {
  spec = fake_vtysh("printf 'h# show x\\n{}\\nh# end\\n'");
  spec.transport = Transport::socket;
  const auto transport = make_frr_transport(loop, spec);
  CHECK(run(*transport, {"show x"}).answers == std::vector<FrrAnswer>{{0, "{}\n"}});
  FakeBgpd bgpd(loop, path, [](const auto&) { return ""; });
  CHECK(run(*transport, {"show x"}).answers == std::vector<FrrAnswer>{{0, "{}\n"}});
  CHECK(bgpd.lines == Lines{"enable"});
}

}  // namespace
}  // namespace herald::socket_test
