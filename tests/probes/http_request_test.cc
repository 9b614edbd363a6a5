#include "probes/http_request.h"

#include <fmt/format.h>

#include <cstdlib>

#include "tests/probes/lab.h"

namespace http_request_test {

using namespace herald;
using namespace herald::probes;
using namespace herald::probes::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

TEST_CASE("http: the request is plain and complete") {
  std::string request;
  const Server server([&](int fd) {
    request = read_request(fd);
    send_text(fd, http_answer("200 OK", ""));
  });
  Lab lab;
  lab.run("http",
          {{"url", server.url("/healthz?full=1")}, {"headers", {{"X-Probe", "herald"}, {"X-Empty", ""}}}});
  CHECK(request ==
        fmt::format("GET /healthz?full=1 HTTP/1.1\r\nHost: {}\r\nUser-Agent: herald/" HERALD_VERSION
                    "\r\nAccept: */*\r\nX-Empty:\r\nX-Probe: herald\r\n\r\n",
                    server.address()));
}

TEST_CASE("http: method, body and Host are the user's") {
  std::string request;
  const Server server([&](int fd) {
    request = read_request(fd);
    send_text(fd, http_answer("200 OK", ""));
  });
  Lab lab;
  lab.run(
      "http",
      http_probe_of(server, {{"method", "PUT"}, {"body", "{}"}, {"headers", {{"Host", "www.example.net"}}}}));
  CHECK_THAT(request, StartsWith("PUT / HTTP/1.1\r\nHost: www.example.net\r\n"));
  CHECK_THAT(request, Contains("Content-Length: 2\r\n"));
  CHECK_THAT(request, !Contains("Content-Type"));
  lab.run("http", http_probe_of(server, {{"method", "HEAD"}}));
  CHECK_THAT(request, StartsWith("HEAD / HTTP/1.1\r\n"));
  lab.run("http", http_probe_of(server, {{"http_version", "1.0"}}));
  CHECK_THAT(request, StartsWith("GET / HTTP/1.0\r\n"));
}

TEST_CASE("http: a body of bytes is sent as it is, and bytes are expected in one") {
  std::string request;
  const Server server([&](int fd) {
    request = read_request(fd);
    send_text(fd, http_answer("200 OK", std::string("\xff\0\x80", 3)));
  });
  Lab lab;
  const json body{{"body", {{"hex", "00 ff 80"}}}};
  const auto expecting = [&](const json& expect) {
    json settings = body;
    settings["expect"] = expect;
    return lab.run("http", http_probe_of(server, settings)).verdict;
  };
  CHECK(expecting({{"body_contains", {{"base64", "AIA="}}}}) == Verdict::pass);
  CHECK_THAT(request,
             StartsWith("POST / ") && Catch::Matchers::EndsWith(std::string("\r\n\r\n\0\xff\x80", 7)));
  CHECK(expecting({{"body_matches", R"(^\xff)"}}) == Verdict::pass);
  CHECK(expecting({{"body_contains", {{"hex", "81"}}}}) == Verdict::fail);
}

TEST_CASE("http: methods that carry a body say so when theirs is empty") {
  std::string request;
  const Server server([&](int fd) {
    request = read_request(fd);
    send_text(fd, http_answer("200 OK", ""));
  });
  Lab lab;
  const auto ask = [&](const json& more) {
    CHECK(lab.run("http", http_probe_of(server, more)).verdict == Verdict::pass);
    return request;
  };
  for (const std::string method : {"POST", "PUT", "PATCH"}) {
    CHECK_THAT(ask({{"method", method}}), StartsWith(method + " / HTTP/1.1\r\n"));
    CHECK_THAT(request, Contains("\r\nContent-Length: 0\r\n"));
    CHECK_THAT(request, !Contains("Content-Type"));
  }
  CHECK_THAT(ask({{"body", ""}}), StartsWith("POST / ") && Contains("\r\nContent-Length: 0\r\n"));
  for (const std::string method : {"GET", "DELETE", "OPTIONS"}) {
    CHECK_THAT(ask({{"method", method}}), StartsWith(method + " / ") && !Contains("Content-Length"));
  }
}

TEST_CASE("http: the environment's proxy is ignored") {
  const Server proxy(always(http_answer("200 OK", "proxy")));
  const Server server(always(http_answer("200 OK", "target")));
  for (const char* name : {"http_proxy", "https_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"}) {
    setenv(name, proxy.url().c_str(), 1);
  }
  Lab lab;
  const auto result = lab.run("http", http_probe_of(server, {{"expect", {{"body_contains", "target"}}}}));
  CHECK(result.verdict == Verdict::pass);
  CHECK(proxy.connections() == 0);
  for (const char* name : {"http_proxy", "https_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"})
    unsetenv(name);
}

}  // namespace http_request_test
