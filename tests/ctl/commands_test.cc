#include "sidecar/ctl/commands.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

namespace commands_test {

using namespace herald;
using namespace herald::ctl;

namespace {

// What a command makes of the words behind its name; false where it refuses them.
bool takes(const std::string& name, const std::vector<std::string>& words, Arguments& arguments) {
  const auto row = std::ranges::find(commands(), name, &Command::name);
  REQUIRE(row != commands().end());
  CLI::App app;
  row->declare(app, arguments);
  std::vector<std::string> reversed(words.rbegin(), words.rend());
  try {
    app.parse(std::move(reversed));
    return true;
  } catch (const CLI::ParseError&) {
    return false;
  }
}

}  // namespace

TEST_CASE("every command has a name of its own, a line of help and an example that calls it") {
  std::set<std::string> names;
  for (const Command& each : commands()) {
    CAPTURE(each.name);
    CHECK(names.insert(each.name).second);
    CHECK_FALSE(std::string(each.help).ends_with('.'));
    CHECK(std::string(each.examples).find("heraldctl " + std::string(each.name)) != std::string::npos);
    CHECK(each.run != nullptr);
  }
  for (const char* later : later_commands()) CHECK_FALSE(names.contains(later));
}

TEST_CASE("drain takes services, a reason and a time") {
  Arguments arguments;
  REQUIRE(takes("drain", {"web", "api", "--reason", "update", "--for", "2h", "--wait"}, arguments));
  CHECK(arguments.admin.services == std::vector<std::string>{"web", "api"});
  CHECK(arguments.admin.reason == "update");
  CHECK(arguments.admin.wait);
  for (const char* wrong : {"2", "0s", "367d", "soon"}) {
    CAPTURE(wrong);
    CHECK_FALSE(takes("drain", {"web", "--for", wrong}, arguments));
  }
}

TEST_CASE("drains have names: of whose they are, and of whose is ended") {
  Arguments arguments;
  REQUIRE(takes("drain", {"web", "--by", "ann"}, arguments));
  CHECK(arguments.admin.by == "ann");
  CHECK_FALSE(takes("drain", {"web", "--by", ""}, arguments));
  CHECK_FALSE(takes("drain", {"web", "--all-orders"}, arguments));
  REQUIRE(takes("undrain", {"--all", "--by", "bob", "--all-orders"}, arguments));
  CHECK(arguments.admin.by == "bob");
  CHECK(arguments.admin.all_orders);
  CHECK_FALSE(takes("force", {"web", "--by", "ann"}, arguments));
}

}  // namespace commands_test
