#include "sidecar/core/hash.h"

#include <catch2/catch.hpp>

namespace hash_test {

using namespace herald;

// The test vectors of FNV's authors: routers, and what stands in files, know values like these.
TEST_CASE("FNV-1a has the values that it has everywhere") {
  CHECK(fnv1a_32("") == 0x811c9dc5U);
  CHECK(fnv1a_32("a") == 0xe40c292cU);
  CHECK(fnv1a_32("foobar") == 0xbf9cf968U);
  CHECK(fnv1a_64("") == 0xcbf29ce484222325U);
  CHECK(fnv1a_64("a") == 0xaf63dc4c8601ec8cU);
  CHECK(fnv1a_64("foobar") == 0x85944171f73967e8U);
  CHECK(fnv1a_32("\xff") == (0x811c9dc5U ^ 0xffU) * 0x01000193U);  // a byte is no sign
}

}  // namespace hash_test
