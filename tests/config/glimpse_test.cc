#include "sidecar/config/glimpse.h"

#include <catch2/catch.hpp>

#include "tests/os/temporary_directory.h"

namespace glimpse_test {

using namespace herald;

TEST_CASE("glimpse: an absolute path of a file that may be wrong elsewhere; else none") {
  const TemporaryDirectory directory;
  const auto glimpsed = [&](std::string_view text) {
    return glimpse_path(directory.write("herald.json", text), "/control/socket");
  };
  CHECK(glimpsed(R"({ "rooter": 1, // a comment
                      "control": { "socket": "/run/herald/other.sock", "sockt": 1 } })") ==
        "/run/herald/other.sock");
  for (const char* text :
       {"", "{", "[]", "{}", R"({"control": 1})", R"({"control": []})", R"({"control": {}})",
        R"({"control": {"socket": 1}})", R"({"control": {"socket": "other.sock"}})"}) {
    CAPTURE(text);
    CHECK_FALSE(glimpsed(text));
  }
  CHECK_FALSE(glimpse_path(directory.path() / "absent", "/control/socket"));
}

}  // namespace glimpse_test
