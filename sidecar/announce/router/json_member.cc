#include "sidecar/announce/router/json_member.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace herald {
namespace {

using nlohmann::json;

// FRR nests seven deep. A document is parsed without recursion, but costs 50 bytes of memory for each bracket.
constexpr std::size_t kMostDepth = 64;

const json& empty_object() {
  static const json kEmpty = json::object();
  return kEmpty;
}

// The length of the document that `text` begins with; none where it does not end, or is too deep.
std::optional<std::size_t> length_of_document(std::string_view text) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (in_string) {
      if (c == '\\') ++at;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMostDepth) return std::nullopt;
    } else if (c == '}' || c == ']') {
      if (--depth == 0) return at + 1;
    }
  }
  return std::nullopt;
}

json parsed(std::string_view text) {
  json document = json::parse(text, nullptr, false);
  if (!document.is_discarded()) return document;
  std::string ascii(text);
  std::ranges::replace_if(ascii, [](unsigned char c) { return c >= 0x80; }, '?');
  return json::parse(ascii, nullptr, false);
}

}  // namespace

std::expected<std::vector<json>, std::string> json_documents(std::string_view text) {
  std::vector<json> found;
  for (std::size_t begin = 0; (begin = text.find('{')) != std::string_view::npos;) {
    text.remove_prefix(begin);
    const auto length = length_of_document(text);
    if (!length) return std::unexpected("what it printed is not JSON");
    json document = parsed(text.substr(0, *length));
    if (!document.is_object()) return std::unexpected("what it printed is not JSON");
    found.push_back(std::move(document));
    text.remove_prefix(*length);
  }
  return found;
}

JsonMember::JsonMember(const json& value, std::string name, std::optional<std::string>& problem)
    : object_(value.is_object() ? &value : &empty_object()), name_(std::move(name)), problem_(&problem) {
  if (!value.is_object()) fail("is no object");
}

std::string JsonMember::text_at(std::string_view key) const {
  const json* value = find(key);
  if (value == nullptr) return {};
  if (const auto* text = value->get_ptr<const std::string*>()) return *text;
  misfit(key, "text");
  return {};
}

std::optional<std::uint64_t> JsonMember::number_at(std::string_view key) const {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* number = value->get_ptr<const json::number_unsigned_t*>()) return *number;
  misfit(key, "number from 0 on");
  return std::nullopt;
}

std::optional<std::uint64_t> JsonMember::count_at(std::string_view key) const {
  const json* value = find(key);
  const auto* number = value == nullptr ? nullptr : value->get_ptr<const json::number_unsigned_t*>();
  return number == nullptr ? std::nullopt : std::optional<std::uint64_t>(*number);
}

bool JsonMember::flag_at(std::string_view key) const {
  const json* value = find(key);
  if (value == nullptr) return false;
  if (const auto* flag = value->get_ptr<const bool*>()) return *flag;
  misfit(key, "true or false");
  return false;
}

JsonMember JsonMember::object_at(std::string_view key) const {
  const json* value = find(key);
  return {value == nullptr ? empty_object() : *value, name_of(key), *problem_};
}

void JsonMember::each_member(const Visit& visit) const {
  for (auto each = object_->begin(); each != object_->end(); ++each)
    visit(each.key(), JsonMember(*each, name_of(each.key()), *problem_));
}

void JsonMember::each_of_list(std::string_view key,
                              const std::function<void(const JsonMember&)>& visit) const {
  const json* value = find(key);
  if (value == nullptr) return;
  if (!value->is_array()) return misfit(key, "list");
  std::size_t index = 0;
  for (const json& each : *value)
    visit(JsonMember(each, fmt::format("{}.{}", name_of(key), index++), *problem_));
}

void JsonMember::fail(std::string_view what) const {
  if (!*problem_) *problem_ = name_.empty() ? std::string(what) : fmt::format("{} {}", name_, what);
}

const json* JsonMember::find(std::string_view key) const {
  const auto found = object_->find(key);
  return found == object_->end() ? nullptr : &*found;
}

std::string JsonMember::name_of(std::string_view key) const {
  return name_.empty() ? std::string(key) : fmt::format("{}.{}", name_, key);
}

void JsonMember::misfit(std::string_view key, std::string_view type) const {
  if (!*problem_) *problem_ = fmt::format("{} is no {}", name_of(key), type);
}

}  // namespace herald
