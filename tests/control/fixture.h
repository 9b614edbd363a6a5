// A control server on a socket of the test's own, and clients of it, all on one loop.
#pragma once

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/control/server.h"
#include "tests/os/run_until.h"
#include "tests/os/temporary_directory.h"

namespace fixture {

using namespace herald;
using namespace std::chrono_literals;

class TestClient {
 public:
  // `user`: whom the kernel says it to be, where the tests run as root.
  explicit TestClient(const std::string& path, uid_t user = ::geteuid())
      : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    const uid_t before = ::geteuid();
    REQUIRE(::seteuid(user) == 0);
    const int connected = ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    REQUIRE(::seteuid(before) == 0);
    REQUIRE(connected == 0);
  }

  // How much was taken.
  std::size_t send(std::string_view bytes) const {
    const ssize_t count = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return count < 0 ? 0 : static_cast<std::size_t>(count);
  }
  void call(std::string_view method,
            const nlohmann::ordered_json& parameters = nlohmann::ordered_json::object()) const {
    const std::string bytes = encode_call(method, parameters);
    REQUIRE(send(bytes) == bytes.size());
  }
  void watch() const {
    const std::string bytes = encode_call("t.T.Watch", nlohmann::ordered_json::object(), true);
    REQUIRE(send(bytes) == bytes.size());
  }
  void finish_sending() const { ::shutdown(fd_.get(), SHUT_WR); }
  void receive() {
    std::array<char, 65536> bytes{};
    ssize_t count = 0;
    while ((count = ::recv(fd_.get(), bytes.data(), bytes.size(), 0)) > 0) {
      received_.append(bytes.data(), static_cast<std::size_t>(count));
    }
    if (count == 0 || (errno != EAGAIN && errno != EINTR)) closed_ = true;
  }
  // Whole messages that came so far.
  [[nodiscard]] std::size_t replies() const {
    return static_cast<std::size_t>(std::ranges::count(received_, '\0'));
  }
  [[nodiscard]] const std::string& received() const { return received_; }
  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] std::string wait_for_reply(Loop& loop, std::size_t count = 1) {
    run_until(loop, [&] {
      receive();
      return replies() >= count || closed_;
    });
    return received_;
  }
  [[nodiscard]] bool wait_for_close(Loop& loop) {
    return run_until(loop, [&] {
      receive();
      return closed_;
    });
  }

 private:
  Fd fd_;
  std::string received_;
  bool closed_ = false;
};

// Answers Ping, Big (`bytes` bytes), Slow (takes 20 ms), Watch (a stream), Later (whoever finish()es it), and Change,
// which is not for everybody.
inline VarlinkService test_service(int& changes, std::vector<std::uint64_t>& later) {
  using nlohmann::json;
  using nlohmann::ordered_json;
  VarlinkInterface interface{.name = "t.T", .comment = "", .methods = {}, .errors = {}};
  const auto add = [&](const std::string& name, const std::vector<VarlinkField>& in, bool mutates,
                       auto call) {
    interface.methods.push_back(
        {.name = name, .comment = "", .in = in, .out = {}, .mutates = mutates, .call = call});
  };
  add("Ping", {}, false,
      [](const json&, const VarlinkPeer&) -> VarlinkReply { return ordered_json{{"pong", true}}; });
  add("Big", {{"bytes", "int"}}, false, [](const json& parameters, const VarlinkPeer&) -> VarlinkReply {
    return ordered_json{{"text", std::string(parameters["bytes"].get<std::size_t>(), 'x')}};
  });
  add("Slow", {}, false, [](const json&, const VarlinkPeer&) -> VarlinkReply {
    const TimePoint end = Loop::clock() + 20ms;
    while (Loop::clock() < end) {
    }
    return ordered_json::object();
  });
  interface.methods.push_back({.name = "Watch",
                               .comment = "",
                               .in = {},
                               .out = {},
                               .course = VarlinkCourse::stream,
                               .call = [](const json&, const VarlinkPeer&) -> VarlinkReply {
                                 return ordered_json{{"watching", true}};
                               }});
  interface.methods.push_back({.name = "Later",
                               .comment = "",
                               .in = {},
                               .out = {},
                               .course = VarlinkCourse::later,
                               .call = [&later](const json&, const VarlinkPeer& peer) -> VarlinkReply {
                                 later.push_back(peer.client);
                                 return ordered_json::object();
                               }});
  add("Change", {}, true, [&changes](const json&, const VarlinkPeer& peer) -> VarlinkReply {
    ++changes;
    return ordered_json{{"user", peer.user}};
  });
  return {{"v", "p", "1", ""}, std::move(interface)};
}

struct TestServer {
  explicit TestServer(ControlLimits limits = {}) {
    auto socket = ControlSocket::open({.socket = path, .group = "herald-has-no-such-group"});
    REQUIRE(socket);
    auto started = ControlServer::start(loop, std::move(*socket), test_service(changes, later), limits);
    REQUIRE(started);
    server = std::move(*started);
  }
  [[nodiscard]] TestClient connect() const { return TestClient(path); }
  // One who may only look.
  [[nodiscard]] TestClient connect_as(uid_t user) const {
    REQUIRE(::chmod(directory.path().c_str(), 0755) == 0);
    return TestClient(path, user);
  }

  TemporaryDirectory directory;
  std::string path = directory.path() / "control.sock";
  Loop loop;
  int changes = 0;
  std::vector<std::uint64_t> later;  // clients that wait
  std::unique_ptr<ControlServer> server;
};

}  // namespace fixture
