// A heraldd at work in a network namespace of its own: real addresses, probes and files, no router, and a loop that the test
// turns. What a test kills is this process's: the daemon's watches take the signals.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "probes/registry.h"
#include "sidecar/announce/levers.h"
#include "sidecar/daemon/daemon.h"
#include "tests/daemon/fixture.h"
#include "tests/os/own_namespace.h"
#include "tests/os/run_until.h"
#include "tests/os/temporary_directory.h"

namespace fixture {

// Something that a tcp probe finds alive until it is closed, in a network namespace of its own.
class Listener {
 public:
  Listener() {
    enter_new_namespace();
    fd_ = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(fd_.get(), 64) == 0);
    socklen_t size = sizeof address;
    REQUIRE(::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  void close() { fd_.reset(); }

 private:
  Fd fd_;
  std::uint16_t port_ = 0;
};

// Real levers that cannot remove.
class KeepingLevers final : public Levers {
 public:
  explicit KeepingLevers(Loop& loop) : real_(make_levers(loop, {})) {}
  std::expected<std::unique_ptr<AddressLever>, std::string> addresses(
      const std::vector<ServiceSpec>& services) override {
    auto real = real_->addresses(services);
    if (!real) return real;
    return std::make_unique<Lever>(std::move(*real));
  }
  std::unique_ptr<RouterLever> router(const Config& config, std::span<const Vip> leaving) override {
    return real_->router(config, leaving);
  }
  [[nodiscard]] std::vector<std::string> template_problems(const Config& config) const override {
    return real_->template_problems(config);
  }

 private:
  class Lever final : public AddressLever {
   public:
    explicit Lever(std::unique_ptr<AddressLever> real) : real_(std::move(real)) {}
    std::expected<Observation, std::string> look(TimePoint now) override { return real_->look(now); }
    std::expected<Applied, std::string> apply(const Step& step) override {
      if (step.kind == Step::Kind::remove) return std::unexpected("remove: Operation not permitted");
      return real_->apply(step);
    }

   private:
    std::unique_ptr<AddressLever> real_;
  };

  std::unique_ptr<Levers> real_;
};

struct DaemonBench {
  DaemonBench() {
    config.state_dir = directory.path();
    config.control.socket = directory.path() / "control.sock";
    config.control.group = "root";
    config.router.stack = Stack::none;
    add("web", "10.99.0.1/32");
  }

  // A service that is up as long as the listener is.
  ServiceSpec& add(const std::string& name, const std::string& vip) {
    const auto parsed =
        parse_config({"herald.json",
                      R"({"router": {"stack": "none"}, "services": [{"name": ")" + name + R"(", "vips": [")" +
                          vip + R"("], "probes": [{"name": "front", "type": "tcp", "address": "127.0.0.1:)" +
                          std::to_string(listener.port()) + R"("}]}]})"},
                     {}, probes::kind_checks());
    REQUIRE(parsed.errors.empty());
    ServiceSpec& service = config.services.emplace_back(parsed.config->services.at(0));
    ProbeSpec& probe = service.probes.at(0);
    probe.timing = {.interval = 50ms, .fast_interval = 20ms, .down_interval = 50ms, .timeout = 500ms};
    probe.thresholds.rise = 1;
    probe.thresholds.fall = 2;
    return service;
  }

  // Of the build's own, which stay who they are.
  static WorkerOptions workers() {
    return {.link = {.program = HERALD_BUILT_PROBER, .user = "root"}, .processes = 1};
  }

  Daemon& make(Hands hands) {
    daemon.emplace(loop, logged.log, config,
                   DaemonOptions{.hands = std::move(hands),
                                 .workers = workers(),
                                 .http = {.socket = {}, .program = HERALD_BUILT_HTTP, .user = "root"},
                                 .load = [this] { return next; },
                                 .accepted =
                                     [this](std::span<const ConfigText> texts) {
                                       accepted.emplace_back(texts.begin(), texts.end());
                                     }});
    CHECK(daemon->prepare().empty());
    return *daemon;
  }
  void start() { start(real_hands(loop, config.state_dir, {})); }
  void start(Hands hands) {
    const auto opened = make(std::move(hands)).open();
    CAPTURE(opened.has_value() ? "" : opened.error());
    REQUIRE(opened);
  }
  // Stopped as by systemd; the exit code.
  int stop() {
    ::kill(::getpid(), SIGTERM);
    const Source limit = loop.timer_at(Loop::clock() + 10s, [this] { loop.exit(99); });
    return daemon->run();
  }

  // Whether the VIP is on lo.
  bool has(const std::string& vip) {
    ServiceSpec service;
    service.vips = {Vip{vip}};
    const auto seen = (*make_levers(loop, {})->addresses({service}))->look(loop.now());
    REQUIRE(seen);
    return std::ranges::any_of(seen->addresses,
                               [&](const ObservedAddress& each) { return each.key.vip == Vip{vip}; });
  }
  [[nodiscard]] std::string history() const {
    std::ifstream file(directory.path() / "history.jsonl");
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

  TemporaryDirectory directory;
  Listener listener;
  Config config;
  LoadResult next;  // what a reload reads
  std::vector<std::vector<ConfigText>> accepted;
  Logged logged;
  Loop loop;
  std::optional<Daemon> daemon;
};

}  // namespace fixture
