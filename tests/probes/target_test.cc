#include "probes/target.h"

#include <catch2/catch.hpp>
#include <map>

namespace target_test {

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

std::string text_of(Target& target) {
  const auto address = target.address();
  return address ? to_string(*address) : address.error().detail;
}

}  // namespace

TEST_CASE("a literal target is an address at once, and no name is asked for") {
  Book book;
  Target v4({"192.0.2.1", 80}, "", book);
  CHECK(text_of(v4) == "192.0.2.1:80");
  Target v6({"fd00::1", 53}, "", book);
  CHECK(text_of(v6) == "[fd00::1]:53");
  CHECK(book.asked.empty());
}

TEST_CASE("a zone is looked up for each attempt") {
  Book book;
  Target here({"fe80::1%lo", 80}, "", book);
  const auto address = here.address();
  REQUIRE(address);
  CHECK(address->family() == AF_INET6);
  Target nowhere({"fe80::1%nosuchdev0", 80}, "", book);
  const auto missing = nowhere.address();
  REQUIRE_FALSE(missing);
  CHECK(missing.error().verdict == Verdict::inconclusive);
  CHECK(missing.error().detail == "interface nosuchdev0: No such device");
}

TEST_CASE(
    "a name is asked for with each attempt, of the source's family; without an address it is inconclusive") {
  Book book;
  Target any({"db.example.net", 80}, "", book);
  Target v6({"db.example.net", 80}, "fd00::7", book);
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

}  // namespace target_test
