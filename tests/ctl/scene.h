// A heraldd, as far as the control socket goes, for commands that talk to one.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "sidecar/control/methods.h"
#include "sidecar/control/server.h"
#include "sidecar/ctl/calls.h"
#include "tests/control/snapshot_fixture.h"
#include "tests/os/temporary_directory.h"

namespace fixture {

// In a child process, as heraldctl blocks.
class Child {
 public:
  explicit Child(const std::function<void()>& serve) : pid_(::fork()) {
    if (pid_ != 0) return;
    serve();
    ::_exit(0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

 private:
  pid_t pid_;
};

using Asked = std::map<std::uint64_t, ProbeRequest>;  // by client

// Every probe but "front" fails, a little later.
inline void answer(Asked& asked, ControlServer& server) {
  for (const auto& [client, request] : std::exchange(asked, {})) {
    ProbeSpec probe;
    probe.name = request.probe.value_or("api");
    const ProbeResult result{probe.name == "front" ? Verdict::pass : Verdict::fail, Reason::none,
                             request.counts ? "counts" : "does not count", 1ms};
    server.finish(client, ctl::Report{{"results", {result_report(probe, result)}}});
  }
}

struct Scene {
  TemporaryDirectory directory;
  ctl::Options options{.socket = directory.path() / "control.sock",
                       .timeout = 10s,
                       .json = false,
                       .terminal = false,
                       .look = {},
                       .print = {}};

  void serve(const Snapshot& snapshot) const {
    auto socket = ControlSocket::open({.socket = options.socket, .group = "root"});
    Loop loop;
    // Carries the operator's order out at once; what is drained is withdrawn by the second look.
    Snapshot shown = snapshot;
    const auto administer = [&](const AdminRequest& request, const ControlSource::OnDone& done) {
      if (request.reason == "disk full")
        return done(std::unexpected("write /state.json: No space left on device"));
      for (ServiceSnapshot& service : shown.services) {
        if (std::ranges::find(request.services, service.name) == request.services.end()) continue;
        service.admin = {request.state, request.reason, request.who, kNow, std::nullopt};
        if (request.state != AdminState::automatic) service.orders.push_back(service.admin);
        std::erase_if(service.orders, [&](const Admin& order) {
          return request.undoes == order.state &&
                 (request.whose.empty() ||
                  std::ranges::find(request.whose, order.who) != request.whose.end());
        });
        service.state = ServiceState::draining;
      }
      done({});
    };
    int looks = 0;
    const auto look = [&] {
      for (ServiceSnapshot& service : shown.services) {
        if (service.admin.reason == "undone" && ++looks > 2) service.admin = {};
        if (service.admin.reason == "hangs" || service.admin.state != AdminState::drain || ++looks < 4)
          continue;
        service.state = ServiceState::withdrawn;
        service.problem.reset();
        for (VipSnapshot& vip : service.vips) vip.route = {};
        shown.router_read_at = kNow;
      }
      return shown;
    };
    const auto plan = [&] {
      Controller::Plan differs;
      if (shown.services.size() > 1) differs.routes.steps = {{{"10.99.0.53/32"}, std::nullopt}};
      return plan_report(differs, differs.routes.empty()
                                      ? std::vector<std::string>{}
                                      : std::vector<std::string>{"no network 10.99.0.53/32"});
    };
    const auto clear_damping = [&](std::span<const std::string> names, const std::string& who,
                                   const ControlSource::OnDone& done) {
      for (ServiceSnapshot& service : shown.services) {
        if (std::ranges::find(names, service.name) != names.end()) service.problem = "cleared by " + who;
      }
      done({});
    };
    const History::Entries entries = some_history();
    std::unique_ptr<ControlServer> server;
    Asked asked;
    const Source answers = loop.post([&] { answer(asked, *server); });
    const auto hand_over = [&](const ControlSource::OnDone& done) {
      if (shown.services.empty()) return done(std::unexpected("write /handover: No space left on device"));
      if (shown.services.size() > 1) loop.exit(0);
      done({});
    };
    std::vector<std::pair<std::uint64_t, VarlinkReply>> finished;
    const Source finishing = loop.post([&] {
      for (const auto& [client, reply] : std::exchange(finished, {})) server->finish(client, reply);
    });
    std::vector<std::uint64_t> reloading;
    const Source reloaded = loop.post([&] {
      const Reloaded done{"1 changed (web)", {"lease is short"}, {}};
      const Reloaded refused{"", {}, {"herald.json: /services: bad", "control.socket cannot change"}};
      for (const std::uint64_t client : std::exchange(reloading, {}))
        server->finish(client, reload_reply(shown.services.size() > 1 ? done : refused));
    });
    const auto reload = [&](std::uint64_t client) { reloading.push_back(client); };
    const ControlSource source{
        .snapshot = look,
        .clocks = [] { return kClocks; },
        .seen = [&] { return shown; },
        .plan = plan,
        .history = [&]() -> const History::Entries& { return entries; },
        .finish = [&](std::uint64_t client,
                      const VarlinkReply& reply) { finished.emplace_back(client, reply); },
        .probe = [&](const ProbeRequest& request, std::uint64_t client) { asked[client] = request; },
        .administer = administer,
        .clear_damping = clear_damping,
        .adopt =
            [](const std::string& service, const std::string&, const ControlSource::OnAdopted& done) {
              done(service == "web" ? std::vector<std::string>{"10.99.0.1/32 on lo"}
                                    : std::vector<std::string>{});
            },
        .reload = reload,
        .hand_over = hand_over};
    server = *ControlServer::start(loop, std::move(*socket),
                                   VarlinkService(control_info(), control_interface(source)));
    // Whoever watches is told the last one again and again.
    Source news;
    news = loop.timer_at(Loop::clock(), [&] {
      server->publish({{"transition", to_json(entries.back())}});
      news.set_time(Loop::clock() + 20ms);
    });
    loop.run();
  }
  // A listener that does as `behave` says with each connection.
  void listen(const std::function<void(int)>& behave) const {
    const Fd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    options.socket.copy(address.sun_path, sizeof(address.sun_path) - 1);
    ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    ::listen(fd.get(), 0);
    while (true) behave(::accept(fd.get(), nullptr, nullptr));
  }
  // Until the child listens.
  [[nodiscard]] ctl::Outcome status(const std::vector<std::string>& services = {}) const {
    while (true) {
      ctl::Outcome outcome = ctl::status(options, services);
      if (outcome.code != ctl::kNotReachable || !outcome.err.ends_with("status herald)\n") ||
          outcome.err.find("connect: ") == std::string::npos) {
        return outcome;
      }
      ::usleep(1000);
    }
  }
};

inline Snapshot all_well() {
  Snapshot snapshot = two_services();
  snapshot.services.pop_back();
  return snapshot;
}

}  // namespace fixture
