#include "sidecar/text/address.h"

#include <arpa/inet.h>

#include <catch2/catch.hpp>

namespace address_test {

using namespace herald;

TEST_CASE("VIPs become canonical") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"10.99.0.1/32", "10.99.0.1/32"},
      {"fd00:99:0::1/128", "fd00:99::1/128"},
      {"FD00:0099:0000:0:0:0:0:0001/128", "fd00:99::1/128"},
      {"2001:db8::/128", "2001:db8::/128"},
      {"192.0.2.255/32", "192.0.2.255/32"},
      {"239.255.255.255/31", ""}};
  for (const auto& [text, expected] : cases) {
    INFO(text);
    const auto vip = parse_vip(text);
    CHECK((vip ? vip->prefix : "") == expected);
  }
}

TEST_CASE("what is no VIP is refused with the reason and the right spelling") {
  const std::string no_address =
      R"( is not an address; write one such as "10.99.0.1/32" or "fd00:99::1/128")";
  const std::vector<std::pair<std::string, std::string>> cases{
      {"10.99.0.0/24",
       "10.99.0.0/24 is not a host prefix; this lever announces single addresses, write 10.99.0.1/32"},
      {"10.99.0.5/24",
       "10.99.0.5/24 is not a host prefix; this lever announces single addresses, write 10.99.0.5/32"},
      {"10.99.0.0/31",
       "10.99.0.0/31 is not a host prefix; this lever announces single addresses, write 10.99.0.1/32"},
      {"fd00:99::/64",
       "fd00:99::/64 is not a host prefix; this lever announces single addresses, write fd00:99::1/128"},
      {"10.0.0.0/0",
       "10.0.0.0/0 is not a host prefix; this lever announces single addresses, write 10.0.0.0/32"},
      {"10.99.0.1", "10.99.0.1 has no prefix length; write 10.99.0.1/32"},
      {"fd00:99:0::1", "fd00:99::1 has no prefix length; write fd00:99::1/128"},
      {"10.99.0.1/33", "\"10.99.0.1/33\" has a wrong prefix length; write 10.99.0.1/32"},
      {"10.99.0.1/", "\"10.99.0.1/\" has a wrong prefix length; write 10.99.0.1/32"},
      {"10.99.0.1/-1", "\"10.99.0.1/-1\" has a wrong prefix length; write 10.99.0.1/32"},
      {"10.99.0.1/32/32", "\"10.99.0.1/32/32\" has a wrong prefix length; write 10.99.0.1/32"},
      {"10.99.0.1/999", "\"10.99.0.1/999\" has a wrong prefix length; write 10.99.0.1/32"},
      {"::ffff:10.99.0.1/128", "\"::ffff:10.99.0.1/128\" has a wrong prefix length; write 10.99.0.1/32"},
      {"127.0.0.1/32", "127.0.0.1 is a loopback address, which stays inside the machine"},
      {"::1/128", "::1 is a loopback address, which stays inside the machine"},
      {"0.0.0.0/32", "0.0.0.0 is not an address that a host can have"},
      {"0.0.0.0/0", "0.0.0.0 is not an address that a host can have"},
      {"::/128", ":: is not an address that a host can have"},
      {"224.0.0.1/32", "224.0.0.1 is a multicast address, not that of one host"},
      {"ff02::1/128", "ff02::1 is a multicast address, not that of one host"},
      {"fe80::1/128", "fe80::1 is a link-local address, which no router forwards to"},
      {"febf::1/128", "febf::1 is a link-local address, which no router forwards to"},
      {"169.254.1.1/32", "169.254.1.1 is a link-local address, which no router forwards to"},
      {"255.255.255.255/32", "255.255.255.255 is the broadcast address"},
      {"240.0.0.1/32", "240.0.0.1 is a reserved address (240.0.0.0/4)"},
      {"", "\"\"" + no_address},
      {"/32", "\"/32\"" + no_address},
      {"example.net/32", "\"example.net/32\"" + no_address},
      {"10.99.0/32", "\"10.99.0/32\"" + no_address},
      {"010.99.0.1/32", "\"010.99.0.1/32\"" + no_address},
      {" 10.99.0.1/32", "\" 10.99.0.1/32\"" + no_address},
      {"fe80::1%eth0/128", "\"fe80::1%eth0/128\"" + no_address},
      {std::string("10.99.0.1\0/32", 13), "\"10.99.0.1?/32\"" + no_address},
      {std::string(5000, '1'), "\"" + std::string(60, '1') + "...\"" + no_address}};
  for (const auto& [text, expected] : cases) {
    INFO(text);
    const auto vip = parse_vip(text);
    REQUIRE_FALSE(vip);
    CHECK(vip.error() == expected);
  }
}

TEST_CASE("adapters get the bytes of a VIP") {
  const Address v4 = address_of(Vip{"10.99.0.1/32"});
  CHECK(v4.family == AF_INET);
  CHECK(v4.prefix_length == 32);
  CHECK(v4.bytes == std::array<std::uint8_t, 16>{10, 99, 0, 1});
  const Address v6 = address_of(Vip{"fd00:99::1/128"});
  CHECK(v6.family == AF_INET6);
  CHECK(v6.prefix_length == 128);
  CHECK(v6.bytes == std::array<std::uint8_t, 16>{0xfd, 0, 0, 0x99, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
  CHECK(to_string(v6) == "fd00:99::1");
  CHECK(to_string(Address{}).empty());
}

TEST_CASE("literal addresses") {
  CHECK(to_string(parse_address("10.1.1.4").value()) == "10.1.1.4");
  CHECK(to_string(parse_address("::ffff:10.1.1.4").value()) == "10.1.1.4");
  CHECK(to_string(parse_address("2001:DB8:0:0::5").value()) == "2001:db8::5");
  for (const std::string text :
       {"", "localhost", "10.1.1.4/32", "10.1.1.4:80", "[::1]", "::g", "1.2.3.4.5", "10"}) {
    INFO(text);
    CHECK_FALSE(parse_address(text));
  }
  CHECK(is_unicast(parse_address("127.0.0.1").value()));
  CHECK_FALSE(is_unicast(parse_address("0.0.0.0").value()));
  CHECK_FALSE(is_unicast(parse_address("::").value()));
  CHECK_FALSE(is_unicast(parse_address("232.1.2.3").value()));
  CHECK_FALSE(is_unicast(parse_address("ff05::2").value()));
}

TEST_CASE("prefixes as a router lists them") {
  for (const char* text :
       {"10.0.0.0/8", "0.0.0.0/0", "10.99.0.1/32", "fd00:99::/64", "::ffff:10.0.0.1/128"}) {
    INFO(text);
    CHECK(is_prefix(text));
  }
  for (const char* text :
       {"", "/", "10.0.0.0", "10.0.0.0/33", "fd00::/129", "10.0.0/8", "10.0.0.0/", "x/8", "10.0.0.0/8 "}) {
    INFO(text);
    CHECK_FALSE(is_prefix(text));
  }
}

}  // namespace address_test
