#include "sidecar/ctl/text.h"

#include <catch2/catch.hpp>

using namespace herald;
using namespace herald::ctl;
using namespace std::chrono_literals;

TEST_CASE("columns stand one below the other, however wide the characters of a cell are") {
  Table table;
  table.add({{"web"}, {"announced"}, {"a"}});
  table.add({{"東京"}, {"u\u0308ber"}, {"b"}});
  table.add({{"\U0001F600"}, {"held"}, {"c"}});
  CHECK(table.text({}) ==
        "web   announced  a\n"
        "東京  u\u0308ber       b\n"
        "\U0001F600    held       c\n");
}

TEST_CASE("what is wrapped takes no more columns than there are") {
  CHECK(line("東京 東京 東京", {.width = 11}) ==
        "東京 東京\n"
        "    東京\n");
  CHECK(line("東京東京東京", {.width = 9}) ==
        "東京東京\n"
        "    東京\n");
  // Where nothing has room the terminal wraps.
  CHECK(line("東京東京", {.width = 4}) == "東京東京\n");
}
