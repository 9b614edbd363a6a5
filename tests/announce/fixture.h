// What real routers printed; the files' names say which.
#pragma once

#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>
#include <string>

namespace herald {

inline std::string fixture(const std::string& name) {
  std::ifstream file(HERALD_SOURCE_DIR "/tests/announce/fixtures/" + name);
  std::stringstream text;
  text << file.rdbuf();
  REQUIRE_FALSE(text.str().empty());
  return text.str();
}

}  // namespace herald
