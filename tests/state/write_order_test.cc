#include "sidecar/state/write_order.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "sidecar/os/text_file.h"
#include "tests/os/temporary_directory.h"

namespace write_order_test {

using namespace herald;

namespace {

using Kind = WriteOrder::Kind;

std::string failure_of(const WriteOrder& order) {
  const auto done = carry_out(order, {});
  return done ? "" : done.error();
}

}  // namespace

TEST_CASE("write order: it is read as it was written, and half of one is none") {
  const WriteOrder order{.kind = Kind::replace,
                         .file = "/var/lib/herald/state.json",
                         .text = std::string("a\0b\n", 4),
                         .mode = 0600,
                         .durable = Durable::yes};
  const std::string packet = encode(order);
  CHECK(decode_write_order(packet) == order);
  CHECK(decode_write_order(encode(WriteOrder{.kind = Kind::remove, .file = "/x"})) ==
        WriteOrder{.kind = Kind::remove, .file = "/x"});
  for (std::size_t size = 0; size < packet.size() - order.text.size(); ++size)
    CHECK_FALSE(decode_write_order(packet.substr(0, size)));
  std::string unknown = packet;
  unknown[0] = 17;
  CHECK_FALSE(decode_write_order(unknown));
}

TEST_CASE("write order: append, replace, another name, remove") {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "new" / "file";
  CHECK(failure_of({.kind = Kind::append, .file = file, .text = "x"}) ==
        "write " + file.native() + ": No such file or directory");
  CHECK(failure_of({.kind = Kind::replace, .file = file, .text = "one\n", .mode = 0600}).empty());
  CHECK(failure_of({.kind = Kind::append, .file = file, .text = "two\n"}).empty());
  CHECK(read_text_file(file) == "one\ntwo\n");
  struct stat status{};
  REQUIRE(::stat(file.c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);
  const std::string second = file.native() + ".bad";
  for (int time = 0; time < 2; ++time)
    CHECK(failure_of({.kind = Kind::second_name, .file = file, .text = second}).empty());
  CHECK(failure_of({.kind = Kind::replace, .file = file, .text = "three\n"}).empty());
  CHECK(read_text_file(second) == "one\ntwo\n");
  for (int time = 0; time < 2; ++time) CHECK(failure_of({.kind = Kind::remove, .file = file}).empty());
  CHECK_FALSE(std::filesystem::exists(file));
  CHECK(failure_of({.kind = Kind::remove, .file = directory.path() / "new"}).ends_with("Is a directory"));
  CHECK(failure_of({.kind = Kind::second_name, .file = file, .text = second}).starts_with("keep as "));
}

TEST_CASE("write order: what nobody wants any more replaces nothing") {
  const TemporaryDirectory directory;
  const auto file = directory.write("file", "old");
  const auto done = carry_out({.kind = Kind::replace, .file = file, .text = "new"}, [] { return false; });
  REQUIRE_FALSE(done);
  CHECK(done.error() == "replace " + file.native() + ": nobody wants it any more");
  CHECK(read_text_file(file) == "old");
  CHECK_FALSE(std::filesystem::exists(file.native() + ".new"));
  CHECK(carry_out({.kind = Kind::replace, .file = file, .text = "new"}, [] { return true; }));
  CHECK(read_text_file(file) == "new");
}

}  // namespace write_order_test
