#include "sidecar/varlink/wire.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace herald {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

// Looks at brackets outside of strings only; whether the rest is JSON is the parser's affair.
bool is_too_deep(std::string_view text) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMostNesting) return true;
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return false;
}

template <typename Json>
std::optional<Json> parse(std::string_view text) {
  if (is_too_deep(text)) return std::nullopt;
  constexpr bool kThrow = false;
  Json value = Json::parse(text, nullptr, kThrow);
  if (value.is_discarded()) return std::nullopt;
  return value;
}

std::string encode(const ordered_json& message) {
  constexpr int kCompact = -1;
  std::string text = message.dump(kCompact, ' ', false, ordered_json::error_handler_t::replace);
  text.push_back('\0');
  return text;
}

VarlinkError service_error(std::string_view name, const char* key, std::string_view value) {
  VarlinkError error{.name = "org.varlink.service." + std::string(name)};
  error.parameters[key] = std::string(value);
  return error;
}

// Absent is false. False where the key has another type.
bool read_flag(const json& message, const char* key, bool& flag) {
  const auto found = message.find(key);
  if (found == message.end() || found->is_null()) return true;
  if (!found->is_boolean()) return false;
  flag = found->get<bool>();
  return true;
}

}  // namespace

// ---- framing

void FrameBuffer::append(std::string_view bytes) {
  assert(bytes.size() <= room());
  if (begin_ > 0) {
    bytes_.erase(0, begin_);
    if (end_ != std::string::npos) end_ -= begin_;
    begin_ = 0;
  }
  const std::size_t seen = bytes_.size();
  bytes_ += bytes;
  if (end_ == std::string::npos) end_ = bytes_.find('\0', seen);
}

std::optional<std::string> FrameBuffer::take() {
  if (!has_message()) return std::nullopt;
  std::string message = bytes_.substr(begin_, end_ - begin_);
  begin_ = end_ + 1;
  end_ = bytes_.find('\0', begin_);
  if (empty()) clear();
  return message;
}

void FrameBuffer::clear() {
  bytes_ = std::string();  // and its memory: most clients ask once and then wait
  begin_ = 0;
  end_ = std::string::npos;
}

// ---- messages

VarlinkError interface_not_found(std::string_view interface) {
  return service_error("InterfaceNotFound", "interface", interface);
}
VarlinkError method_not_found(std::string_view method) {
  return service_error("MethodNotFound", "method", method);
}
VarlinkError invalid_parameter(std::string_view parameter) {
  return service_error("InvalidParameter", "parameter", parameter);
}
VarlinkError permission_denied() {
  return {.name = std::string(kPermissionDenied)};
}
VarlinkError expected_more() {
  return {.name = "org.varlink.service.ExpectedMore"};
}

std::optional<json> parse_message(std::string_view text) {
  return parse<json>(text);
}

std::expected<VarlinkCall, VarlinkError> read_call(const json& message) {
  if (!message.is_object()) return std::unexpected(invalid_parameter("method"));
  VarlinkCall call;
  const auto method = message.find("method");
  if (method == message.end() || !method->is_string()) return std::unexpected(invalid_parameter("method"));
  call.method = method->get<std::string>();
  if (const auto given = message.find("parameters"); given != message.end() && !given->is_null()) {
    if (!given->is_object()) return std::unexpected(invalid_parameter("parameters"));
    call.parameters = *given;
  }
  // A connection that changes its protocol after a call is something that herald does not do.
  bool upgrade = false;
  for (const auto& [key, flag] :
       {std::pair{"more", &call.more}, std::pair{"oneway", &call.oneway}, std::pair{"upgrade", &upgrade}}) {
    if (!read_flag(message, key, *flag)) return std::unexpected(invalid_parameter(key));
  }
  if (upgrade) return std::unexpected(invalid_parameter("upgrade"));
  return call;
}

std::optional<VarlinkReply> parse_reply(std::string_view text) {
  auto message = parse<ordered_json>(text);
  if (!message || !message->is_object()) return std::nullopt;
  ordered_json parameters = message->value("parameters", ordered_json::object());
  const auto error = message->find("error");
  if (error == message->end()) return VarlinkReply(std::move(parameters));
  if (!error->is_string()) return std::nullopt;
  return VarlinkReply(std::unexpected(VarlinkError{error->get<std::string>(), std::move(parameters)}));
}

std::string encode_call(std::string_view method, const ordered_json& parameters, bool more) {
  ordered_json message = ordered_json::object();
  message["method"] = std::string(method);
  message["parameters"] = parameters;
  if (more) message["more"] = true;
  return encode(message);
}

std::string encode_reply(const VarlinkReply& reply, bool continues) {
  ordered_json message = ordered_json::object();
  if (!reply) message["error"] = reply.error().name;
  message["parameters"] = reply ? *reply : reply.error().parameters;
  if (reply && continues) message["continues"] = true;
  return encode(message);
}

}  // namespace herald
