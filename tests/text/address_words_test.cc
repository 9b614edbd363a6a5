#include "sidecar/text/address_words.h"

#include <catch2/catch.hpp>

namespace herald::address_words_test {

TEST_CASE("an address as a word of a text") {
  const Address v4 = parse_address("10.99.0.1").value();
  for (const char* text : {"10.99.0.1", "http://10.99.0.1/", "x=10.99.0.1:80,y", "::ffff:10.99.0.1"}) {
    INFO(text);
    CHECK(names_address(text, v4));
  }
  for (const char* text : {"", "10.99.0.11", "110.99.0.1", "10.99.0.1.5", "fd00::10.99.0.1", "add"}) {
    INFO(text);
    CHECK_FALSE(names_address(text, v4));
  }
  CHECK(names_address("curl [FD00:0::5]:80", parse_address("fd00::5").value()));
  CHECK_FALSE(names_address("fd00::6", parse_address("fd00::5").value()));
}

}  // namespace herald::address_words_test
