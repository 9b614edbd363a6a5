#include "tests/probes/lab.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>

#include "probes/registry.h"
#include "probes/socket.h"
#include "tests/os/run_until.h"

namespace herald::probes::test {
namespace {

// True when `fd` is readable, false when the server stops.
bool wait_readable(int fd, int stop) {
  std::array<pollfd, 2> wait{{{fd, POLLIN, 0}, {stop, POLLIN, 0}}};
  while (poll(wait.data(), wait.size(), -1) < 0) {
  }
  return wait[1].revents == 0;
}

std::uint16_t bind_loopback(int fd, int family, std::uint16_t port) {
  const auto address = parse_address(family == AF_INET6 ? "::1" : "127.0.0.1");
  SocketAddress local = socket_address(*address, port);
  REQUIRE(bind(fd, local.get(), local.size) == 0);
  REQUIRE(getsockname(fd, reinterpret_cast<sockaddr*>(&local.storage), &local.size) == 0);
  return local.port();
}

void bind_unix(int fd, const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  if (path[0] == '@') address.sun_path[0] = '\0';
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  REQUIRE(bind(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0);
}

// As the configuration does it; `errors` takes what is wrong.
CheckedProbe check(const std::string& type, const json& settings, std::vector<ConfigError>& errors) {
  const auto kinds = registry();
  const auto kind = std::ranges::find(kinds, type, &ProbeKind::type);
  REQUIRE(kind != kinds.end());
  const json parsed = json::parse(settings.dump());  // numbers become what a file has
  ObjectReader keys(parsed, "", "", errors);
  CheckedProbe checked = kind->check(keys);
  keys.finish();
  return checked;
}

CheckedProbe check(const std::string& type, const json& settings) {
  std::vector<ConfigError> errors;
  return check(type, settings, errors);
}

}  // namespace

Server::Server(Serve serve, const Place& place) : serve_(std::move(serve)), place_(place) {
  const bool is_unix = !place.unix_path.empty();
  listener_ = Fd(socket(is_unix ? AF_UNIX : place.family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  REQUIRE(listener_);
  if (is_unix) {
    bind_unix(listener_.get(), place.unix_path);
  } else {
    port_ = bind_loopback(listener_.get(), place.family, 0);
  }
  REQUIRE(listen(listener_.get(), 512) == 0);
  stop_ = Fd(eventfd(0, EFD_CLOEXEC));
  acceptor_ = std::thread([this] { accept_all(); });
}

Server::~Server() {
  eventfd_write(stop_.get(), 1);
  acceptor_.join();
  const std::lock_guard lock(mutex_);
  for (auto& [fd, thread] : served_) {
    shutdown(fd.get(), SHUT_RDWR);
    thread.join();
  }
  if (place_.unix_path.starts_with('/')) unlink(place_.unix_path.c_str());
}

std::string Server::address() const {
  return fmt::format("{}:{}", place_.family == AF_INET6 ? "[::1]" : "127.0.0.1", port_);
}

void Server::accept_all() {
  while (wait_readable(listener_.get(), stop_.get())) {
    const int fd = accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    ++connections_;
    const std::lock_guard lock(mutex_);
    served_.emplace_back(Fd(fd), std::thread([this, fd] {
                           serve_(fd);
                           // Closed at the end, so that the number is not used again while others shut it
                           // down.
                           shutdown(fd, SHUT_RDWR);
                         }));
  }
}

std::string read_request(int fd) {
  std::string request;
  std::array<char, 4096> buffer;
  while (request.find("\r\n\r\n") == std::string::npos) {
    const ssize_t count = recv(fd, buffer.data(), buffer.size(), 0);
    if (count <= 0) break;
    request.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return request;
}

void send_text(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (count <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

void wait_for_close(int fd) {
  std::array<char, 4096> buffer;
  while (recv(fd, buffer.data(), buffer.size(), 0) > 0) {
  }
}

void reset_connection(int fd) {
  // Connecting to nothing dissolves the association at once and with a reset; the descriptor is closed later.
  const linger at_once{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  sockaddr nothing{};
  nothing.sa_family = AF_UNSPEC;
  connect(fd, &nothing, sizeof nothing);
}

std::string http_answer(const std::string& status, const std::string& body,
                        const std::vector<std::string>& headers) {
  std::string answer = fmt::format("HTTP/1.1 {}\r\nContent-Length: {}\r\n", status, body.size());
  for (const auto& header : headers) answer += header + "\r\n";
  return answer + "\r\n" + body;
}

Server::Serve always(std::string answer) {
  return [answer = std::move(answer)](int fd) {
    while (!read_request(fd).empty()) send_text(fd, answer);
  };
}

DatagramServer::DatagramServer(Serve serve, std::uint16_t port) : serve_(std::move(serve)) {
  socket_ = Fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  REQUIRE(socket_);
  port_ = bind_loopback(socket_.get(), AF_INET, port);
  stop_ = Fd(eventfd(0, EFD_CLOEXEC));
  thread_ = std::thread([this] { serve_all(); });
}

DatagramServer::~DatagramServer() {
  eventfd_write(stop_.get(), 1);
  thread_.join();
}

void DatagramServer::serve_all() {
  while (wait_readable(socket_.get(), stop_.get())) {
    std::array<char, 65536> buffer;
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    auto* peer = reinterpret_cast<sockaddr*>(&from);
    const ssize_t count = recvfrom(socket_.get(), buffer.data(), buffer.size(), 0, peer, &size);
    if (count < 0) continue;
    ++received_;
    for (const auto& reply : serve_(std::string(buffer.data(), static_cast<std::size_t>(count)))) {
      sendto(socket_.get(), reply.data(), reply.size(), 0, peer, size);
    }
  }
}

json http_probe_of(const Server& server, const json& more) {
  json settings{{"url", server.url()}};
  settings.update(more);
  return settings;
}

void check_fail(const ProbeResult& result, Reason reason, const std::string& detail) {
  CHECK(result.verdict == Verdict::fail);
  CHECK(result.reason == reason);
  CHECK_THAT(result.detail, Catch::Matchers::Contains(detail));
}

Duration thread_cpu() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

std::uint16_t free_port() {
  const Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return bind_loopback(fd.get(), AF_INET, 0);
}

std::vector<std::string> Lab::errors_of(const std::string& type, const json& settings) {
  std::vector<ConfigError> errors;
  static_cast<void>(check(type, settings, errors));
  std::vector<std::string> texts;
  for (const auto& error : errors) texts.push_back(error.pointer + ": " + error.message);
  return texts;
}

std::expected<std::unique_ptr<Probe>, std::string> Lab::try_make(const std::string& type,
                                                                 const json& settings) {
  const std::vector<std::string> none;
  CHECK(errors_of(type, settings) == none);
  ProbeSpec spec;
  spec.type = type;
  spec.settings = settings.dump();
  spec.socket = socket;
  spec.timing.timeout = timeout;
  return make_probe(spec, context);
}

std::unique_ptr<Probe> Lab::make(const std::string& type, const json& settings) {
  auto probe = try_make(type, settings);
  if (!probe) FAIL(probe.error());
  return std::move(*probe);
}

std::string Lab::endpoint(const std::string& type, const json& settings) {
  return check(type, settings).endpoint;
}

std::string Lab::target(const std::string& type, const json& settings) {
  return check(type, settings).target;
}

std::optional<ProbeResult> Lab::run(Probe& probe, Duration limit) {
  std::optional<ProbeResult> result;
  auto attempt = probe.start([&](ProbeResult its_result) {
    result = std::move(its_result);
    loop.exit(0);
  });
  if (!attempt) return attempt.error();
  CHECK_FALSE(result);
  const Source end = loop.timer_at(Loop::clock() + limit, [&] { loop.exit(1); });
  loop.run();
  return result;
}

ProbeResult Lab::run(const std::string& type, const json& settings) {
  const auto probe = make(type, settings);
  auto result = run(*probe);
  if (!result) FAIL("the attempt does not end");
  return std::move(*result);
}

std::string Lab::stage(const std::string& type, const json& settings, Duration after) {
  const auto probe = make(type, settings);
  auto attempt = probe->start([](const ProbeResult& result) { FAIL("ended: " << result.detail); });
  if (!attempt) FAIL("ended: " << attempt.error().detail);
  run_for(after);
  return (*attempt)->stage();
}

std::string Lab::stage_of_both(const std::string& type, const json& settings, Duration after) {
  const auto probe = make(type, settings);
  auto attempt = probe->start([](const ProbeResult& result) { FAIL("ended: " << result.detail); });
  if (!attempt) FAIL("ended: " << attempt.error().detail);
  run_for(after);
  return far_ends.stage_of(**attempt);
}

void Lab::run_for(Duration time) {
  herald::run_for(loop, time);
}

}  // namespace herald::probes::test

std::string Catch::StringMaker<herald::ProbeResult>::convert(const herald::ProbeResult& result) {
  return fmt::format("{} {} \"{}\" {} ns", name_of(result.verdict), name_of(result.reason), result.detail,
                     result.latency.count());
}
