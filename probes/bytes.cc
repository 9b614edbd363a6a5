#include "probes/bytes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "sidecar/config/json_reader.h"

namespace herald::probes {
namespace {

constexpr const char* kSaidForms = R"(must be a text, {"hex": "16 03 01"} or {"base64": "FgMB"})";

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

void read_encoded(ObjectReader& form, std::string& out, bool& is_read) {
  std::string text;
  const bool is_hex = form.json().contains("hex");
  const bool is_base64 = form.json().contains("base64");
  const char* key = is_hex ? "hex" : "base64";
  if (is_hex == is_base64) {
    static_cast<void>(form.value("hex"));
    static_cast<void>(form.value("base64"));
    if (is_hex || form.json().empty())
      form.fail("", kSaidForms);  // else it has unknown keys alone, which are told of
    return;
  }
  if (!form.read(key, text)) return;
  auto bytes = is_hex ? parse_hex(text) : parse_base64(text);
  if (!bytes)
    return form.fail(key, is_hex ? "must be pairs of hexadecimal digits" : "is not base64 (RFC 4648)");
  out = std::move(*bytes);
  is_read = true;
}

}  // namespace

std::optional<std::string> parse_hex(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == ' ') {
      ++i;
      continue;
    }
    const auto high = hex_digit(text[i]);
    const auto low = i + 1 < text.size() ? hex_digit(text[i + 1]) : std::nullopt;
    if (!high || !low) return std::nullopt;
    bytes += static_cast<char>(*high << 4U | *low);
    i += 2;
  }
  return bytes;
}

std::optional<std::string> parse_base64(std::string_view text) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (text.size() % 4 != 0) return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  std::string bytes;
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_padding = i + padding >= text.size();
    const std::size_t digit = is_padding ? 0 : kDigits.find(text[i]);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << 6U | static_cast<std::uint32_t>(digit);
    if (i % 4 != 3) continue;
    for (const unsigned shift : {16U, 8U, 0U}) bytes += static_cast<char>(bits >> shift & 0xFFU);
  }
  const std::string lost = bytes.substr(bytes.size() - padding);
  bytes.erase(bytes.size() - padding);
  if (lost.find_first_not_of('\0') != std::string::npos) return std::nullopt;  // bits that no byte has
  return bytes;
}

bool looks_like_bytes(std::string_view text) {
  bool has_latin = false;
  bool has_control = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool is_latin = byte == 0xC2 || byte == 0xC3;  // what U+0080 to U+00FF begin with in UTF-8
    if (byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0) return true;
    has_latin = has_latin || is_latin;
    has_control =
        has_control || byte == 0x7F || (byte < 0x20 && byte != '\t' && byte != '\r' && byte != '\n');
  }
  return has_latin && has_control;
}

bool read_bytes(ObjectReader& keys, std::string_view key, std::string& out, std::size_t most) {
  const auto* value = keys.value(key);
  if (value == nullptr) return false;
  bool is_read = false;
  std::string bytes;
  if (value->is_object()) {
    auto form = keys.object(key);
    if (form) read_encoded(*form, bytes, is_read);
    if (form) form->finish();
  } else if (!value->is_string()) {
    keys.fail(key, kSaidForms);
  } else {
    bytes = value->get<std::string>();
    is_read = !looks_like_bytes(bytes);
    if (!is_read)
      keys.fail(key,
                R"(is text, which is sent as UTF-8, and looks like bytes: write these as {"hex": "ff 00"})");
  }
  if (is_read && bytes.size() > most) {
    keys.fail(key, fmt::format("must be at most {} bytes", most));
    is_read = false;
  }
  if (is_read) out = std::move(bytes);
  return is_read;
}

}  // namespace herald::probes
