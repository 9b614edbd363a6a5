#include "probes/target.h"

#include <catch2/catch.hpp>
#include <map>

namespace probes_target_test {

using namespace herald;
using namespace herald::probes;

namespace {

class Book final : public NameService {
 public:
  [[nodiscard]] std::expected<std::vector<Address>, std::string> find(const std::string& name,
                                                                      int family) override {
    asked.emplace_back(name, family);
    const auto found = addresses.find(name);
    if (found == addresses.end()) return std::unexpected("no such name");
    return std::vector{*parse_address(found->second), *parse_address("fd00::9")};
  }

  std::map<std::string, std::string> addresses;
  std::vector<std::pair<std::string, int>> asked;
};

const OwnVips kNone;

std::string text_of(Target& target) {
  const auto address = target.address();
  return address ? to_string(*address) : address.error().detail;
}

}  // namespace

TEST_CASE("a literal target is an address at once, and no name is asked for") {
  Book book;
  Target v4({"192.0.2.1", 80}, {}, book, kNone);
  CHECK(text_of(v4) == "192.0.2.1:80");
  Target v6({"fd00::1", 53}, {}, book, kNone);
  CHECK(text_of(v6) == "[fd00::1]:53");
  CHECK(book.asked.empty());
}

TEST_CASE("a zone is looked up for each attempt") {
  Book book;
  Target here({"fe80::1%lo", 80}, {}, book, kNone);
  const auto address = here.address();
  REQUIRE(address);
  CHECK(address->family() == AF_INET6);
  Target nowhere({"fe80::1%nosuchdev0", 80}, {}, book, kNone);
  const auto missing = nowhere.address();
  REQUIRE_FALSE(missing);
  CHECK(missing.error().verdict == Verdict::inconclusive);
  CHECK(missing.error().detail == "interface nosuchdev0: No such device");
}

TEST_CASE(
    "a name is asked for with each attempt, of the source's family; without an address it is inconclusive") {
  Book book;
  Target any({"db.example.net", 80}, {}, book, kNone);
  Target v6({"db.example.net", 80}, {"fd00::7", "", 0}, book, kNone);
  const auto missing = any.address();
  REQUIRE_FALSE(missing);
  CHECK(missing.error().verdict == Verdict::inconclusive);
  CHECK(missing.error().reason == Reason::resolve);
  CHECK(missing.error().detail == "db.example.net has no address yet: no such name");
  CHECK(text_of(v6) == "db.example.net has no IPv6 address yet: no such name");
  book.addresses["db.example.net"] = "192.0.2.7";
  CHECK(text_of(any) == "192.0.2.7:80");
  CHECK(to_string(any.addresses()->back()) == "[fd00::9]:80");
  using Asked = std::pair<std::string, int>;
  CHECK(book.asked == std::vector<Asked>{{"db.example.net", AF_UNSPEC},
                                         {"db.example.net", AF_INET6},
                                         {"db.example.net", AF_UNSPEC},
                                         {"db.example.net", AF_UNSPEC}});
}

TEST_CASE("a VIP is a target only while it is on this machine, and none where a name has another address") {
  Book book;
  OwnVips vips;
  // 192.0.2.7 is not here, and 127.0.0.1 is.
  vips.set({*parse_address("192.0.2.7"), *parse_address("127.0.0.1"), *parse_address("fd00::9")});
  Target absent({"192.0.2.7", 80}, {}, book, vips);
  const auto refused = absent.addresses();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().verdict == Verdict::fail);
  CHECK(refused.error().reason == Reason::unreachable);
  CHECK(refused.error().detail ==
        "192.0.2.7 is a VIP of herald's and not on this machine now: only another site could answer; probe "
        "127.0.0.1 or the node's own address");
  Target here({"127.0.0.1", 80}, {}, book, vips);
  CHECK(text_of(here) == "127.0.0.1:80");
  Target elsewhere({"192.0.2.8", 80}, {}, book, vips);
  CHECK(text_of(elsewhere) == "192.0.2.8:80");
  Target bound({"192.0.2.7", 80}, {"", "lo", 0}, book, vips);  // it hears nobody else
  CHECK(text_of(bound) == "192.0.2.7:80");

  Target named({"web.example", 80}, {}, book, vips);
  book.addresses["web.example"] = "192.0.2.7";
  CHECK(text_of(named).starts_with("web.example is 192.0.2.7, a VIP of herald's, and not on this machine"));
  book.addresses["web.example"] = "127.0.0.1";  // and fd00::9, which is not here
  REQUIRE(named.addresses());
  CHECK(named.addresses()->size() == 1);
  CHECK(text_of(named) == "127.0.0.1:80");
  vips.set({*parse_address("127.0.0.1")});
  CHECK(text_of(named) == "[fd00::9]:80");
  vips.set({});
  CHECK(named.addresses()->size() == 2);
}

}  // namespace probes_target_test
