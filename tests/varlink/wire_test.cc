#include "sidecar/varlink/wire.h"

#include <catch2/catch.hpp>
#include <vector>

namespace wire_test {

using namespace herald;
using namespace std::string_view_literals;
using nlohmann::json;
using nlohmann::ordered_json;

namespace {

std::vector<std::string> all_messages(FrameBuffer& buffer) {
  std::vector<std::string> messages;
  while (auto message = buffer.take()) messages.push_back(*message);
  return messages;
}

}  // namespace

TEST_CASE("a stream is cut at NUL bytes, however it arrives") {
  struct Row {
    std::vector<std::string_view> chunks;
    std::vector<std::string> messages;
    bool rest;
  };
  const std::vector<Row> table{{{"a\0"sv}, {"a"}, false},
                               {{"a"sv, "b"sv, "\0"sv}, {"ab"}, false},
                               {{"a\0b\0c"sv}, {"a", "b"}, true},
                               {{"a\0b"sv, "c\0"sv}, {"a", "bc"}, false},
                               {{"\0\0"sv}, {"", ""}, false},
                               {{"abc"sv}, {}, true},
                               {{}, {}, false}};
  for (const Row& row : table) {
    FrameBuffer at_the_end(16);
    FrameBuffer at_once(16);
    std::vector<std::string> got;
    for (const std::string_view chunk : row.chunks) {
      at_the_end.append(chunk);
      at_once.append(chunk);
      for (auto& message : all_messages(at_once)) got.push_back(message);
    }
    CHECK(all_messages(at_the_end) == row.messages);
    CHECK(got == row.messages);
    CHECK(at_once.empty() == !row.rest);
    CHECK(at_the_end.empty() == !row.rest);
  }
}

TEST_CASE("a message may have the limit and no byte more") {
  FrameBuffer buffer(4);
  CHECK(buffer.room() == 5);
  buffer.append("abcd"sv);
  CHECK_FALSE(buffer.is_overlong());
  buffer.append("\0"sv);
  CHECK(buffer.room() == 0);
  CHECK_FALSE(buffer.is_overlong());
  CHECK(buffer.take() == "abcd");
  buffer.append("abcde"sv);
  CHECK(buffer.is_overlong());
  CHECK_FALSE(buffer.take());
}

TEST_CASE("only JSON of moderate depth is a message") {
  CHECK(parse_message(R"({"a": [1, "]]]{{{\"["]})"));
  CHECK_FALSE(parse_message(""));
  CHECK_FALSE(parse_message("{"));
  CHECK_FALSE(parse_message("{} {}"));
  CHECK_FALSE(parse_message("{\"a\": \"\xff\"}"));
  CHECK_FALSE(parse_message(R"({"a": 1e999})"));
  CHECK(parse_message(std::string(64, '[') + std::string(64, ']')));
  CHECK_FALSE(parse_message(std::string(65, '[') + std::string(65, ']')));
  CHECK_FALSE(parse_message(std::string(60000, '[')));
}

TEST_CASE("a call is read, or answered with the parameter that is wrong") {
  const auto read = [](std::string_view text) { return read_call(json::parse(text)); };
  const auto call =
      read(R"({"method": "a.B", "parameters": {"x": 1}, "oneway": true, "more": true, "later": 1})");
  REQUIRE(call);
  CHECK(call->method == "a.B");
  CHECK(call->parameters == json{{"x", 1}});
  CHECK(call->oneway);
  CHECK(call->more);
  CHECK(read(R"({"method": "a.B", "parameters": null, "more": null})")->parameters == json::object());

  const auto wrong = [&](std::string_view text) { return read(text).error().parameters["parameter"]; };
  CHECK(wrong("[]") == "method");
  CHECK(wrong("7") == "method");
  CHECK(wrong("{}") == "method");
  CHECK(wrong(R"({"method": 1})") == "method");
  CHECK(wrong(R"({"method": "a.B", "parameters": []})") == "parameters");
  CHECK(wrong(R"({"method": "a.B", "oneway": 1})") == "oneway");
  CHECK(wrong(R"({"method": "a.B", "upgrade": true})") == "upgrade");
}

TEST_CASE("replies go over the wire and back") {
  const std::string good = encode_reply(ordered_json{{"z", 1}, {"a", 2}});
  CHECK(good == "{\"parameters\":{\"z\":1,\"a\":2}}\0"sv);
  CHECK(parse_reply(good.substr(0, good.size() - 1))->value().begin().key() == "z");
  const std::string bad = encode_reply(std::unexpected(method_not_found("a.B")));
  CHECK(parse_reply(bad.substr(0, bad.size() - 1))->error().parameters["method"] == "a.B");
  CHECK_FALSE(parse_reply("[]"));
  CHECK_FALSE(parse_reply(R"({"error": 1})"));
  CHECK(encode_reply(ordered_json{{"text", "\xff"}}) == "{\"parameters\":{\"text\":\"\xef\xbf\xbd\"}}\0"sv);
}

}  // namespace wire_test
