#include "sidecar/config/fields.h"

#include <catch2/catch.hpp>

namespace fields_test {

using namespace herald;
using nlohmann::json;

namespace {

using Read = bool (*)(ObjectReader&, std::string_view, std::string&);

// What is read of the value; none, and one error, where it is refused.
std::optional<std::string> read_by(Read read, const std::string& value) {
  const json document{{"key", value}};
  std::vector<ConfigError> errors;
  ObjectReader reader(document, "f", "", errors);
  std::string out = "as it was";
  const bool done = read(reader, "key", out);
  CHECK(errors.size() == (done ? 0 : 1));
  if (!done) CHECK(out == "as it was");
  return done ? std::optional(out) : std::nullopt;
}

void check(Read read, const std::vector<std::string>& good, const std::vector<std::string>& bad) {
  for (const std::string& value : good) {
    CAPTURE(value);
    CHECK(read_by(read, value) == value);
  }
  for (const std::string& value : bad) {
    CAPTURE(value);
    CHECK_FALSE(read_by(read, value));
  }
}

}  // namespace

TEST_CASE("a key that is absent leaves what there is, and is no error") {
  const json document = json::object();
  std::vector<ConfigError> errors;
  ObjectReader reader(document, "f", "", errors);
  std::string out = "as it was";
  for (const Read read : {read_name, read_interface, read_path, read_socket_path, read_address})
    CHECK_FALSE(read(reader, "key", out));
  CHECK(out == "as it was");
  CHECK(errors.empty());
}

TEST_CASE("names are for a shell prompt, and SERVICE/PROBE is unambiguous") {
  check(read_name, {"web", "a", "0", "a.b_c-d", std::string(63, 'x')},
        {"", "-a", ".a", "_a", "a/b", "a b", "\xc3\xa9", std::string(64, 'x')});
}

TEST_CASE("interfaces are what the kernel takes") {
  check(read_interface, {"lo", "eth0.100", "vrf-blue", "\xc3\xa9", "123456789012345"},
        {"", ".", "..", "a/b", "a:b", "a b", "a\tb", "a\x7f", "1234567890123456"});
}

TEST_CASE("paths are absolute, and end where the kernel's do") {
  check(read_path, {"/", "/run/x", "/" + std::string(4094, 'x')},
        {"", "x", "./x", std::string("/a\0b", 4), "/" + std::string(4095, 'x')});
  check(read_socket_path, {"/run/x", "/" + std::string(106, 'x')}, {"", "x", "/" + std::string(107, 'x')});
}

TEST_CASE("addresses are literal, of a host, and become canonical") {
  check(read_address, {"10.0.0.1", "fd00::1"}, {"", "host", "10.0.0", "10.0.0.01", "224.0.0.1", "ff02::1"});
  CHECK(read_by(read_address, "FD00:0::1") == "fd00::1");
}

}  // namespace fields_test
