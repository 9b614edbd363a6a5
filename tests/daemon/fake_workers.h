// A spawner of the test's own, whose workers are the test: it reads what they were ordered, and says what they say. And what a
// ProbeRunner told.
#pragma once

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/daemon/probe_runner.h"
#include "tests/work/packets.h"

namespace fixture {

using namespace herald;

inline ProbeSpec tcp(std::uint16_t port) {
  ProbeSpec spec;
  spec.name = "port";
  spec.type = "tcp";
  spec.settings = R"({"address": "127.0.0.1:)" + std::to_string(port) + R"("})";
  return spec;
}

struct Heard {
  std::vector<event::ProbeFinished> finished;
  std::vector<event::ProbeStage> cancelled;
  std::vector<work::Held> held;
  std::vector<std::string> notices;

  ProbeRunner::Told told() {
    return {.finished = [this](const event::ProbeFinished& one) { finished.push_back(one); },
            .cancelled = [this](const event::ProbeStage& one) { cancelled.push_back(one); },
            .held = [this](const work::Held& one) { held.push_back(one); },
            .notice = [this](bool, const std::string& text) { notices.push_back(text); }};
  }
  [[nodiscard]] bool has_notice(std::string_view part) const {
    return std::ranges::any_of(notices, [&](const auto& one) { return one.find(part) != std::string::npos; });
  }
};

// A worker as the test plays it: what it was ordered, and what it says.
struct FakeWorker {
  Fd socket;
  Fd page;
  work::Received<work::Order> orders;

  void say(const std::vector<work::Report>& words) const {
    work::send_packet(socket, work::packet_of(words));
  }
  void is_at(RunId run, bool costs = false) const {
    const work::Page now{static_cast<std::uint64_t>(run), costs ? 1U : 0U};
    REQUIRE(pwrite(page.get(), &now, sizeof now, 0) == sizeof now);
  }
  template <typename Order>
  [[nodiscard]] std::vector<Order> ordered() {
    orders.take(socket);
    return orders.of<Order>();
  }
};

class FakeSpawner {
 public:
  FakeSpawner(Loop& loop, const std::filesystem::path& path)
      : loop_(loop), listening_(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.native().size());
    REQUIRE(bind(listening_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(listen(listening_.get(), 4) == 0);
    listener_ = loop.watch_io(listening_.get(), EPOLLIN, [this](auto) {
      connection_ = Fd(accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      source_ = loop_.watch_io(connection_.get(), EPOLLIN, [this](auto) { obey(); });
    });
  }

  void hang_up() {
    source_.reset();
    connection_.reset();
  }

  std::map<std::uint32_t, FakeWorker> workers;  // by slot
  std::vector<std::uint32_t> spawned;
  std::vector<std::uint32_t> installed;
  std::vector<std::uint32_t> killed;
  bool is_silent = false;  // it takes requests and answers none

 private:
  void obey() {
    const auto request = work::receive_request(connection_);
    if (!request) return hang_up();
    if (request->kind == work::SpawnKind::kill) return killed.push_back(request->slot);
    if (request->kind == work::SpawnKind::spawn_installed) installed.push_back(request->slot);
    spawned.push_back(request->slot);
    if (is_silent) return;
    std::array<int, 2> ends{};
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) == 0);
    const Fd theirs(ends[0]);
    FakeWorker& worker = workers[request->slot] =
        FakeWorker{Fd(ends[1]), Fd(memfd_create("page", MFD_CLOEXEC)), {}};
    worker.is_at(RunId{0});
    REQUIRE(work::send_answer(connection_, {work::SpawnAnswerKind::spawned, request->slot, 1, 0, 0}, theirs,
                              worker.page));
  }

  Loop& loop_;
  Fd listening_;
  Fd connection_;
  Source listener_;
  Source source_;
};

}  // namespace fixture
