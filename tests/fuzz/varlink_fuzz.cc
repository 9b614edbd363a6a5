// Any bytes as what a client sends: cut into messages however they arrive, each answered with one whole
// message that is Varlink, or with none; and as what a server answers. Built with libFuzzer, or with
// run_corpus.cc as a test.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/ctl/render.h"
#include "sidecar/text/plain_text.h"
#include "sidecar/varlink/service.h"

namespace {

using namespace herald;
using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::size_t kLimit = 4096;

void must(bool holds) {
  if (!holds) std::abort();
}

VarlinkService echo_service() {
  VarlinkInterface interface{.name = "t.T", .comment = "", .methods = {}, .errors = {}};
  const auto echo = [](const json& parameters, const VarlinkPeer&) -> VarlinkReply {
    must(parameters.is_object());
    return ordered_json(parameters);
  };
  interface.methods.push_back(
      {.name = "Echo",
       .comment = "",
       .in = {{"s", "string"}, {"i", "?int"}, {"l", "?[]string"}, {"o", "?object"}, {"b", "?bool"}},
       .out = {},
       .mutates = false,
       .call = echo});
  interface.methods.push_back({.name = "Change",
                               .comment = "",
                               .in = {},
                               .out = {},
                               .mutates = true,
                               .call = [](const json&, const VarlinkPeer& peer) -> VarlinkReply {
                                 must(peer.may_change);
                                 return ordered_json::object();
                               }});
  return {{"v", "p", "1", ""}, std::move(interface)};
}

// The stream in pieces of `step` bytes, as the server reads it.
std::vector<std::string> messages_of(std::string_view stream, std::size_t step) {
  FrameBuffer input(kLimit);
  std::vector<std::string> messages;
  while (!stream.empty() && !input.is_overlong()) {
    const std::size_t count = std::min({step, stream.size(), input.room()});
    input.append(stream.substr(0, count));
    stream.remove_prefix(count);
    while (auto message = input.take()) messages.push_back(std::move(*message));
  }
  return messages;
}

void check_answer(const VarlinkAnswer& answer) {
  if (answer.bytes.empty()) return must(!answer.close);
  must(answer.bytes.find('\0') == answer.bytes.size() - 1);
  const auto reply = parse_reply(std::string_view(answer.bytes).substr(0, answer.bytes.size() - 1));
  must(reply.has_value());
  must(!answer.close || !*reply);
}

void show(std::string_view text) {
  const std::string shown = printable(text);
  must(shown == printable(shown));
  must(columns(cut(shown, 20)) <= 20);
  const auto reply = parse_reply(text);
  if (!reply || !*reply) return;
  for (const std::size_t width : {0UL, 30UL}) {
    const ctl::Look look{.colour = width == 0, .width = width};
    must(!ctl::render_status(**reply, look).empty());
    must(!ctl::render_why(**reply, look).empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view stream(reinterpret_cast<const char*>(data), size);
  static const VarlinkService service = echo_service();
  const std::vector<std::string> messages = messages_of(stream, 7);
  must(messages == messages_of(stream, 1000));
  for (const std::string& message : messages) {
    check_answer(service.answer(message, {.user = 1, .process = 1, .may_change = false}));
    check_answer(service.answer(message, {.user = 0, .process = 1, .may_change = true}));
    show(message);
  }
  show(stream);
  return 0;
}
