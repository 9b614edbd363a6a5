#include "probes/dns_message.h"

#include <catch2/catch.hpp>

#include "tests/probes/dns_reply.h"

namespace dns_message_test {

using namespace herald;
using namespace herald::probes;
using namespace herald::probes::test;
using Catch::Matchers::Contains;

namespace {

constexpr std::uint16_t kId = 0x1234;

std::string with_id(const DnsQuery& query, std::uint16_t id = kId) {
  std::string wire(query.wire.begin(), query.wire.end());
  wire[0] = static_cast<char>(id >> 8U);
  wire[1] = static_cast<char>(id & 0xFFU);
  return wire;
}

Bytes bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

ProbeResult judged(const DnsQuery& query, const DnsExpect& expect, const ReplyWish& wish) {
  const std::string reply = reply_to(with_id(query), wish);
  REQUIRE(is_reply_to(query, kId, bytes_of(reply)));
  return judge(query, expect, bytes_of(reply), std::chrono::microseconds(1300));
}

DnsQuery query_of(const std::string& text) {
  auto query = parse_query(text, {});
  REQUIRE(query);
  return *query;
}

}  // namespace

TEST_CASE("dns message: a query is what was asked for") {
  const std::string wire = with_id(*parse_query("Health.Example.net AAAA", {}));
  CHECK(wire.substr(2, 10) == std::string("\x01\0\0\1\0\0\0\0\0\1", 10));  // RD; one question, one additional
  CHECK(asked_name(wire) == "Health.Example.net.");
  CHECK(asked_type(wire) == 28);
  // EDNS: root, type 41, 1232 bytes, DO.
  const std::string edns = with_id(*parse_query(". SOA", {false, true, true}));
  CHECK(edns.substr(2, 2) == std::string("\0\x20", 2));  // no RD, AD
  CHECK(edns.substr(edns.size() - 11) == std::string("\0\0\x29\x04\xd0\0\0\x80\0\0\0", 11));
  CHECK(query_of("hostname.bind TXT CH").dns_class == 3);
}

TEST_CASE("dns message: queries that cannot be asked") {
  for (const char* text : {"", "example.net", "example.net A IN x", "example.net NOTYPE", "example.net OPT",
                           "example.net AXFR", "a..b A", "example.net A XX"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_query(text, {}));
  }
  const std::string long_label(64, 'a');
  CHECK_FALSE(parse_query(long_label + ".net A", {}));
}

TEST_CASE("dns message: only what answers the query is a reply") {
  const DnsQuery query = query_of("www.example.net A");
  const std::string reply = reply_to(with_id(query), {.answers = {"www.example.net. 60 A 192.0.2.1"}});
  CHECK(is_reply_to(query, kId, bytes_of(reply)));
  CHECK_FALSE(is_reply_to(query, kId + 1, bytes_of(reply)));
  CHECK_FALSE(is_reply_to(query, kId, bytes_of(with_id(query))));  // QR is not set
  CHECK(is_reply_to(query_of("WWW.example.NET A"), kId, bytes_of(reply)));
  CHECK_FALSE(is_reply_to(query_of("www.example.net AAAA"), kId, bytes_of(reply)));
  CHECK_FALSE(is_reply_to(query_of("www.example.org A"), kId, bytes_of(reply)));
  CHECK_FALSE(is_reply_to(query_of("www.example.net A CH"), kId, bytes_of(reply)));
  for (std::size_t size = 0; size < 12 + 17 + 4; ++size) {
    CHECK_FALSE(is_reply_to(query, kId, bytes_of(reply).first(size)));
  }
  std::string refusal = reply.substr(0, 12);
  refusal[3] = '\5';
  refusal[5] = '\0';
  CHECK(is_reply_to(query, kId, bytes_of(refusal)));
  refusal[3] = '\0';
  CHECK_FALSE(is_reply_to(query, kId, bytes_of(refusal)));
}

TEST_CASE("dns message: a message cut anywhere cannot be read, and harms nothing") {
  const DnsQuery query = query_of("www.example.net A");
  const std::string reply =
      reply_to(with_id(query),
               {.answers = {"www.example.net. 60 A 192.0.2.1", "www.example.net. 60 TXT \"x\\000y\""}});
  for (std::size_t size = 12; size < reply.size(); ++size) {
    const auto result = judge(query, {}, bytes_of(reply).first(size), {});
    CHECK(result.verdict == Verdict::fail);
    CHECK(result.reason == Reason::protocol);
    CHECK_THAT(result.detail, Catch::Matchers::StartsWith("the answer cannot be read: "));
  }
  CHECK(judge(query, {}, bytes_of(reply), {}).verdict == Verdict::pass);
  std::string broken = reply;
  for (std::size_t i = 2; i < broken.size(); ++i) {
    for (const int value : {0x00, 0x0C, 0x3F, 0x40, 0xC0, 0xFF}) {
      broken[i] = static_cast<char>(value);
      static_cast<void>(is_reply_to(query, kId, bytes_of(broken)));
      static_cast<void>(judge(query, {}, bytes_of(broken), {}));
    }
    broken[i] = reply[i];
  }
}

TEST_CASE("dns message: response codes") {
  const DnsQuery query = query_of("www.example.net A");
  const auto servfail = judged(query, {}, {.rcode = 2});
  CHECK(servfail.verdict == Verdict::fail);
  CHECK(servfail.reason == Reason::rcode);
  CHECK(servfail.detail == "SERVFAIL, expected NOERROR");
  CHECK(judged(query, {.rcodes = {0, 3}}, {.rcode = 3}).verdict == Verdict::pass);
  CHECK(judged(query, {.rcodes = {0, 3}}, {.rcode = 5}).detail == "REFUSED, expected NOERROR or NXDOMAIN");
  CHECK(judged(query, {}, {.rcode = 13}).detail == "RCODE13, expected NOERROR");
}

TEST_CASE("dns message: answers") {
  const DnsQuery query = query_of("www.example.net A");
  const ReplyWish wish{.answers = {"www.example.net. 60 CNAME web.example.net.",
                                   "web.example.net. 60 A 192.0.2.1", "web.example.net. 60 A 192.0.2.2"}};
  CHECK(judged(query, {.min_answers = 2}, wish).detail == "NOERROR, 2 answers in 1.3 ms");
  const auto few = judged(query, {.min_answers = 3}, wish);
  CHECK(few.reason == Reason::answer);
  CHECK(few.detail == "2 answers, expected at least 3");
  CHECK(judged(query, {.answers = {"192.0.2.2", "192.0.2.1"}}, wish).verdict == Verdict::pass);
  CHECK(judged(query, {.answers = {"192.0.2.3"}}, wish).detail ==
        "no answer 192.0.2.3; answers: 192.0.2.1, 192.0.2.2");
  CHECK(judged(query, {.answers = {"192.0.2.3"}}, {}).detail == "no answer 192.0.2.3; answers: none");
}

TEST_CASE("dns message: answers are compared in canonical form") {
  const auto same = [](const std::string& type, const std::string& expected, const std::string& sent) {
    const DnsQuery query = query_of("example.net " + type);
    const auto data = canonical_data(query, expected);
    CAPTURE(type, expected);
    REQUIRE(data);
    const auto result =
        judged(query, {.answers = {*data}}, {.answers = {"example.net. 60 " + type + " " + sent}});
    CAPTURE(result.detail);
    CHECK(result.verdict == Verdict::pass);
  };
  same("AAAA", "2001:DB8:0:0::1", "2001:db8::1");
  same("MX", "10 Mail.Example.NET", "10 mail.example.net.");
  same("CNAME", "web.example.net.", "WEB.example.net.");
  same("TXT", "hello", "\"hello\"");
  same("TXT", "\"two words\" \"more\"", "\"two words\" \"more\"");
  const DnsQuery query = query_of("example.net A");
  CHECK_FALSE(canonical_data(query, "192.0.2.256"));
  CHECK_FALSE(canonical_data(query, ""));
  CHECK_FALSE(canonical_data(query_of("example.net ANY"), "192.0.2.1"));
}

TEST_CASE("dns message: flags") {
  const DnsQuery query = query_of("www.example.net A");
  CHECK(judged(query, {.authoritative = true}, {.authoritative = true}).verdict == Verdict::pass);
  CHECK_THAT(judged(query, {.authoritative = true}, {}).detail, Contains("not authoritative (AA)"));
  CHECK_THAT(judged(query, {.authoritative = false}, {.authoritative = true}).detail,
             Contains("is authoritative"));
  CHECK(judged(query, {.authenticated = true}, {.authenticated = true}).verdict == Verdict::pass);
  CHECK_THAT(judged(query, {.authenticated = true}, {}).detail, Contains("not authenticated (AD)"));
}

TEST_CASE("dns message: records of every kind are read, in a name's pointers too") {
  for (const std::string text :
       {"SOA a.example.net. b.example.net. 7 1 2 3 4", "SRV 1 2 53 ns.example.net.",
        "NAPTR 100 10 \"u\" \"E2U+sip\" \"!^.*$!sip:x@y!\" .", "CAA 0 issue \"ca.example.net\"",
        "DS 1 8 2 e2d3c916f6deeac73294e8268fb5885044a833fc5459588f4a9184cfc41a5766",
        "TLSA 3 1 1 e2d3c916f6deeac73294e8268fb5885044a833fc5459588f4a9184cfc41a5766",
        "RRSIG A 8 2 60 20300101000000 20200101000000 1 example.net. c2lnbmF0dXJl",
        "NSEC z.example.net. A RRSIG NSEC", "DNSKEY 257 3 8 AwEAAag=", "HINFO \"x\" \"y\"",
        "NS ns.example.net."}) {
    CAPTURE(text);
    const DnsQuery query = query_of("example.net " + text.substr(0, text.find(' ')));
    const auto data = canonical_data(query, text.substr(text.find(' ') + 1));
    REQUIRE(data);
    const ReplyWish wish{.answers = {"example.net. 60 " + text, "example.net. 60 " + text}};
    const auto result = judged(query, {.min_answers = 2, .answers = {*data}}, wish);
    CAPTURE(result.detail);
    CHECK(result.verdict == Verdict::pass);
  }
  const DnsQuery any = query_of("example.net ANY");
  const ReplyWish both{.answers = {"example.net. 60 MX 1 mail.example.net.", "example.net. 60 A 192.0.2.1"}};
  CHECK(judged(any, {.min_answers = 2}, both).verdict == Verdict::pass);
}

TEST_CASE("dns message: an extended response code is that of OPT and the header together") {
  const DnsQuery query = query_of("www.example.net A");
  std::string reply = with_id(query);
  reply[2] = static_cast<char>(reply[2] | '\x80');
  reply[reply.size() - 6] = 1;  // BADVERS is 16
  CHECK(judge(query, {}, bytes_of(reply), {}).detail == "BADVERS, expected NOERROR");
}

TEST_CASE("dns message: serials go round") {
  const DnsQuery query = query_of("example.net SOA");
  const auto with = [&](std::uint32_t serial, std::uint32_t least) {
    return judged(query, {.serial_at_least = least},
                  {.answers = {"example.net. 60 SOA a. b. " + std::to_string(serial) + " 1 2 3 4"}});
  };
  CHECK(with(2026080100, 2026080100).verdict == Verdict::pass);
  CHECK(with(2026080101, 2026080100).verdict == Verdict::pass);
  CHECK(with(2026080099, 2026080100).detail == "serial 2026080099, expected at least 2026080100");
  CHECK(with(5, 4294967290).verdict == Verdict::pass);
  CHECK(with(4294967290, 5).verdict == Verdict::fail);
  CHECK(judged(query, {.serial_at_least = 1}, {}).detail == "no SOA record");
}

}  // namespace dns_message_test
