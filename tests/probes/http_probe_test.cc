#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>

#include "probes/registry.h"
#include "tests/probes/lab.h"

namespace http_probe_test {

using namespace herald;
using namespace herald::probes;
using namespace herald::probes::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

// A body that never ends, as fast as it is read.
void send_endless_body(int fd) {
  read_request(fd);
  send_text(fd, "HTTP/1.1 200 OK\r\n\r\nbeginning");
  const std::string block(65536, 'x');
  while (send(fd, block.data(), block.size(), MSG_NOSIGNAL) > 0) {
  }
}

}  // namespace

TEST_CASE("http: a good answer passes and says what it was") {
  const Server server(always(http_answer("200 OK", "ok")));
  Lab lab;
  const auto result = lab.run("http", http_probe_of(server));
  CHECK(result.verdict == Verdict::pass);
  CHECK(result.reason == Reason::none);
  CHECK_THAT(result.detail, StartsWith("200 in "));
  CHECK(result.latency > 0ns);
}

TEST_CASE("http: a wrong status fails with the beginning of the body") {
  const Server server(always(http_answer("503 Service Unavailable", "no upstream\r\nis left")));
  Lab lab;
  const auto result = lab.run("http", http_probe_of(server));
  check_fail(result, Reason::status, "503, expected 200-299: \"no upstream\\r\\nis left\"");
  CHECK(lab.run("http", http_probe_of(server, {{"expect", {{"status", {200, "500-599"}}}}})).verdict ==
        Verdict::pass);
}

TEST_CASE("http: a refused connection is refused") {
  const std::string address = "127.0.0.1:" + std::to_string(free_port());
  Lab lab;
  const auto result = lab.run("http", {{"url", "http://" + address + "/"}});
  check_fail(result, Reason::refused, "connect " + address + ": Connection refused");
}

TEST_CASE("http: what is cut off says what it was waiting for") {
  Lab lab;
  SECTION("an answer that never begins") {
    const Server server([](int fd) { wait_for_close(fd); });
    CHECK(lab.stage("http", http_probe_of(server)) == "waiting for the answer");
  }
  SECTION("one byte at a time") {
    const Server server([](int fd) {
      read_request(fd);
      send_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
      for (int i = 0; i < 1000 && send(fd, "x", 1, MSG_NOSIGNAL) == 1; ++i) std::this_thread::sleep_for(20ms);
    });
    CHECK_THAT(lab.stage("http", http_probe_of(server, {{"expect", {{"body_contains", "y"}}}})),
               StartsWith("reading the answer ("));
  }
  SECTION("a TLS handshake that nobody answers") {
    const Server server([](int fd) { wait_for_close(fd); });
    CHECK(lab.stage("http", {{"url", server.https_url()}, {"tls", {{"verify", false}}}}) == "TLS handshake");
  }
}

