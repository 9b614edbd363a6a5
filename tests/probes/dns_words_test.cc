#include "probes/dns_words.h"

#include <ldns/ldns.h>

#include <catch2/catch.hpp>

#include "probes/dns_message.h"

namespace dns_words_test {

using namespace herald;
using namespace herald::probes;

namespace {

std::string text_of(const std::string& question) {
  const auto parsed = parse_question(question);
  return parsed ? parsed->name + " " + std::to_string(parsed->type) + " " + std::to_string(parsed->dns_class)
                : parsed.error();
}

}  // namespace

TEST_CASE("dns words: a question is a name, a type, and perhaps a class") {
  CHECK(text_of("health.example.net A") == "health.example.net 1 1");
  CHECK(text_of("  Example.net.\tsoa ") == "Example.net. 6 1");
  CHECK(text_of("hostname.bind TXT ch") == "hostname.bind 16 3");
  CHECK(text_of(". NS") == ". 2 1");
  CHECK(text_of("example.net TYPE65280 CLASS7") == "example.net 65280 7");
  CHECK(text_of("a\\.b.example.net A").ends_with(" 1 1"));
  CHECK(text_of("example.net") == R"(must be a name and a type, such as "health.example.net A")");
  CHECK(text_of("example.net AAAAA").ends_with("AAAAA is not a type that can be asked for"));
  CHECK(text_of("example.net A XX").ends_with("XX is not a class"));
  CHECK(text_of("a..b A").ends_with("a..b is not a name"));
  for (const char* type : {"OPT", "AXFR", "IXFR", "TSIG", "TYPE41", "TYPE0", "TYPE65536", "TYPE", "TYPE1x"}) {
    CAPTURE(type);
    CHECK(text_of(std::string("a ") + type).contains("is not a type"));
  }
}

// The check knows these by itself, so that it needs no ldns; the probe asks by ldns.
TEST_CASE("dns words: ldns takes what passes, and has the same numbers") {
  std::size_t known = 0;
  for (int number = 1; number < 65536; ++number) {
    const std::unique_ptr<char, decltype(&std::free)> name(
        ldns_rr_type2str(static_cast<ldns_rr_type>(number)), &std::free);
    const auto parsed = parse_question("a " + std::string(name.get()));
    if (!parsed) continue;
    CAPTURE(name.get());
    CHECK(parsed->type == number);
    known += std::string(name.get()).starts_with("TYPE") ? 0 : 1;
  }
  CHECK(known > 70);
  const std::string label(63, 'a');
  const std::string long_name = label + "." + label + "." + label + ".";
  for (const std::string& name :
       {std::string("."), std::string("a"), std::string("a."), std::string("a.b"), std::string("a..b"),
        std::string(".a"), std::string(".."), std::string("_dmarc.a"), std::string("*.a"),
        std::string("a\\.b"), std::string("a\\065"), label, label + "a", long_name + std::string(61, 'b'),
        long_name + std::string(62, 'b'), long_name + std::string(61, 'b') + "."}) {
    CAPTURE(name);
    const std::unique_ptr<ldns_rdf, decltype(&ldns_rdf_deep_free)> read(ldns_dname_new_frm_str(name.c_str()),
                                                                        &ldns_rdf_deep_free);
    CHECK(parse_question(name + " A").has_value() == (read != nullptr));
  }
}

TEST_CASE("dns words: what passes as data is read by ldns, and what does not pass is not") {
  const auto agree = [](const std::string& type, const std::string& data, bool is_data) {
    CAPTURE(type, data);
    const auto query = parse_query("example.net " + type, {});
    REQUIRE(query);
    CHECK(data_problem(query->type, data).has_value() != is_data);
    CHECK(canonical_data(*query, data).has_value() == is_data);
  };
  agree("A", "192.0.2.1", true);
  agree("A", "192.0.2.256", false);
  agree("A", "2001:db8::1", false);
  agree("A", "", false);
  agree("A", "web.example.net", false);
  agree("AAAA", "2001:DB8::1", true);
  agree("AAAA", "192.0.2.1", false);
  agree("CNAME", "Web.example.net.", true);
  agree("CNAME", "a..b", false);
  agree("NS", "ns", true);
  agree("MX", "10 mail.example.net", true);
  agree("MX", "mail.example.net", false);
  agree("MX", "ten mail.example.net", false);
  agree("SRV", "0 5 443 web.example.net.", true);
  agree("SRV", "0 5 web.example.net.", false);
  agree("TXT", "hello", true);
  agree("SOA", "a. b. 2026112301 1h 2h 3h 4h", true);
  agree("ANY", "192.0.2.1", false);
}

TEST_CASE("dns words: data that only ldns can judge passes until the probe is made") {
  CHECK_FALSE(data_problem(257, "0 issue \"ca.example.net\""));
  CHECK(data_problem(257, " ") == "is not the data of a record of type CAA");
  CHECK(data_problem(1, std::string(5000, 'a')) == "is too long");
  CHECK(data_problem(65280, "") == "is not the data of a record of type 65280");
}

TEST_CASE("dns words: response codes") {
  CHECK(parse_rcode("nxdomain") == 3);
  CHECK(parse_rcode("NOERROR") == 0);
  CHECK_FALSE(parse_rcode("NOPE"));
  CHECK(rcode_name(2) == "SERVFAIL");
  CHECK(rcode_name(13) == "RCODE13");
}

}  // namespace dns_words_test
