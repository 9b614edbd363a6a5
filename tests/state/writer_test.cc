#include "sidecar/state/writer.h"

#include <catch2/catch.hpp>

#include "tests/os/run_until.h"
#include "tests/os/temporary_directory.h"

namespace writer_test {

using namespace herald;

TEST_CASE("pretending writer: everything succeeds, in turn and later, and nothing is written") {
  const TemporaryDirectory directory;
  Loop loop;
  PretendingWriter writer(loop);
  CHECK(writer.pretends());
  CHECK_FALSE(writer.silent_since());
  std::string course;
  const WriteOrder order{.kind = WriteOrder::Kind::replace, .file = directory.path() / "file"};
  const auto make = [&](const char* name) {
    return [&course, name, order] {
      course += name;
      return order;
    };
  };
  writer.write({.make = make("a"), .done = [&](const Written& written) {
                  course += written ? "+" : "-";
                  writer.write({.make = make("c")});
                }});
  writer.write({.make = make("b"), .done = [&](const Written& written) { course += written ? "+" : "-"; }});
  CHECK(course.empty());
  CHECK_FALSE(writer.is_idle());
  CHECK(run_until(loop, [&] { return writer.is_idle(); }));
  CHECK(course == "a+b+c");
  CHECK(std::filesystem::is_empty(directory.path()));
}

}  // namespace writer_test
