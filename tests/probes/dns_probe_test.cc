#include <sys/socket.h>

#include "tests/probes/dns_reply.h"
#include "tests/probes/lab.h"

namespace dns_probe_test {

using namespace herald;
using namespace herald::probes;
using namespace herald::probes::test;
using Catch::Matchers::StartsWith;

namespace {

const ReplyWish kGood{.answers = {"www.example.net. 60 A 192.0.2.1"}};

json probe_of(const std::string& server, const json& more = json::object()) {
  json settings{{"server", server}, {"query", "www.example.net A"}};
  settings.update(more);
  return settings;
}

// DNS over TCP: each connection gets one message, framed.
Server::Serve serve_tcp(const ReplyWish& wish) {
  return [wish](int fd) {
    std::array<char, 512> buffer;
    const ssize_t count = recv(fd, buffer.data(), buffer.size(), 0);
    if (count <= 2) return;
    send_text(fd,
              framed(reply_to(std::string(buffer.data() + 2, static_cast<std::size_t>(count) - 2), wish)));
    wait_for_close(fd);
  };
}

}  // namespace

TEST_CASE("dns: a good answer passes") {
  const DatagramServer server([](const std::string& query) { return std::vector{reply_to(query, kGood)}; });
  Lab lab;
  const auto result = lab.run(
      "dns", probe_of(server.address(), {{"expect", {{"min_answers", 1}, {"answers", {"192.0.2.1"}}}}}));
  CHECK(result.verdict == Verdict::pass);
  CHECK_THAT(result.detail, StartsWith("NOERROR, 1 answer in "));
  CHECK(result.latency > 0ns);
  CHECK(server.received() == 1);
}

TEST_CASE("dns: each attempt has another id and another port") {
  std::vector<std::string> ids;
  const DatagramServer server([&](const std::string& query) {
    ids.push_back(query.substr(0, 2));
    return std::vector{reply_to(query, kGood)};
  });
  Lab lab;
  const auto probe = lab.make("dns", probe_of(server.address()));
  for (int i = 0; i < 8; ++i) REQUIRE(lab.run(*probe)->verdict == Verdict::pass);
  std::ranges::sort(ids);
  CHECK(std::ranges::unique(ids).size() <= 1);
}

TEST_CASE("dns: SERVFAIL fails, and so does an empty refusal") {
  const DatagramServer server(
      [](const std::string& query) { return std::vector{reply_to(query, {.rcode = 2})}; });
  Lab lab;
  check_fail(lab.run("dns", probe_of(server.address())), Reason::rcode, "SERVFAIL, expected NOERROR");
  CHECK(lab.run("dns", probe_of(server.address(), {{"expect", {{"rcode", {"NOERROR", "SERVFAIL"}}}}}))
            .verdict == Verdict::pass);
  const DatagramServer terse([](const std::string& query) {
    return std::vector{query.substr(0, 2) + std::string("\x81\x05\0\0\0\0\0\0\0\0", 10)};
  });
  check_fail(lab.run("dns", probe_of(terse.address())), Reason::rcode, "REFUSED");
}

TEST_CASE("dns: a port that nobody listens on refuses") {
  Lab lab;
  const std::string address = "127.0.0.1:" + std::to_string(free_port());
  check_fail(lab.run("dns", probe_of(address)), Reason::refused, "query " + address + ": Connection refused");
  check_fail(lab.run("dns", probe_of(address, {{"transport", "tcp"}})), Reason::refused,
             "connect " + address);
}

TEST_CASE("dns: what does not answer the query is ignored, and the right answer after it counts") {
  const DatagramServer server([](const std::string& query) {
    const std::string good = reply_to(query, kGood);
    std::string wrong_id = reply_to(query, {.rcode = 2});
    wrong_id[0] = static_cast<char>(wrong_id[0] ^ 1);
    std::string wrong_question = reply_to(query, {.rcode = 3});
    wrong_question[13] = 'x';
    std::string no_reply = query;
    return std::vector<std::string>{
        "", "junk", std::string(3000, '\xff'), wrong_id, no_reply, wrong_question, good};
  });
  Lab lab;
  CHECK(lab.run("dns", probe_of(server.address())).verdict == Verdict::pass);
}

TEST_CASE("dns: what answers the query and cannot be read is a failure at once, with the cause") {
  const auto cut = [](const std::string& query) {
    const std::string good = reply_to(query, kGood);
    return good.substr(0, good.size() - 2);
  };
  const DatagramServer server([&](const std::string& query) { return std::vector{cut(query)}; });
  Lab lab;
  check_fail(lab.run("dns", probe_of(server.address())), Reason::protocol,
             "the answer cannot be read: it ends in the middle of a record");
  const Server stream([&](int fd) {
    std::array<char, 512> buffer;
    const ssize_t count = recv(fd, buffer.data(), buffer.size(), 0);
    if (count > 2)
      send_text(fd, framed(cut(std::string(buffer.data() + 2, static_cast<std::size_t>(count) - 2))));
    wait_for_close(fd);
  });
  check_fail(lab.run("dns", probe_of(stream.address(), {{"transport", "tcp"}})), Reason::protocol,
             "the answer cannot be read: it ends in the middle of a record");
}

namespace {

// 65 KB of names, each of which leads through as many pointers as can be reached.
std::string message_of_pointers(const std::string& query, char low_type) {
  std::string message = query.substr(0, query.size() - 11);  // without OPT
  message[2] = '\x81';
  message[11] = 0;
  const std::size_t first = message.size();
  // The first record is of a type that nobody asked for: a chain of pointers, each to the one before.
  const std::size_t chain_size = 16000;
  message += std::string("\0\xff\0\0\1\0\0\0\0", 9);
  message += static_cast<char>(chain_size >> 8U);
  message += static_cast<char>(chain_size & 0xFFU);
  std::size_t last = 12;
  while (message.size() < first + 11 + chain_size) {
    const std::size_t here = message.size();
    message += static_cast<char>(0xC0U | last >> 8U);
    message += static_cast<char>(last & 0xFFU);
    last = here;
  }
  unsigned records = 1;
  for (; message.size() + 14 < 65535; ++records) {
    message += static_cast<char>(0xC0U | last >> 8U);
    message += static_cast<char>(last & 0xFFU);
    message += std::string({'\0', low_type, '\0', '\1', '\0', '\0', '\0', '\0', '\0', '\2'});
    message += static_cast<char>(0xC0U | last >> 8U);
    message += static_cast<char>(last & 0xFFU);
  }
  message[6] = static_cast<char>(records >> 8U);
  message[7] = static_cast<char>(records & 0xFFU);
  return message;
}

Server::Serve serve_pointers(char low_type) {
  return [low_type](int fd) {
    std::array<char, 512> buffer;
    const ssize_t count = recv(fd, buffer.data(), buffer.size(), 0);
    if (count <= 2) return;
    const std::string query(buffer.data() + 2, static_cast<std::size_t>(count) - 2);
    send_text(fd, framed(message_of_pointers(query, low_type)));
    wait_for_close(fd);
  };
}

}  // namespace

TEST_CASE("dns: pointers through pointers cost no more than a large answer does") {
  ReplyWish many;
  for (int i = 0; i < 1000; ++i)
    many.answers.push_back("www.example.net. 60 NS ns" + std::to_string(i) + ".example.net.");
  const Server honest(serve_tcp(many));
  const Server hostile(serve_pointers(2));
  const Server skipped(serve_pointers(16));
  Lab lab;
  const auto cost = [&](const Server& server, ProbeResult& result) {
    const auto probe = lab.make("dns", {{"server", server.address()},
                                        {"query", "www.example.net NS"},
                                        {"transport", "tcp"},
                                        {"expect", {{"min_answers", 1}, {"answers", {"ns1.example.net."}}}}});
    const Duration before = thread_cpu();
    result = *lab.run(*probe);
    return thread_cpu() - before;
  };
  ProbeResult result;
  const Duration usual = cost(honest, result);
  CHECK(result.verdict == Verdict::pass);
  const Duration attack = cost(hostile, result);
  check_fail(result, Reason::protocol, "the answer cannot be read: it has 3");
  const Duration passed_over = cost(skipped, result);
  check_fail(result, Reason::answer, "0 answers, expected at least 1");
  CAPTURE(usual.count(), attack.count(), passed_over.count());
  CHECK(attack < 3 * usual + 5ms);
  CHECK(passed_over < 3 * usual + 5ms);
  const auto counted =
      lab.run("dns", {{"server", hostile.address()}, {"query", "www.example.net NS"}, {"transport", "tcp"}});
  check_fail(counted, Reason::protocol,
             "the answer cannot be read: its names lead through more than 8192 pointers");
}

namespace {

bool has_edns(const std::string& query) {
  return query[11] != 0;
}

}  // namespace

TEST_CASE("dns: a server that does not know EDNS is asked without, and that is remembered") {
  std::atomic<int> with_edns = 0;
  Lab lab;
  for (const char rcode : {'\1', '\4'}) {
    with_edns = 0;
    const DatagramServer server([&](const std::string& query) {
      with_edns += has_edns(query) ? 1 : 0;
      if (!has_edns(query)) return std::vector{reply_to(query, kGood)};
      return std::vector{query.substr(0, 2) + std::string({'\x81', rcode, 0, 1, 0, 0, 0, 0, 0, 0}) +
                         query.substr(12, query.size() - 12 - 11)};
    });
    const auto probe = lab.make("dns", probe_of(server.address(), {{"expect", {{"min_answers", 1}}}}));
    for (int i = 0; i < 3; ++i) {
      const auto result = lab.run(*probe);
      CAPTURE(i, *result);
      CHECK(result->verdict == Verdict::pass);
    }
    CHECK(with_edns == 1);
    CHECK(server.received() == 4);
    check_fail(lab.run("dns", probe_of(server.address(), {{"edns", true}})), Reason::rcode,
               rcode == 1 ? "FORMERR" : "NOTIMP");
    check_fail(lab.run("dns", probe_of(server.address(), {{"dnssec_ok", true}})), Reason::rcode,
               rcode == 1 ? "FORMERR" : "NOTIMP");
    CHECK(lab.run("dns",
                  probe_of(server.address(), {{"expect", {{"rcode", rcode == 1 ? "FORMERR" : "NOTIMP"}}}}))
              .verdict == Verdict::pass);
    with_edns = 0;
    CHECK(lab.run("dns", probe_of(server.address(), {{"edns", false}})).verdict == Verdict::pass);
    CHECK(with_edns == 0);
  }
}

TEST_CASE("dns: a server that is silent to EDNS is asked without") {
  std::atomic<int> with_edns = 0;
  const DatagramServer server([&](const std::string& query) {
    with_edns += has_edns(query) ? 1 : 0;
    return has_edns(query) ? std::vector<std::string>{} : std::vector{reply_to(query, kGood)};
  });
  Lab lab;
  lab.timeout = 100ms;
  const auto twice = lab.make("dns", probe_of(server.address()));
  for (int i = 0; i < 5; ++i) CHECK(lab.run(*twice)->verdict == Verdict::pass);
  CHECK(with_edns == 2);
  // With one try the core cuts off the first attempt, and the second one does without.
  const auto once = lab.make("dns", probe_of(server.address(), {{"tries", 1}}));
  CHECK_FALSE(lab.run(*once, 100ms));
  for (int i = 0; i < 3; ++i) {
    const auto result = lab.run(*once, 2s);
    REQUIRE(result);
    CHECK(result->verdict == Verdict::pass);
  }
}

TEST_CASE("dns: a silent server that knows EDNS gets it again") {
  std::atomic<bool> is_up = false;
  std::atomic<int> plain = 0;
  const DatagramServer server([&](const std::string& query) {
    plain += has_edns(query) ? 0 : 1;
    return is_up ? std::vector{reply_to(query, kGood)} : std::vector<std::string>{};
  });
  Lab lab;
  lab.timeout = 100ms;
  const auto probe = lab.make("dns", probe_of(server.address()));
  for (int i = 0; i < 5; ++i) CHECK_FALSE(lab.run(*probe, 100ms));
  is_up = true;
  plain = 0;
  for (int i = 0; i < 5; ++i) CHECK(lab.run(*probe)->verdict == Verdict::pass);
  CHECK(plain == 0);
}

TEST_CASE("dns: over TCP, too, EDNS is left out for who does not know it") {
  const auto without = [](const std::string& refusal) {
    return [refusal](int fd) {
      std::array<char, 512> buffer;
      const ssize_t count = recv(fd, buffer.data(), buffer.size(), 0);
      if (count <= 2) return;
      const std::string query(buffer.data() + 2, static_cast<std::size_t>(count) - 2);
      if (has_edns(query) && refusal.empty()) return;
      send_text(fd, framed(has_edns(query) ? query.substr(0, 2) + refusal : reply_to(query, kGood)));
      wait_for_close(fd);
    };
  };
  Lab lab;
  for (const std::string& refusal : {std::string("\x81\1\0\0\0\0\0\0\0\0", 10), std::string()}) {
    const Server server(without(refusal));
    const auto probe = lab.make("dns", probe_of(server.address(), {{"transport", "tcp"}}));
    for (int i = 0; i < 3; ++i) {
      const auto result = lab.run(*probe);
      REQUIRE(result);
      CAPTURE(i, *result);
      CHECK(result->verdict == Verdict::pass);
    }
    CHECK(server.connections() == 4);
  }
}

TEST_CASE("dns: all addresses of a name are tried, and what this machine cannot reach is not blamed on it") {
  const Server six(serve_tcp(kGood), {AF_INET6});
  Lab lab;
  CHECK(lab.run("dns", probe_of("localhost:" + std::to_string(six.port()), {{"transport", "tcp"}})).verdict ==
        Verdict::pass);
  const std::string nowhere = "localhost:" + std::to_string(free_port());
  check_fail(lab.run("dns", probe_of(nowhere)), Reason::refused, "query [::1]:");
  check_fail(lab.run("dns", probe_of(nowhere, {{"transport", "tcp"}})), Reason::refused, "connect [::1]:");
}

TEST_CASE("dns: a flood of what does not match is counted in the stage") {
  const DatagramServer server(
      [](const std::string&) { return std::vector<std::string>(100, "junk junk junk junk"); });
  Lab lab;
  lab.timeout = 10s;
  CHECK(lab.stage("dns", probe_of(server.address())) ==
        "waiting for the answer over UDP, ignored 100 answers that did not match");
}

TEST_CASE("dns: an answer to the second try counts, and a late one to the first too") {
  std::atomic<int> queries = 0;
  const DatagramServer deaf([&](const std::string& query) {
    return ++queries == 1 ? std::vector<std::string>{} : std::vector{reply_to(query, kGood)};
  });
  Lab lab;
  lab.timeout = 200ms;
  CHECK(lab.run("dns", probe_of(deaf.address())).verdict == Verdict::pass);
  CHECK(queries == 2);
  const DatagramServer slow([](const std::string& query) {
    std::this_thread::sleep_for(150ms);
    return std::vector{reply_to(query, kGood)};
  });
  CHECK(lab.run("dns", probe_of(slow.address())).verdict == Verdict::pass);
  const DatagramServer silent([](const std::string&) { return std::vector<std::string>{}; });
  CHECK(lab.stage("dns", probe_of(silent.address(), {{"tries", 4}})) ==
        "waiting for the answer over UDP, sent 4 times");
  CHECK(silent.received() == 4);
  CHECK(lab.stage("dns", probe_of(silent.address(), {{"tries", 1}})) == "waiting for the answer over UDP");
}

TEST_CASE("dns: a truncated answer") {
  const Server over_tcp(serve_tcp(kGood));
  const DatagramServer server(
      [](const std::string& query) { return std::vector{reply_to(query, {.truncated = true})}; },
      over_tcp.port());
  Lab lab;
  const json expect{{"min_answers", 1}};
  CHECK(lab.run("dns", probe_of(server.address(), {{"expect", expect}})).verdict == Verdict::pass);
  CHECK(over_tcp.connections() == 1);
  check_fail(lab.run("dns", probe_of(server.address(), {{"on_truncation", "fail"}})), Reason::answer,
             "truncated (TC)");
  CHECK(lab.run("dns", probe_of(server.address(), {{"on_truncation", "pass"}})).verdict == Verdict::pass);
  CHECK(over_tcp.connections() == 1);
  const DatagramServer alone(
      [](const std::string& query) { return std::vector{reply_to(query, {.truncated = true})}; });
  check_fail(
      lab.run("dns", probe_of(alone.address())), Reason::refused,
      "the answer over UDP was truncated, and over TCP: connect " + alone.address() + ": Connection refused");
  const Server mute([](int fd) { wait_for_close(fd); });
  const DatagramServer before_mute(
      [](const std::string& query) { return std::vector{reply_to(query, {.truncated = true})}; },
      mute.port());
  CHECK(lab.stage("dns", probe_of(before_mute.address())) ==
        "the answer over UDP was truncated, waiting for the answer over TCP");
}

TEST_CASE("dns: over TCP") {
  Lab lab;
  const json tcp{{"transport", "tcp"}};
  SECTION("a good answer, a long one, and one in pieces") {
    const Server server(serve_tcp(kGood));
    CHECK(lab.run("dns", probe_of(server.address(), tcp)).verdict == Verdict::pass);
    ReplyWish many;
    for (int i = 0; i < 1200; ++i) {
      many.answers.push_back("www.example.net. 60 A 10.0." + std::to_string(i / 256) + "." +
                             std::to_string(i % 256));
    }
    const Server big(serve_tcp(many));
    json settings = probe_of(big.address(), tcp);
    settings["expect"] = {{"min_answers", 1000}};
    CHECK(lab.run("dns", settings).verdict == Verdict::pass);
    const Server slow([](int fd) {
      std::array<char, 512> buffer;
      const ssize_t count = recv(fd, buffer.data(), buffer.size(), 0);
      const std::string query(buffer.data() + 2, static_cast<std::size_t>(std::max<ssize_t>(count, 2)) - 2);
      for (const char c : framed(reply_to(query, kGood))) {
        send_text(fd, std::string(1, c));
        std::this_thread::sleep_for(1ms);
      }
    });
    CHECK(lab.run("dns", probe_of(slow.address(), tcp)).verdict == Verdict::pass);
  }
  SECTION("closed, reset, wrong, endless") {
    const Server closing([](int fd) {
      std::array<char, 512> buffer;
      static_cast<void>(recv(fd, buffer.data(), buffer.size(), 0));
    });
    check_fail(lab.run("dns", probe_of(closing.address(), tcp)), Reason::reset, "closed without an answer");
    const Server resetting([](int fd) {
      std::array<char, 512> buffer;
      static_cast<void>(recv(fd, buffer.data(), buffer.size(), 0));
      reset_connection(fd);
    });
    check_fail(lab.run("dns", probe_of(resetting.address(), tcp)), Reason::reset, "reset by peer");
    const Server wrong([](int fd) {
      send_text(fd, framed("junk junk junk junk"));
      wait_for_close(fd);
    });
    check_fail(lab.run("dns", probe_of(wrong.address(), tcp)), Reason::protocol, "does not answer the query");
    const Server endless([](int fd) {
      const std::string block(65536, '\xff');
      while (send(fd, block.data(), block.size(), MSG_NOSIGNAL) > 0) {
      }
    });
    check_fail(lab.run("dns", probe_of(endless.address(), tcp)), Reason::protocol,
               "does not answer the query");
    const Server hanging([](int fd) { wait_for_close(fd); });
    CHECK(lab.stage("dns", probe_of(hanging.address(), tcp)) == "waiting for the answer over TCP");
  }
}

TEST_CASE("dns: an attempt that is destroyed is over at once") {
  const DatagramServer server([](const std::string&) { return std::vector<std::string>{}; });
  Lab lab;
  lab.timeout = 40ms;
  const auto probe = lab.make("dns", probe_of(server.address()));
  auto attempt = probe->start([](const ProbeResult&) { FAIL("reported after it was destroyed"); });
  REQUIRE(attempt);
  attempt->reset();
  lab.run_for(60ms);
  CHECK(server.received() <= 1);
}

TEST_CASE("dns: herald's own trouble is inconclusive") {
  Lab lab;
  lab.socket.source = "192.0.2.77";
  const auto result = lab.run("dns", probe_of("127.0.0.1:53"));
  CHECK(result.verdict == Verdict::inconclusive);
  CHECK(result.reason == Reason::local);
}

}  // namespace dns_probe_test
