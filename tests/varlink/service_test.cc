#include "sidecar/varlink/service.h"

#include <catch2/catch.hpp>
#include <stdexcept>
#include <vector>

namespace service_test {

using namespace herald;
using nlohmann::json;
using nlohmann::ordered_json;

namespace {

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

}  // namespace service_test
