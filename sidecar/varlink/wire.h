// Varlink on the wire (varlink.org): JSON objects, each ended by a NUL byte. Pure: no descriptor, no clock.
//
// What it refuses: a message longer than the limit, text that is no JSON, and JSON nested deeper than
// kMostNesting. Nothing here throws.
#pragma once

#include <cstddef>
#include <expected>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace herald {

inline constexpr std::size_t kMostNesting = 64;

// Cuts a stream of bytes into messages. It holds at most `limit` bytes and the NUL that ends them; several
// short messages may wait in it.
class FrameBuffer {
 public:
  explicit FrameBuffer(std::size_t limit) : limit_(limit) {}

  // How many bytes append() takes now.
  [[nodiscard]] std::size_t room() const { return limit_ + 1 - held(); }
  void append(std::string_view bytes);
  [[nodiscard]] bool empty() const { return held() == 0; }
  [[nodiscard]] bool has_message() const { return end_ != std::string::npos; }
  // The message that comes is longer than the limit.
  [[nodiscard]] bool is_overlong() const { return room() == 0 && !has_message(); }
  // The next whole message, without its NUL.
  [[nodiscard]] std::optional<std::string> take();
  void clear();

 private:
  [[nodiscard]] std::size_t held() const { return bytes_.size() - begin_; }

  std::size_t limit_;
  std::string bytes_;
  std::size_t begin_ = 0;                // of the next message in bytes_
  std::size_t end_ = std::string::npos;  // its NUL, if that has come
};

struct VarlinkError {
  std::string name;  // "io.herald.Control.NoSuchService"
  nlohmann::ordered_json parameters = nlohmann::ordered_json::object();

  bool operator==(const VarlinkError&) const = default;
};

// The errors that every Varlink service knows.
[[nodiscard]] VarlinkError interface_not_found(std::string_view interface);
[[nodiscard]] VarlinkError method_not_found(std::string_view method);
[[nodiscard]] VarlinkError invalid_parameter(std::string_view parameter);
[[nodiscard]] VarlinkError permission_denied();
[[nodiscard]] VarlinkError expected_more();
inline constexpr std::string_view kInvalidParameter = "org.varlink.service.InvalidParameter";
inline constexpr std::string_view kPermissionDenied = "org.varlink.service.PermissionDenied";
inline constexpr std::string_view kMethodNotFound = "org.varlink.service.MethodNotFound";
inline constexpr std::string_view kInterfaceNotFound = "org.varlink.service.InterfaceNotFound";

struct VarlinkCall {
  std::string method;
  nlohmann::json parameters = nlohmann::json::object();
  bool more = false;
  bool oneway = false;
};

// None where the text is no JSON at all: then nothing says where the next message begins.
[[nodiscard]] std::optional<nlohmann::json> parse_message(std::string_view text);
// Of a parsed message; the error is what to answer.
[[nodiscard]] std::expected<VarlinkCall, VarlinkError> read_call(const nlohmann::json& message);
// What a call was answered with, keys in the order of the sender; none where it is no Varlink reply.
using VarlinkReply = std::expected<nlohmann::ordered_json, VarlinkError>;
[[nodiscard]] std::optional<VarlinkReply> parse_reply(std::string_view text);

// Whole messages with their NUL. Bytes that are no UTF-8 become U+FFFD.
[[nodiscard]] std::string encode_call(std::string_view method, const nlohmann::ordered_json& parameters,
                                      bool more = false);
// `continues`: others follow.
[[nodiscard]] std::string encode_reply(const VarlinkReply& reply, bool continues = false);

}  // namespace herald
