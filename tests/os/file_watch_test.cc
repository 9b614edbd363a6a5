#include "sidecar/os/file_watch.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "tests/os/run_until.h"
#include "tests/os/temporary_directory.h"

namespace file_watch_test {

using namespace herald;
using namespace std::chrono_literals;

TEST_CASE("a file that appears, is replaced or goes is told; its neighbours are not") {
  TemporaryDirectory directory;
  Loop loop;
  int changes = 0;
  const std::filesystem::path file = directory.path() / "bgpd.vty";
  FileWatch watch(loop, file, [&] { ++changes; });
  const auto make = [](const std::filesystem::path& path) { std::ofstream(path) << "x"; };
  const auto told = [&] { return run_until(loop, [&, before = changes] { return changes > before; }); };

  make(directory.path() / "zebra.vty");
  run_for(loop, 20ms);
  CHECK(changes == 0);
  make(file);
  CHECK(told());
  make(directory.path() / "new");
  std::filesystem::rename(directory.path() / "new", file);
  CHECK(told());
  std::filesystem::remove(file);
  CHECK(told());
}

TEST_CASE("a directory that comes late is watched once it is there, also when it went in between") {
  TemporaryDirectory directory;
  Loop loop;
  int changes = 0;
  const std::filesystem::path run = directory.path() / "frr";
  FileWatch watch(loop, run / "bgpd.vty", [&] { ++changes; });
  for (int round = 0; round < 2; ++round) {
    std::filesystem::create_directory(run);
    watch.arm();
    const int before = changes;
    std::ofstream(run / "bgpd.vty") << "x";
    CHECK(run_until(loop, [&] { return changes > before; }));
    std::filesystem::remove_all(run);
    CHECK(run_until(loop, [&] { return changes > before + 1; }));
  }
}

}  // namespace file_watch_test
