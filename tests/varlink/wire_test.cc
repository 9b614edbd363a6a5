#include "sidecar/varlink/wire.h"

#include <catch2/catch.hpp>
#include <stdexcept>
#include <vector>

#include "sidecar/varlink/service.h"

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

VarlinkService service() {
  VarlinkInterface interface{
      .name = "io.herald.Test", .comment = "For tests.\nTwo lines.", .methods = {}, .errors = {}};
  interface.methods.push_back({.name = "Echo",
                               .comment = "Says it again.",
                               .in = {{"text", "string"}, {"times", "?int"}},
                               .out = {{"text", "string"}},
                               .call = [](const json& parameters, const VarlinkPeer&) -> VarlinkReply {
                                 return ordered_json{{"text", parameters["text"]}};
                               }});
  interface.methods.push_back(
      {.name = "Change",
       .comment = "",
       .in = {{"names", "[]string"}},
       .out = {},
       .mutates = true,
       .call = [](const json&, const VarlinkPeer&) -> VarlinkReply { return ordered_json::object(); }});
  interface.methods.push_back({.name = "Huge",
                               .comment = "",
                               .in = {},
                               .out = {},
                               .call = [](const json&, const VarlinkPeer&) -> VarlinkReply {
                                 return ordered_json{{"text", std::string(kMostReplyBytes, 'x')}};
                               }});
  interface.methods.push_back(
      {.name = "Throw",
       .comment = "",
       .in = {},
       .out = {},
       .call = [](const json&, const VarlinkPeer&) -> VarlinkReply { throw std::runtime_error("broken"); }});
  interface.errors.push_back({"NoSuchThing", {{"thing", "string"}}});
  return {{"herald", "heraldd", "1.2.3", ""}, std::move(interface)};
}

const VarlinkPeer kRoot{.user = 0, .process = 1, .may_change = true};
const VarlinkPeer kNobody{.user = 65534, .process = 2};

// The reply as JSON; it must be one message.
json answer(std::string_view request, const VarlinkPeer& peer = kRoot) {
  const VarlinkAnswer given = service().answer(request, peer);
  REQUIRE(given.bytes.find('\0') == given.bytes.size() - 1);
  return json::parse(given.bytes.substr(0, given.bytes.size() - 1));
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

TEST_CASE("requests find their method, or an error that says what is wrong") {
  struct Row {
    const char* request;
    const char* reply;
  };
  const std::vector<Row> table{
      {R"({"method": "io.herald.Test.Echo", "parameters": {"text": "hi"}})",
       R"({"parameters": {"text": "hi"}})"},
      {R"({"method": "io.herald.Test.Echo", "parameters": {"text": "hi", "times": null}})",
       R"({"parameters": {"text": "hi"}})"},
      {R"({"method": "io.herald.Test.Echo"})",
       R"({"error": "org.varlink.service.InvalidParameter", "parameters": {"parameter": "text"}})"},
      {R"({"method": "io.herald.Test.Echo", "parameters": {"text": 1}})",
       R"({"error": "org.varlink.service.InvalidParameter", "parameters": {"parameter": "text"}})"},
      {R"({"method": "io.herald.Test.Echo", "parameters": {"text": "a", "times": "b"}})",
       R"({"error": "org.varlink.service.InvalidParameter", "parameters": {"parameter": "times"}})"},
      {R"({"method": "io.herald.Test.Echo", "parameters": {"text": "a", "txt": "b"}})",
       R"({"error": "org.varlink.service.InvalidParameter", "parameters": {"parameter": "txt"}})"},
      {R"({"method": "io.herald.Test.Change", "parameters": {"names": ["a", 1]}})",
       R"({"error": "org.varlink.service.InvalidParameter", "parameters": {"parameter": "names"}})"},
      {R"({"method": "io.herald.Test.Ecko"})",
       R"({"error": "org.varlink.service.MethodNotFound", "parameters": {"method": "io.herald.Test.Ecko"}})"},
      {R"({"method": "io.herald.Toast.Echo"})",
       R"({"error": "org.varlink.service.InterfaceNotFound", "parameters": {"interface": "io.herald.Toast"}})"},
      {R"({"method": "Echo"})",
       R"({"error": "org.varlink.service.MethodNotFound", "parameters": {"method": "Echo"}})"},
      {R"({"method": "io.herald.Test.Throw"})",
       R"({"error": "io.herald.Test.Failed", "parameters": {"message": "broken"}})"},
  };
  for (const Row& row : table) CHECK(answer(row.request) == json::parse(row.reply));
}

TEST_CASE("only who may change things gets at what changes them") {
  constexpr auto kRequest = R"({"method": "io.herald.Test.Change", "parameters": {"names": []}})";
  CHECK(answer(kRequest, kRoot) == json::parse(R"({"parameters": {}})"));
  CHECK(answer(kRequest, kNobody)["error"] == "org.varlink.service.PermissionDenied");
  CHECK(answer(R"({"method": "io.herald.Test.Change", "parameters": {"bad": 1}})", kNobody)["error"] ==
        "org.varlink.service.PermissionDenied");
}

TEST_CASE("a oneway call is never answered") {
  CHECK(service().answer(R"({"method": "io.herald.Test.Nix", "oneway": true})", kRoot).bytes.empty());
}

TEST_CASE("junk is answered once, and ends the connection") {
  const VarlinkAnswer given = service().answer("what?", kRoot);
  CHECK(given.close);
  CHECK(given.bytes.find("io.herald.Test.MalformedRequest") != std::string::npos);
  CHECK_FALSE(service().answer("{}", kRoot).close);
}

TEST_CASE("a reply that is too long is an error instead") {
  CHECK(answer(R"({"method": "io.herald.Test.Huge"})")["error"] == "io.herald.Test.Failed");
}

TEST_CASE("the service describes itself") {
  CHECK(answer(R"({"method": "org.varlink.service.GetInfo"})")["parameters"] ==
        json::parse(R"({"vendor": "herald", "product": "heraldd", "version": "1.2.3", "url": "",
                        "interfaces": ["io.herald.Test", "org.varlink.service"]})"));
  const auto described = [](const std::string& name) {
    return answer(
        R"({"method": "org.varlink.service.GetInterfaceDescription", "parameters": {"interface": ")" + name +
        "\"}}");
  };
  CHECK(described("io.herald.Test")["parameters"]["description"] == R"(# For tests.
# Two lines.
interface io.herald.Test

# Says it again.
method Echo(text: string, times: ?int) -> (text: string)

method Change(names: []string) -> ()

method Huge() -> ()

method Throw() -> ()

error NoSuchThing (thing: string)

error MalformedRequest (message: string)

error Failed (message: string)
)");
  CHECK(described("org.varlink.service")["parameters"]["description"].get<std::string>().find(
            "method GetInterfaceDescription(interface: string) -> (description: string)") !=
        std::string::npos);
  CHECK(described("nix")["error"] == "org.varlink.service.InterfaceNotFound");
}
