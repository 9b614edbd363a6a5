#include "sidecar/varlink/client.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <thread>

#include "tests/os/temporary_directory.h"

namespace client_test {

using namespace herald;
using namespace std::string_view_literals;
using namespace std::chrono_literals;
using nlohmann::ordered_json;
using Kind = CallFailure::Kind;

namespace {

// Answers one connection with the same bytes, whatever it is asked, and closes it.
class Server {
 public:
  explicit Server(std::string_view answer) : listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().copy(address.sun_path, sizeof(address.sun_path) - 1);
    REQUIRE(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
    REQUIRE(::listen(listener_.get(), 1) == 0);
    thread_ = std::jthread([this, answer] {
      const Fd client(::accept(listener_.get(), nullptr, nullptr));
      std::array<char, 4096> bytes{};
      while (asked_.find('\0') == std::string::npos) {
        const ssize_t size = ::read(client.get(), bytes.data(), bytes.size());
        if (size <= 0) return;
        asked_.append(bytes.data(), static_cast<std::size_t>(size));
      }
      static_cast<void>(::send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL));
    });
  }

  [[nodiscard]] std::string path() const { return directory_.path() / "socket"; }
  // Once its one connection is over.
  [[nodiscard]] std::string asked() {
    thread_.join();
    return asked_;
  }

 private:
  TemporaryDirectory directory_;
  Fd listener_;
  std::string asked_;
  std::jthread thread_;
};

}  // namespace

TEST_CASE("a call sends its parameters and gets those of the reply") {
  Server server("{\"parameters\":{\"z\":1,\"a\":2}}\0"sv);
  const auto reply = call_varlink(server.path(), "a.B", {{"x", "y"}}, 10s);
  REQUIRE(reply);
  CHECK(reply->dump() == R"({"z":1,"a":2})");
  const std::string asked = server.asked();
  CHECK(ordered_json::parse(asked.substr(0, asked.size() - 1)) ==
        ordered_json::parse(R"({"method": "a.B", "parameters": {"x": "y"}})"));
}

TEST_CASE("what goes wrong with a call is told apart") {
  const TemporaryDirectory directory;
  const auto failure = [](const std::string& socket, Duration timeout = 10s) {
    const auto reply = call_varlink(socket, "a.B", ordered_json::object(), timeout);
    REQUIRE_FALSE(reply);
    return reply.error();
  };
  CHECK(failure(directory.path() / "absent").text == "connect: No such file or directory");
  CHECK(failure("").kind == Kind::not_reachable);
  CHECK(failure(std::string(108, 'x')).kind == Kind::not_reachable);

  const Server error("{\"error\":\"a.Wrong\",\"parameters\":{\"why\":\"x\"}}\0"sv);
  const CallFailure refused = failure(error.path());
  CHECK(refused.kind == Kind::refused);
  CHECK(refused.error.name == "a.Wrong");
  CHECK(refused.error.parameters["why"] == "x");

  const Server junk("hello\0"sv);
  CHECK(failure(junk.path()).text == "what it answers is no Varlink");
  const Server half("{\"parameters\":"sv);
  CHECK(failure(half.path()).text == "it closed the connection");
}

TEST_CASE("a stream is taken until the taker has enough, or the service ends it") {
  constexpr auto kReplies =
      "{\"parameters\":{\"n\":1},\"continues\":true}\0{\"parameters\":{\"n\":2},\"continues\":true}\0"sv;
  std::vector<int> taken;
  const Server server(kReplies);
  CHECK(follow_varlink(server.path(), "a.B", ordered_json::object(), 10s, [&](const ordered_json& reply) {
    taken.push_back(reply["n"]);
    return taken.size() < 2;
  }));
  CHECK(taken == std::vector{1, 2});
  const Server ends(kReplies);
  const auto ended = follow_varlink(ends.path(), "a.B", ordered_json::object(), 10s,
                                    [](const ordered_json&) { return true; });
  REQUIRE_FALSE(ended);
  CHECK(ended.error().kind == Kind::not_reachable);
}

}  // namespace client_test
