// What real routers printed; the files' names say which.
#pragma once

#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/source_dir.h"

namespace herald {

// Releases of FRR whose answers are kept as "frr-<release>-<what>".
inline const std::vector<std::string> kFrrReleases{"8.4.4", "10.3"};

inline std::string fixture(const std::string& name) {
  std::ifstream file(HERALD_SOURCE_DIR "/tests/announce/fixtures/" + name);
  std::stringstream text;
  text << file.rdbuf();
  REQUIRE_FALSE(text.str().empty());
  return text.str();
}

inline std::string frr_fixture(const std::string& release, const std::string& what) {
  INFO("FRR " << release);
  return fixture("frr-" + release + "-" + what);
}

}  // namespace herald