TEST_CASE("http: an endless body ends at the cap") {
  const Server server(send_endless_body);
  Lab lab;
  SECTION("and fails if the expected was not there by then") {
    const auto result = lab.run("http", http_probe_of(server, {{"expect", {{"body_contains", "ready"}}}}));
    check_fail(result, Reason::too_large, "no \"ready\" in the body within the first 65536 bytes");
    const auto json = lab.run("http", http_probe_of(server, {{"expect", {{"json", {{"/a", 1}}}}}}));
    check_fail(json, Reason::too_large, "no JSON in the body within");
  }
  SECTION("and passes if it was, or if nothing was expected") {
    const auto result =
        lab.run("http", http_probe_of(server, {{"expect", {{"body_contains", "beginning"}}}}));
    CHECK(result.verdict == Verdict::pass);
    CHECK(lab.run("http", http_probe_of(server)).verdict == Verdict::pass);
  }
  SECTION("and memory stays flat") {
    const auto probe = lab.make("http", http_probe_of(server, {{"expect", {{"body_contains", "ready"}}}}));
    REQUIRE(lab.run(*probe));
    rusage before{};
    getrusage(RUSAGE_SELF, &before);
    for (int i = 0; i < 50; ++i) REQUIRE(lab.run(*probe));
    rusage after{};
    getrusage(RUSAGE_SELF, &after);
    CHECK(after.ru_maxrss - before.ru_maxrss < 30'000);
  }
}

namespace {

// After the head of an answer, `piece` again and again, as fast as it is read.
Server::Serve flood(const std::string& head, const std::string& piece) {
  return [=](int fd) {
    read_request(fd);
    send_text(fd, head);
    std::string block;
    while (block.size() < 65536) block += piece;
    while (send(fd, block.data(), block.size(), MSG_NOSIGNAL) > 0) {
    }
  };
}

}  // namespace

TEST_CASE("http: what curl reads without a word is counted too, and costs no more than an answer may") {
  const Server honest(send_endless_body);
  Lab lab;
  const json expect{{"body_contains", "ready"}};
  const auto cost = [&](const json& settings, ProbeResult& result) {
    const auto probe = lab.make("http", settings);
    const Duration before = thread_cpu();
    auto ended = lab.run(*probe, 5s);
    const Duration spent = thread_cpu() - before;
    REQUIRE(ended);
    result = std::move(*ended);
    return spent;
  };
  ProbeResult result;
  static_cast<void>(cost(http_probe_of(honest, {{"expect", expect}}), result));  // what is made once
  const Duration usual = cost(http_probe_of(honest, {{"expect", expect}}), result);
  check_fail(result, Reason::too_large, "no \"ready\" in the body");
  const auto attack = [&](Server::Serve serve, const json& more = json::object(), const Place& place = {}) {
    const Server server(std::move(serve), place);
    json settings = place.unix_path.empty()
                        ? http_probe_of(server, {{"expect", expect}})
                        : json{{"url", "http://x/"}, {"unix_socket", place.unix_path}, {"expect", expect}};
    settings.update(more);
    const Duration spent = cost(settings, result);
    check_fail(result, Reason::too_large, "no end of the answer within");
    CAPTURE(usual.count(), spent.count());
    CHECK(spent < 20 * usual + 100ms);
  };
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=";
  SECTION("the extension of a chunk") {
    attack(flood(head, "x"));
  }
  SECTION("on a kept connection") {
    attack(flood(head, "x"), {{"reuse", true}});
  }
  SECTION("on a unix socket") {
    attack(flood(head, "x"), json::object(), {AF_UNIX, fmt::format("@herald_http_flood.{}", getpid())});
  }
  SECTION("the body of a redirect that is followed") {
    attack(flood("HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 1000000000\r\n\r\n", "x"),
           {{"follow_redirects", 1}, {"reuse", true}});
  }
  SECTION("a drip of single bytes") {
    attack([&](int fd) {
      const int now = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &now, sizeof now);
      read_request(fd);
      send_text(fd, head);
      while (send(fd, "x", 1, MSG_NOSIGNAL) == 1) std::this_thread::sleep_for(20us);
    });
  }
}

