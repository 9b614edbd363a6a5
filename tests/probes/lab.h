// What the probe tests share: a loop with everything that a probe may use, and servers on loopback that
// behave as badly as a test wants.
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "probes/curl_multi.h"
#include "probes/far_end.h"
#include "probes/probe.h"
#include "probes/resolver.h"
#include "probes/tls.h"
#include "sidecar/config/json_reader.h"
#include "sidecar/os/fd.h"
#include "sidecar/os/loop.h"

namespace herald::probes::test {

using nlohmann::json;
using namespace std::chrono_literals;

struct Place {
  int family = AF_INET;
  std::string unix_path{};  // begins with '@' in the abstract namespace
};

// TCP on a port of loopback (or a unix socket). Each connection is served on a thread of its own, with
// blocking calls; destroying the server ends them all.
class Server {
 public:
  using Serve = std::function<void(int fd)>;
  explicit Server(Serve serve, const Place& place = {});
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  [[nodiscard]] std::uint16_t port() const { return port_; }
  // "127.0.0.1:1234" or "[::1]:1234"
  [[nodiscard]] std::string address() const;
  [[nodiscard]] std::string url(const std::string& path = "/") const { return "http://" + address() + path; }
  [[nodiscard]] std::string https_url(const std::string& path = "/") const {
    return "https://" + address() + path;
  }
  [[nodiscard]] int connections() const { return connections_; }

 private:
  void accept_all();

  Serve serve_;
  Place place_;
  Fd listener_;
  Fd stop_;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_ = 0;
  std::mutex mutex_;
  std::list<std::pair<Fd, std::thread>> served_;
  std::thread acceptor_;
};

// What arrives until the blank line, or until the peer closes.
std::string read_request(int fd);
void send_text(int fd, std::string_view text);
// Until the peer or the server closes.
void wait_for_close(int fd);
void reset_connection(int fd);
// A whole answer: "200 OK", headers, body.
std::string http_answer(const std::string& status, const std::string& body,
                        const std::vector<std::string>& headers = {});
// Answers each request of a connection alike.
Server::Serve always(std::string answer);

// UDP on a port of loopback: `serve` gives the replies to one datagram.
class DatagramServer {
 public:
  using Serve = std::function<std::vector<std::string>(const std::string& datagram)>;
  explicit DatagramServer(Serve serve, std::uint16_t port = 0);
  DatagramServer(const DatagramServer&) = delete;
  DatagramServer& operator=(const DatagramServer&) = delete;
  ~DatagramServer();

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] int received() const { return received_; }

 private:
  void serve_all();

  Serve serve_;
  Fd socket_;
  Fd stop_;
  std::uint16_t port_ = 0;
  std::atomic<int> received_ = 0;
  std::thread thread_;
};

// The settings of an `http` probe of it.
json http_probe_of(const Server& server, const json& more = json::object());

// `detail` is a part of the result's.
void check_fail(const ProbeResult& result, Reason reason, const std::string& detail);

// The CPU that this thread, which runs the probes, has taken; servers have threads of their own.
Duration thread_cpu();

// A port of loopback that nothing listens on.
std::uint16_t free_port();

class Lab {
 public:
  explicit Lab(const std::string& name_servers = "127.0.0.1:9") : resolver(loop, name_servers) {}

  // What check() and the search for unknown keys say, "pointer: message".
  static std::vector<std::string> errors_of(const std::string& type, const json& settings);
  // Fails the test where make() does.
  std::unique_ptr<Probe> make(const std::string& type, const json& settings);
  std::expected<std::unique_ptr<Probe>, std::string> try_make(const std::string& type, const json& settings);
  static std::string target(const std::string& type, const json& settings);
  static std::string endpoint(const std::string& type, const json& settings);

  // One attempt; none when it is not over within `limit`.
  std::optional<ProbeResult> run(Probe& probe, Duration limit = 20s);
  // One attempt that has to end.
  ProbeResult run(const std::string& type, const json& settings);
  // What an attempt that does not end is doing when it is cut off.
  std::string stage(const std::string& type, const json& settings, Duration after = 300ms);
  // The same, with how far the target has come.
  std::string stage_of_both(const std::string& type, const json& settings, Duration after = 300ms);
  void run_for(Duration time);

  Loop loop;
  CurlMulti curl{loop};
  Resolver resolver;
  CaStores stores;
  OwnVips vips;
  FarEnds far_ends;
  Context context{loop, curl, resolver, stores, vips, far_ends};
  SocketOptions socket;
  Duration timeout = 800ms;  // what a probe believes its deadline to be
};

}  // namespace herald::probes::test

namespace Catch {
template <>
struct StringMaker<herald::ProbeResult> {
  static std::string convert(const herald::ProbeResult& result);
};
}  // namespace Catch
