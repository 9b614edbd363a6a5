// The same probes against the servers that they will meet: nginx and NSD. Skipped, with a word, where these
// are not installed.

#include <fmt/format.h>
#include <sys/wait.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "tests/probes/certificates.h"

namespace real_servers_test {

using namespace herald;
using namespace herald::probes;
using namespace herald::probes::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

// A program in the foreground, ended with the test.
class Program {
 public:
  explicit Program(const std::vector<std::string>& command) : pid_(fork()) {
    if (pid_ != 0) return;
    std::vector<char*> arguments;
    for (const auto& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    execv(arguments[0], arguments.data());
    _exit(127);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program() {
    kill(pid_, SIGTERM);
    waitpid(pid_, nullptr, 0);
  }

 private:
  pid_t pid_;
};

void require_program(const char* program) {
  INFO(program << " is not installed; tests/run installs it");
  REQUIRE(std::filesystem::exists(program));
}

void wait_until_it_listens(Lab& lab, std::uint16_t port) {
  const auto probe = lab.make("tcp", {{"address", fmt::format("127.0.0.1:{}", port)}});
  for (int i = 0; i < 500; ++i) {
    if (const auto result = lab.run(*probe); result && result->verdict == Verdict::pass) return;
    lab.run_for(20ms);
  }
  FAIL("the server does not start");
}

constexpr const char* kNginx = R"(
daemon off; master_process off; pid {0}/pid; error_log {0}/log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {0}/a; proxy_temp_path {0}/b; fastcgi_temp_path {0}/c; uwsgi_temp_path {0}/d;
  scgi_temp_path {0}/e;
  server {{
    listen 127.0.0.1:{1};
    location / {{ add_header X-Site fra1; return 200 "ready\n"; }}
    location /moved {{ return 301 /; }}
    location /down {{ return 503; }}
  }}
  server {{
    listen 127.0.0.1:{2} ssl http2;
    ssl_certificate {0}/cert.pem; ssl_certificate_key {0}/key.pem;
    location / {{ return 200 "secure\n"; }}
  }}
  server {{ listen 127.0.0.1:{3} http2; location / {{ return 200 "h2c\n"; }} }}
}})";

constexpr const char* kNsd = R"(
server:
  ip-address: 127.0.0.1@{1}
  username: ""
  pidfile: "{0}/pid"
  database: ""
  zonelistfile: "{0}/zones"
  xfrdfile: "{0}/xfrd"
  xfrdir: "{0}"
  zonesdir: "{0}"
  identity: "site-fra1"
  server-count: 1
remote-control:
  control-enable: no
zone:
  name: example.net
  zonefile: "{0}/example.net.zone"
)";

}  // namespace

TEST_CASE("nginx: HTTP/1.1, HTTP/2, TLS") {
  require_program("/usr/sbin/nginx");
  const TemporaryDirectory directory;
  const Identity identity = make_identity({.name = "localhost", .alternative_names = "DNS:www.example.net"});
  const std::string trust = directory.write_certificate("cert.pem", identity);
  static_cast<void>(directory.write_key("key.pem", identity));
  const std::array ports{free_port(), free_port(), free_port()};
  std::ofstream(directory.path() + "/nginx.conf")
      << fmt::format(kNginx, directory.path(), ports[0], ports[1], ports[2]);
  const Program nginx({"/usr/sbin/nginx", "-c", directory.path() + "/nginx.conf"});
  Lab lab;
  wait_until_it_listens(lab, ports[0]);
  const auto run = [&](std::size_t server, const std::string& path, json more = json::object()) {
    more["url"] = fmt::format("http{}://127.0.0.1:{}{}", server == 1 ? "s" : "", ports[server], path);
    return lab.run("http", more);
  };
  CHECK(
      run(0, "/", {{"expect", {{"body_contains", "ready"}, {"headers", {{"x-site", "^fra1$"}}}}}}).verdict ==
      Verdict::pass);
  CHECK(run(0, "/moved").detail.starts_with("301, expected 200-299"));
  CHECK(run(0, "/moved", {{"follow_redirects", 1}, {"expect", {{"body_contains", "ready"}}}}).verdict ==
        Verdict::pass);
  CHECK(run(0, "/down").reason == Reason::status);
  const json tls{{"ca_file", trust}, {"server_name", "www.example.net"}};
  for (const char* version : {"1.1", "2"}) {
    const auto result =
        run(1, "/", {{"tls", tls}, {"http_version", version}, {"expect", {{"body_contains", "secure"}}}});
    CAPTURE(version, result);
    CHECK(result.verdict == Verdict::pass);
  }
  CHECK(
      run(2, "/", {{"http_version", "2-prior-knowledge"}, {"expect", {{"body_contains", "h2c"}}}}).verdict ==
      Verdict::pass);
  // A kept HTTP/2 connection, again and again.
  const auto kept = lab.make("http", {{"url", fmt::format("https://127.0.0.1:{}/", ports[1])},
                                      {"tls", tls},
                                      {"http_version", "2"},
                                      {"reuse", true}});
  for (int i = 0; i < 5; ++i) CHECK(lab.run(*kept)->verdict == Verdict::pass);
}

TEST_CASE("nsd: answers, serial, identity, truncation") {
  require_program("/usr/sbin/nsd");
  const TemporaryDirectory directory;
  const std::uint16_t port = free_port();
  std::ofstream(directory.path() + "/nsd.conf") << fmt::format(kNsd, directory.path(), port);
  std::ofstream zone(directory.path() + "/example.net.zone");
  zone << "@ 60 SOA ns hostmaster 2026080101 3600 600 86400 60\n@ 60 NS ns\nns 60 A 127.0.0.1\n"
          "www 60 A 192.0.2.1\nwww 60 A 192.0.2.2\n";
  for (int i = 0; i < 200; ++i) zone << fmt::format("big 60 A 10.0.0.{}\n", i);
  zone.close();
  const Program nsd({"/usr/sbin/nsd", "-d", "-c", directory.path() + "/nsd.conf"});
  Lab lab;
  wait_until_it_listens(lab, port);
  const auto run = [&](const std::string& query, json more = json::object()) {
    more["server"] = fmt::format("127.0.0.1:{}", port);
    more["query"] = query;
    const auto result = lab.run("dns", more);
    UNSCOPED_INFO(query << ": " << result.detail);
    return result;
  };
  const json answers{{"answers", {"192.0.2.2", "192.0.2.1"}}, {"min_answers", 2}, {"authoritative", true}};
  CHECK(run("www.example.net A", {{"expect", answers}}).verdict == Verdict::pass);
  CHECK(run("www.example.net A", {{"expect", answers}, {"transport", "tcp"}}).verdict == Verdict::pass);
  CHECK(run("none.example.net A").detail == "NXDOMAIN, expected NOERROR");
  CHECK(run("example.org A").detail == "REFUSED, expected NOERROR");
  CHECK(run("example.net SOA", {{"expect", {{"serial_at_least", 2026080101}}}}).verdict == Verdict::pass);
  CHECK(run("example.net SOA", {{"expect", {{"serial_at_least", 2026080102}}}}).detail ==
        "serial 2026080101, expected at least 2026080102");
  CHECK(run("id.server TXT CH", {{"expect", {{"answers", {"site-fra1"}}}}}).verdict == Verdict::pass);
  CHECK(run("big.example.net A", {{"expect", {{"min_answers", 200}}}}).verdict == Verdict::pass);
  CHECK(run("big.example.net A", {{"on_truncation", "fail"}}).detail == "the answer is truncated (TC)");
}

}  // namespace real_servers_test