TEST_CASE("http: with nothing asked of the body, the header decides") {
  const auto serve = [](const std::string& status) {
    return [status](int fd) {
      read_request(fd);
      send_text(fd, "HTTP/1.1 " + status + "\r\nContent-Type: text/event-stream\r\n\r\ndata: ok\n\n");
      wait_for_close(fd);
    };
  };
  Lab lab;
  SECTION("a stream that stays open passes at once") {
    const Server server(serve("200 OK"));
    const auto result = lab.run("http", http_probe_of(server));
    CHECK(result.verdict == Verdict::pass);
    CHECK(result.latency < 500ms);
    CHECK(lab.run("http", http_probe_of(server, {{"expect", {{"headers", {{"content-type", "stream"}}}}}}))
              .verdict == Verdict::pass);
    CHECK_THAT(lab.stage("http", http_probe_of(server, {{"expect", {{"body_contains", "never"}}}})),
               StartsWith("reading the answer ("));
  }
  SECTION("a wrong status fails with the beginning of the body, which need not end") {
    const Server server(serve("503 Service Unavailable"));
    check_fail(lab.run("http", http_probe_of(server)), Reason::status,
               "503, expected 200-299: \"data: ok\\n\\n\"");
  }
  SECTION("a body that never comes is not waited for, whatever the status and the length") {
    for (const std::string status : {"200 OK", "500 Internal Server Error"}) {
      const Server server([&](int fd) {
        read_request(fd);
        send_text(fd, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 " + status + "\r\nContent-Length: 9\r\n\r\n");
        wait_for_close(fd);
      });
      for (const bool reuse : {false, true}) {
        const auto result = lab.run("http", http_probe_of(server, {{"reuse", reuse}}));
        CAPTURE(status, reuse, result);
        CHECK(result.verdict == (status[0] == '2' ? Verdict::pass : Verdict::fail));
        CHECK(result.reason == (status[0] == '2' ? Reason::none : Reason::status));
      }
    }
  }
  SECTION("latency is that of the header") {
    const Server server([](int fd) {
      read_request(fd);
      send_text(fd, "HTTP/1.1 500 Oh\r\n\r\n");
      wait_for_close(fd);
    });
    const auto result = lab.run("http", http_probe_of(server));
    CHECK(result.latency < 45ms);  // the body's grace is 50 ms
  }
}

TEST_CASE("http: an answer that was there before the connection broke counts") {
  Lab lab;
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n";
  const json synced{{"expect", {{"body_contains", "synced"}}}};
  SECTION("from a server that never reads the request, closes or resets") {
    for (const bool resets : {false, true}) {
      const Server server([&](int fd) {
        send_text(fd, head + "Node is synced.\r\n");
        if (resets) {
          std::this_thread::sleep_for(20ms);
          reset_connection(fd);
        }
      });
      for (int i = 0; i < 10; ++i) {
        CAPTURE(resets, i);
        CHECK(lab.run("http", http_probe_of(server)).verdict == Verdict::pass);
        CHECK(lab.run("http", http_probe_of(server, synced)).verdict == Verdict::pass);
      }
    }
  }
  SECTION("on a unix socket") {
    const std::string name = fmt::format("@herald_http_before.{}", getpid());
    const auto serve = [&](int fd) {
      send_text(fd, head + "Node is synced.\r\n");
      std::this_thread::sleep_for(20ms);  // and closes with the request unread
    };
    const Server server(serve, {AF_UNIX, name});
    json settings{{"url", "http://x/"}, {"unix_socket", name}};
    settings.update(synced);
    for (int i = 0; i < 10; ++i) {
      const auto result = lab.run("http", settings);
      CAPTURE(result);
      CHECK(result.verdict == Verdict::pass);
    }
  }
  SECTION("but not where more was announced, or where the expected is not there") {
    const Server cut([](int fd) {
      read_request(fd);
      send_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nNode is synced.");
      std::this_thread::sleep_for(20ms);
      reset_connection(fd);
    });
    check_fail(lab.run("http", http_probe_of(cut, synced)), Reason::reset, "");
    CHECK(lab.run("http", http_probe_of(cut)).verdict == Verdict::pass);
    const Server other([&](int fd) {
      read_request(fd);
      send_text(fd, head + "Node is");
      std::this_thread::sleep_for(20ms);
      reset_connection(fd);
    });
    check_fail(lab.run("http", http_probe_of(other, synced)), Reason::reset, "");
  }
}

TEST_CASE("every probe: all addresses of a name are tried, in order") {
  Lab lab;
  const auto server = std::make_unique<Server>(always(http_answer("200 OK", "six")), Place{AF_INET6});
  const std::string six = fmt::format("localhost:{}", server->port());
  for (const bool reuse : {false, true}) {
    const auto http = lab.run("http", {{"url", "http://" + six + "/"}, {"reuse", reuse}});
    CAPTURE(http);
    CHECK(http.verdict == Verdict::pass);
  }
  CHECK(lab.run("tcp", {{"address", six}}).verdict == Verdict::pass);
  CHECK(lab.run("tcp", {{"address", six}, {"send", "GET / HTTP/1.1\r\n\r\n"}, {"expect", "six"}}).verdict ==
        Verdict::pass);
  CHECK(lab.run("icmp", {{"address", "localhost"}}).verdict == Verdict::pass);
  const std::string nowhere = fmt::format("localhost:{}", free_port());
  check_fail(lab.run("http", {{"url", "http://" + nowhere + "/"}}), Reason::refused, "connect [::1]:");
  check_fail(lab.run("tcp", {{"address", nowhere}}), Reason::refused, "connect [::1]:");
}

namespace {

// Whatever is asked for.
class KnownNames final : public NameService {
 public:
  explicit KnownNames(std::vector<Address> known) : known_(std::move(known)) {}
  std::expected<std::vector<Address>, std::string> find(const std::string&, int) override { return known_; }

 private:
  std::vector<Address> known_;
};

}  // namespace

TEST_CASE("http: attempts side by side with reuse, while the name gets another address") {
  const Server server([](int fd) {
    read_request(fd);
    std::this_thread::sleep_for(300ms);
    send_text(fd, http_answer("200 OK", "late"));
  });
  struct Moving final : NameService {
    std::vector<Address> known{*parse_address("127.0.0.1")};
    std::expected<std::vector<Address>, std::string> find(const std::string&, int) override { return known; }
  } names;
  Lab lab;
  const Context context{lab.loop, lab.curl, names, lab.stores, lab.vips, lab.far_ends};
  ProbeSpec spec;
  spec.type = "http";
  spec.settings = json{{"url", fmt::format("http://one.example:{}/", server.port())}, {"reuse", true}}.dump();
  auto probe = make_probe(spec, context);
  REQUIRE(probe);
  std::vector<ProbeResult> results;
  const auto keep = [&](ProbeResult result) {
    results.push_back(std::move(result));
    if (results.size() == 2) lab.loop.exit(0);
  };
  auto first = (*probe)->start(keep);
  REQUIRE(first);
  lab.run_for(100ms);
  names.known.push_back(*parse_address("127.0.0.2"));
  auto second = (*probe)->start(keep);
  REQUIRE(second);
  const Source end = lab.loop.timer_at(Loop::clock() + 20s, [&] { lab.loop.exit(1); });
  lab.loop.run();
  REQUIRE(results.size() == 2);
  for (const ProbeResult& result : results) CHECK(result.verdict == Verdict::pass);
}

TEST_CASE("every probe: an address that this machine cannot use ends no walk that a failure has begun") {
  const Server server(always(http_answer("200 OK", "third")));
  Lab lab;
  // Refused; not of the family of `source`; and where the server is.
  KnownNames names({*parse_address("127.0.0.2"), *parse_address("::1"), *parse_address("127.0.0.1")});
  const Context context{lab.loop, lab.curl, names, lab.stores, lab.vips, lab.far_ends};
  const std::string target = fmt::format("three.example:{}", server.port());
  const json http{{"url", "http://" + target + "/"}};
  const json tcp{{"address", target}};
  for (const auto& [type, settings] : {std::pair("http", http), std::pair("tcp", tcp)}) {
    CAPTURE(type);
    ProbeSpec spec;
    spec.type = type;
    spec.socket.source = "127.0.0.1";
    spec.settings = settings.dump();
    auto probe = make_probe(spec, context);
    REQUIRE(probe);
    const auto result = lab.run(**probe);
    REQUIRE(result);
    CAPTURE(*result);
    CHECK(result->verdict == Verdict::pass);
  }
}

TEST_CASE("http: a kept connection may carry more in its life than one answer may") {
  const Server server(always(http_answer("200 OK", std::string(60000, 'x') + "ready")));
  Lab lab;
  const auto probe =
      lab.make("http", http_probe_of(server, {{"reuse", true}, {"expect", {{"body_contains", "ready"}}}}));
  for (int i = 0; i < 20; ++i) {
    const auto result = lab.run(*probe);
    REQUIRE(result);
    CAPTURE(*result);
    CHECK(result->verdict == Verdict::pass);
  }
  CHECK(server.connections() == 1);
}

TEST_CASE("http: what curl remembers of one attempt does not colour the next one") {
  const std::string nobody = "127.0.0.1:" + std::to_string(free_port());
  const Server broken([](int fd) {
    read_request(fd);
    send_text(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
  });
  Lab lab;
  check_fail(lab.run("http", {{"url", "http://" + nobody + "/"}}), Reason::refused, "");
  check_fail(lab.run("http", http_probe_of(broken, {{"expect", {{"body_contains", "x"}}}})), Reason::protocol,
             "");
}

TEST_CASE("http: redirects are a status unless they are to be followed") {
  std::atomic<int> requests = 0;
  const Server server([&](int fd) {
    const std::string request = read_request(fd);
    ++requests;
    if (request.starts_with("GET /good ")) return send_text(fd, http_answer("200 OK", "here"));
    const std::string where = request.starts_with("GET /loop ") ? "/loop" : "http://elsewhere.invalid/good";
    send_text(fd, http_answer("302 Found", "", {"Location: " + where, "X-Hop: 1", "Connection: close"}));
  });
  Lab lab;
  // The port of the redirect is that of its URL, the address stays that of the probe.
  check_fail(lab.run("http", http_probe_of(server)), Reason::status, "302, expected 200-299");
  CHECK(requests == 1);
  const json followed{{"url", server.url()},
                      {"connect_to", server.address()},
                      {"follow_redirects", 1},
                      {"expect", {{"body_contains", "here"}}}};
  CHECK(lab.run("http", followed).verdict == Verdict::pass);
  json hop = followed;
  hop["expect"] = {{"headers", {{"X-Hop", ""}}}};
  check_fail(lab.run("http", hop), Reason::header, "no header X-Hop");
  check_fail(lab.run("http", {{"url", server.url("/loop")}, {"follow_redirects", 3}}), Reason::status,
             "more than 3 redirects");
}

TEST_CASE("http: a redirect to a name stays on the target's address") {
  const Server other(always(http_answer("200 OK", "other port")));
  const Server server(always(
      http_answer("302 Found", "", {fmt::format("Location: http://elsewhere.invalid:{}/", other.port())})));
  Lab lab;
  const json settings{
      {"url", server.url()}, {"follow_redirects", 1}, {"expect", {{"body_contains", "other port"}}}};
  CHECK(lab.run("http", settings).verdict == Verdict::pass);
  const Server file(always(http_answer("302 Found", "", {"Location: file:///etc/passwd"})));
  check_fail(lab.run("http", {{"url", file.url()}, {"follow_redirects", 1}}), Reason::protocol, "");
}

TEST_CASE("http: expectations of headers and body") {
  const Server server(always(http_answer("200 OK", R"({"status":"up","checks":[{"queue":17}]})",
                                         {"X-Version: 3.1", "Via: a", "via: b"})));
  Lab lab;
  const auto with = [&](const json& expect) {
    return lab.run("http", http_probe_of(server, {{"expect", expect}}));
  };
  CHECK(with({{"body_contains", "\"up\""}}).verdict == Verdict::pass);
  CHECK(with({{"body_matches", "queue.:\\d+"}}).verdict == Verdict::pass);
  CHECK(with({{"json", {{"/status", "up"}, {"/checks/0/queue", 17}}}}).verdict == Verdict::pass);
  CHECK(with({{"headers", {{"x-version", "^3\\."}, {"Via", "b"}}}}).verdict == Verdict::pass);

  check_fail(with({{"body_contains", "down"}}), Reason::body,
             R"(no "down" in the body: "{"status":"up","checks")");
  check_fail(with({{"body_matches", "^ok$"}}), Reason::body, R"(nothing matches "^ok$" in the body: )");
  check_fail(with({{"json", {{"/status", "down"}}}}), Reason::json, R"(/status is "up", expected "down")");
  check_fail(with({{"json", {{"/checks/1/queue", 0}}}}), Reason::json, "no /checks/1/queue in the body");
  check_fail(with({{"json", {{"/checks/x", 0}}}}), Reason::json, "no /checks/x in the body");
  check_fail(with({{"headers", {{"x-version", "^4"}}}}), Reason::header,
             R"(header x-version does not match "^4": "3.1")");
  check_fail(with({{"headers", {{"x-nothing", ""}}}}), Reason::header, "no header x-nothing");
}

TEST_CASE("http: JSON that is none, and JSON without a bottom") {
  Lab lab;
  const json expect{{"json", {{"/a", 1}}}};
  const Server text(always(http_answer("200 OK", "ok")));
  check_fail(lab.run("http", http_probe_of(text, {{"expect", expect}})), Reason::json,
             R"(no JSON in the body: "ok")");
  const Server empty(always(http_answer("200 OK", "")));
  check_fail(lab.run("http", http_probe_of(empty, {{"expect", expect}})), Reason::json, "which is empty");
  const Server deep(always(http_answer("200 OK", std::string(60000, '['))));
  check_fail(lab.run("http", http_probe_of(deep, {{"expect", expect}})), Reason::json, "");
  const Server closed(always(http_answer("200 OK", std::string(30000, '[') + std::string(30000, ']'))));
  check_fail(lab.run("http", http_probe_of(closed, {{"expect", expect}})), Reason::json, "no /a");
  const Server huge(always(http_answer("200 OK", R"({"a": 1e999})")));
  check_fail(lab.run("http", http_probe_of(huge, {{"expect", expect}})), Reason::json, "");
}

TEST_CASE("http: warnings") {
  const Server server(always(http_answer("429 Too Many Requests", "", {"X-Degraded: yes"})));
  Lab lab;
  auto result = lab.run("http", http_probe_of(server, {{"warn", {{"status", 429}}}}));
  CHECK(result.verdict == Verdict::warn);
  CHECK(result.reason == Reason::status);
  CHECK_THAT(result.detail, StartsWith("429 in "));

  const json any{{"status", "100-599"}};
  result = lab.run(
      "http", http_probe_of(server, {{"expect", any}, {"warn", {{"headers", {{"x-degraded", "yes|1"}}}}}}));
  CHECK(result.verdict == Verdict::warn);
  CHECK(result.reason == Reason::header);
  CHECK_THAT(result.detail, Contains(R"(header x-degraded matches "yes|1")"));

  const Server slow([](int fd) {
    read_request(fd);
    std::this_thread::sleep_for(30ms);
    send_text(fd, http_answer("200 OK", ""));
  });
  result = lab.run("http", http_probe_of(slow, {{"warn", {{"latency", "20ms"}}}}));
  CHECK(result.verdict == Verdict::warn);
  CHECK(result.reason == Reason::latency);
  CHECK_THAT(result.detail, Contains("slower than 20ms"));
  CHECK(lab.run("http", http_probe_of(slow, {{"warn", {{"latency", "1h"}}}})).verdict == Verdict::pass);
}

TEST_CASE("http: IPv6, unix sockets and connect_to") {
  Lab lab;
  const Server v6(always(http_answer("200 OK", "six")), {AF_INET6});
  CHECK(lab.run("http", http_probe_of(v6, {{"expect", {{"body_contains", "six"}}}})).verdict ==
        Verdict::pass);
  const std::string path = fmt::format("/tmp/herald_http_test.{}", getpid());
  const Server local(always(http_answer("200 OK", "local")), {AF_UNIX, path});
  const json expect{{"body_contains", "local"}};
  CHECK(
      lab.run("http", {{"url", "http://unix.example/"}, {"unix_socket", path}, {"expect", expect}}).verdict ==
      Verdict::pass);
  const std::string name = fmt::format("@herald_http_test.{}", getpid());
  const Server abstract(always(http_answer("200 OK", "local")), {AF_UNIX, name});
  CHECK(
      lab.run("http", {{"url", "http://unix.example/"}, {"unix_socket", name}, {"expect", expect}}).verdict ==
      Verdict::pass);
  check_fail(lab.run("http", {{"url", "http://a.example/"}, {"unix_socket", "/nowhere"}}),
             Reason::unreachable, "connect /nowhere: No such file or directory");

  std::string request;
  const Server server([&](int fd) {
    request = read_request(fd);
    send_text(fd, http_answer("200 OK", ""));
  });
  const json settings{{"url", "http://www.example.net:8080/x"}, {"connect_to", server.address()}};
  CHECK(lab.run("http", settings).verdict == Verdict::pass);
  CHECK_THAT(request, Contains("\r\nHost: www.example.net:8080\r\n"));
}

TEST_CASE("http: each attempt has a connection of its own, unless they are to be kept") {
  const Server server(always(http_answer("200 OK", "")));
  Lab lab;
  const auto fresh = lab.make("http", http_probe_of(server));
  for (int i = 0; i < 3; ++i) CHECK(lab.run(*fresh)->verdict == Verdict::pass);
  CHECK(server.connections() == 3);
  const auto kept = lab.make("http", http_probe_of(server, {{"reuse", true}}));
  const auto also_kept = lab.make("http", http_probe_of(server, {{"reuse", true}}));
  for (int i = 0; i < 3; ++i) {
    CHECK(lab.run(*kept)->verdict == Verdict::pass);
    CHECK(lab.run(*also_kept)->verdict == Verdict::pass);
  }
  CHECK(server.connections() == 5);
}

TEST_CASE("http: a kept connection that the server has closed is made anew") {
  const Server server([](int fd) {
    read_request(fd);
    send_text(fd, http_answer("200 OK", ""));
  });
  Lab lab;
  const auto probe = lab.make("http", http_probe_of(server, {{"reuse", true}}));
  for (int i = 0; i < 3; ++i) {
    CHECK(lab.run(*probe)->verdict == Verdict::pass);
    lab.run_for(10ms);
  }
}

TEST_CASE("http: HTTP/2 that falls back is no HTTP/2") {
  const Server server(always(http_answer("200 OK", "")));
  Lab lab;
  check_fail(lab.run("http", http_probe_of(server, {{"http_version", "2"}})), Reason::protocol,
             "asked for HTTP/2");
  const auto result = lab.run("http", http_probe_of(server, {{"http_version", "2-prior-knowledge"}}));
  CHECK(result.verdict == Verdict::fail);
}

TEST_CASE("http: an attempt that is destroyed is over at once") {
  std::atomic<bool> closed = false;
  const Server server([&](int fd) {
    read_request(fd);
    wait_for_close(fd);
    closed = true;
  });
  Lab lab;
  const auto probe = lab.make("http", http_probe_of(server));
  auto attempt = probe->start([](const ProbeResult&) { FAIL("reported after it was destroyed"); });
  REQUIRE(attempt);
  lab.run_for(50ms);
  attempt->reset();
  lab.run_for(50ms);
  for (int i = 0; i < 500 && !closed; ++i) lab.run_for(10ms);
  CHECK(closed);
}

TEST_CASE("http: an attempt may be destroyed before it has begun") {
  const Server server(always(http_answer("200 OK", "")));
  Lab lab;
  const auto probe = lab.make("http", http_probe_of(server));
  static_cast<void>(probe->start([](const ProbeResult&) { FAIL("reported after it was destroyed"); }));
  lab.run_for(20ms);
}

TEST_CASE("http: attempts may cancel each other and themselves, and start others, as they end") {
  const Server good(always(http_answer("200 OK", "")));
  const Server hung([](int fd) { wait_for_close(fd); });
  Lab lab;
  const auto probe = lab.make("http", http_probe_of(good));
  const auto hanging = lab.make("http", http_probe_of(hung));
  constexpr std::size_t kMany = 60;
  std::vector<std::unique_ptr<Attempt>> attempts(2 * kMany);
  std::size_t ended = 0;
  for (std::size_t i = 0; i < kMany; ++i) {
    attempts[kMany + i] = *hanging->start([](const ProbeResult&) { FAIL("ended"); });
    attempts[i] = *probe->start([&, i](const ProbeResult& result) {
      CHECK(result.verdict == Verdict::pass);
      attempts[i].reset();
      attempts[kMany + i] = *probe->start([&, i](const ProbeResult&) {
        attempts[kMany + i].reset();
        if (++ended == kMany) lab.loop.exit(0);
      });
    });
  }
  const Source limit = lab.loop.timer_at(Loop::clock() + 30s, [&] { lab.loop.exit(1); });
  CHECK(lab.loop.run() == 0);
  CHECK(ended == kMany);
}

TEST_CASE("http: herald's own trouble is inconclusive") {
  const Server server(always(http_answer("200 OK", "")));
  Lab lab;
  const auto trouble = [&](const std::string& detail) {
    const auto result = lab.run("http", http_probe_of(server));
    CHECK(result.verdict == Verdict::inconclusive);
    CHECK(result.reason == Reason::local);
    CHECK_THAT(result.detail, StartsWith(detail));
  };
  SECTION("no such device") {
    lab.socket.bind_device = "nosuchdev0";
    trouble("bind_device nosuchdev0: No such device");
  }
  SECTION("a source that is not ours") {
    lab.socket.source = "192.0.2.77";
    trouble("source 192.0.2.77: Cannot assign requested address");
  }
  SECTION("a source of the other family") {
    lab.socket.source = "::1";
    trouble("source ::1: not of the target's family");
  }
  SECTION("no descriptors") {
    const auto probe = lab.make("http", http_probe_of(server));
    REQUIRE(lab.run(*probe)->verdict == Verdict::pass);
    std::vector<Fd> all;
    rlimit before{};
    getrlimit(RLIMIT_NOFILE, &before);
    const rlimit few{64, before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &few);
    while (true) {
      Fd fd(dup(0));
      if (!fd) break;
      all.push_back(std::move(fd));
    }
    const auto result = lab.run(*probe);
    all.clear();
    setrlimit(RLIMIT_NOFILE, &before);
    REQUIRE(result);
    CHECK(result->verdict == Verdict::inconclusive);
    CHECK(result->reason == Reason::local);
    CHECK(result->detail == "socket: Too many open files");
  }
}

TEST_CASE("http: the socket leaves from where it is told to") {
  const Server server(always(http_answer("200 OK", "")));
  Lab lab;
  lab.socket = {"127.0.0.1", "lo", 7};
  CHECK(lab.run("http", http_probe_of(server)).verdict == Verdict::pass);
}

}  // namespace http_probe_test
