#include "probes/dns_edns.h"

#include <catch2/catch.hpp>

namespace dns_edns_test {

using namespace herald::probes;

TEST_CASE("EDNS that is wanted always or never is not doubted") {
  for (const Edns wanted : {Edns::always, Edns::never}) {
    EdnsMemory memory{.is_plain = true, .silent = 1};
    EdnsChoice choice(wanted, true, memory);
    choice.begin();
    CHECK(choice.is_plain() == (wanted == Edns::never));
    CHECK_FALSE(choice.is_doubtful());
    choice.try_again();
    CHECK(choice.is_plain() == (wanted == Edns::never));
  }
}

TEST_CASE("a refusal of EDNS is followed by a query without, and its answer is remembered") {
  EdnsMemory memory;
  {
    EdnsChoice choice(Edns::fallback, false, memory);
    choice.begin();
    CHECK_FALSE(choice.is_plain());
    CHECK(choice.is_doubtful());
    choice.refuse();
    CHECK(choice.is_plain());
    CHECK_FALSE(choice.is_doubtful());
    CHECK_FALSE(memory.is_plain);
    choice.take_reply();
    CHECK(memory.is_plain);
  }
  EdnsChoice next(Edns::fallback, false, memory);
  next.begin();
  CHECK(next.is_plain());
  CHECK_FALSE(next.is_doubtful());
}

TEST_CASE("after silence every second try is without EDNS; the second answer to such a one is remembered") {
  EdnsMemory memory;
  const auto answered_without = [&] {
    EdnsChoice choice(Edns::fallback, false, memory);
    choice.begin();
    CHECK_FALSE(choice.is_plain());
    choice.try_again();
    CHECK(choice.is_plain());
    choice.try_again();
    CHECK_FALSE(choice.is_plain());
    choice.try_again();
    choice.take_reply();
  };
  answered_without();
  CHECK_FALSE(memory.is_plain);
  SECTION("unless one with it is answered between them") {
    {
      EdnsChoice choice(Edns::fallback, false, memory);
      choice.begin();
      choice.take_reply();
    }
    answered_without();
    CHECK_FALSE(memory.is_plain);
  }
  SECTION("in a row") {
    answered_without();
    CHECK(memory.is_plain);
  }
}

TEST_CASE("with one try alone, attempts that are cut off are with EDNS and without in turn") {
  EdnsMemory memory;
  const auto begins_plain = [&] {
    EdnsChoice choice(Edns::fallback, true, memory);
    choice.begin();
    return choice.is_plain();
  };
  CHECK_FALSE(begins_plain());
  CHECK(begins_plain());
  CHECK_FALSE(begins_plain());
}

TEST_CASE("an end that is no matter of EDNS, or of one try among several, says nothing of it") {
  EdnsMemory memory;
  {
    EdnsChoice choice(Edns::fallback, true, memory);
    choice.begin();
    choice.settle();
  }
  CHECK(memory.silent == 0);
  {
    EdnsChoice choice(Edns::fallback, false, memory);
    choice.begin();
  }
  CHECK(memory.silent == 0);
}

}  // namespace dns_edns_test
