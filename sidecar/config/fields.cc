#include "sidecar/config/fields.h"

#include <fmt/format.h>
#include <net/if.h>
#include <sys/un.h>

#include <algorithm>
#include <climits>
#include <utility>

#include "sidecar/text/address.h"

namespace herald {

namespace {

constexpr std::size_t kLongestName = 63;

bool is_name(std::string_view text) {
  constexpr std::string_view kAlphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  if (text.empty() || text.size() > kLongestName || !kAlphanumeric.contains(text.front())) return false;
  return std::ranges::all_of(
      text, [&](char c) { return kAlphanumeric.contains(c) || c == '.' || c == '_' || c == '-'; });
}

// The kernel's dev_valid_name(), and no control characters, which it would take.
bool is_interface(std::string_view text) {
  if (text.empty() || text.size() >= IFNAMSIZ || text == "." || text == "..") return false;
  return std::ranges::none_of(
      text, [](char c) { return c == '/' || c == ':' || (c >= 0 && c <= ' ') || c == 0x7F; });
}

// Reads a string and keeps it if `accept` finds nothing to say about it.
template <typename Complaint>
bool read_checked(ObjectReader& object, std::string_view key, std::string& out, Complaint complaint) {
  std::string text;
  if (!object.read(key, text)) return false;
  const std::string wrong = complaint(text);
  if (!wrong.empty()) {
    object.fail(key, wrong + ", not " + shown(text));
    return false;
  }
  out = std::move(text);
  return true;
}

std::string wrong_path(std::string_view text, std::size_t most) {
  if (!text.starts_with('/') || text.find('\0') != std::string_view::npos) return "must be an absolute path";
  if (text.size() > most) return fmt::format("must be a path of at most {} bytes", most);
  return "";
}

}  // namespace

bool read_name(ObjectReader& object, std::string_view key, std::string& out) {
  return read_checked(object, key, out, [](const std::string& text) -> std::string {
    if (is_name(text)) return "";
    return fmt::format("must be 1 to {} letters, digits, '.', '_' or '-', the first a letter or digit",
                       kLongestName);
  });
}

bool read_interface(ObjectReader& object, std::string_view key, std::string& out) {
  return read_checked(object, key, out, [](const std::string& text) -> std::string {
    return is_interface(text) ? ""
                              : fmt::format("must be an interface name of 1 to {} characters", IFNAMSIZ - 1);
  });
}

bool read_path(ObjectReader& object, std::string_view key, std::string& out) {
  return read_checked(object, key, out,
                      [](const std::string& text) { return wrong_path(text, PATH_MAX - 1); });
}

bool read_socket_path(ObjectReader& object, std::string_view key, std::string& out) {
  return read_checked(object, key, out, [](const std::string& text) {
    return wrong_path(text, sizeof(sockaddr_un::sun_path) - 1);
  });
}

bool read_address(ObjectReader& object, std::string_view key, std::string& out) {
  std::string text;
  const bool read = read_checked(object, key, text, [](const std::string& given) -> std::string {
    const auto address = parse_address(given);
    return address && is_unicast(*address) ? "" : "must be the literal address of a host";
  });
  if (read) out = to_string(*parse_address(text));
  return read;
}

}  // namespace herald
