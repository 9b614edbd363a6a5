#include "probes/bytes.h"

#include <catch2/catch.hpp>

#include "sidecar/config/json_reader.h"

namespace bytes_test {

using namespace herald;
using namespace herald::probes;
using Catch::Matchers::Contains;

namespace {

struct Read {
  bool is_read = false;
  std::string bytes = "before";
  std::vector<ConfigError> errors;
};

Read read(const nlohmann::json& value) {
  const nlohmann::json object{{"send", value}};
  Read result;
  ObjectReader keys(object, "", "", result.errors);
  result.is_read = read_bytes(keys, "send", result.bytes, 8);
  keys.finish();
  return result;
}

}  // namespace

TEST_CASE("bytes: hexadecimal and base64 are all bytes, and nothing else is either") {
  CHECK(*parse_hex("16 03 01") == "\x16\x03\x01");
  CHECK(*parse_hex("00ff80") == std::string("\0\xff\x80", 3));
  CHECK(*parse_hex("aBcD") == "\xab\xcd");
  CHECK(parse_hex("")->empty());
  for (const char* text : {"1", "1 6", "g0", "0x16", "16,03", "16 0"}) CHECK_FALSE(parse_hex(text));
  CHECK(*parse_base64("FgMB") == "\x16\x03\x01");
  CHECK(*parse_base64("/w==") == "\xff");
  CHECK(*parse_base64("/+8=") == "\xff\xef");
  CHECK(parse_base64("")->empty());
  for (const char* text : {"FgM", "FgMB=", "F===", "Fg-_", "Fg B", "/x==", "=gMB", "Fg=B"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_base64(text));
  }
}

TEST_CASE("bytes: a string is text, and an object is bytes") {
  CHECK(read("PING\r\n").bytes == "PING\r\n");
  CHECK(read("Gr\u00fc\u00dfe").bytes == "Gr\u00fc\u00dfe");
  CHECK(read({{"hex", "ff 00"}}).bytes == std::string("\xff\0", 2));
  CHECK(read({{"base64", "FgMB"}}).bytes == "\x16\x03\x01");
  CHECK(read({{"hex", "ff"}}).errors.empty());
}

TEST_CASE("bytes: what is wrong is said once, and changes nothing") {
  const auto error = [](const nlohmann::json& value) {
    const Read result = read(value);
    CHECK_FALSE(result.is_read);
    CHECK(result.bytes == "before");
    REQUIRE(result.errors.size() == 1);
    return result.errors[0].pointer + ": " + result.errors[0].message;
  };
  CHECK_THAT(error(7), Contains(R"(/send: must be a text, {"hex")"));
  CHECK_THAT(error(nlohmann::json::object()), Contains("/send: must be a text"));
  CHECK_THAT(error({{"hex", "00"}, {"base64", ""}}), Contains("/send: must be a text"));
  CHECK_THAT(error({{"octal", "7"}}), Contains("/send/octal: unknown key"));
  CHECK_THAT(error({{"hex", "0"}}), Contains("/send/hex: must be pairs"));
  CHECK_THAT(error({{"base64", "0"}}), Contains("/send/base64: is not base64"));
  CHECK_THAT(error({{"hex", 7}}), Contains("/send/hex"));
  CHECK_THAT(error("123456789"), Contains("at most 8 bytes"));
  CHECK_THAT(error({{"hex", "000000000000000000"}}), Contains("at most 8 bytes"));
}

TEST_CASE("bytes: text in which bytes were meant is refused, and says how they are written") {
  for (const char* text : {"\u0080", "\u009f", "a\u0085", "\u00ff\u0001", "\u0003\u00e0"}) {
    const Read result = read(text);
    CHECK_FALSE(result.is_read);
    REQUIRE(result.errors.size() == 1);
    CHECK_THAT(result.errors[0].message, Contains(R"({"hex": "ff 00"})"));
  }
  for (const char* text : {"\u00e9t\u00e9\r\n", "\u0001\u0002", "\u2192\u0001", "\u00a0"})
    CHECK(read(text).is_read);
}

}  // namespace bytes_test
