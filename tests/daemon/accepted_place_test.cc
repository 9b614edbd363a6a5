#include "sidecar/daemon/accepted_place.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>

#include "tests/os/temporary_directory.h"

namespace herald::accepted_place_test {
namespace {

TEST_CASE("accepted place: by the names of the files, and an absolute path or none") {
  const TemporaryDirectory run;
  REQUIRE(::setenv("RUNTIME_DIRECTORY", run.path().c_str(), 1) == 0);
  const AcceptedPlace one("/etc/herald/one.json", "/etc/herald/one.d");
  const AcceptedPlace other("/etc/herald/two.json", "/etc/herald/one.d");
  CHECK(one.file() == AcceptedPlace("/etc/herald/../herald/one.json", "/etc/herald/one.d").file());
  CHECK(one.file().parent_path() == run.path());
  CHECK_FALSE(one.state_dir());
  REQUIRE(one.keep("/srv/one"));
  REQUIRE(other.keep("/srv/two"));
  CHECK(one.state_dir() == "/srv/one");
  CHECK(other.state_dir() == "/srv/two");
  for (const char* text : {"", "/srv/cut", "srv/one\n", "\n"}) {
    CAPTURE(text);
    (void)run.write(one.file().filename(), text);
    CHECK_FALSE(one.state_dir());
  }
  if (::geteuid() == 0) {  // what root writes there could be led astray
    REQUIRE(::chown(run.path().c_str(), 4711, 4711) == 0);
    CHECK(other.keep("/srv/else"));
    CHECK(other.state_dir() == "/srv/two");
  }
  REQUIRE(::unsetenv("RUNTIME_DIRECTORY") == 0);
}

}  // namespace
}  // namespace herald::accepted_place_test
