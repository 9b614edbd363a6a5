#include "sidecar/config/json_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sidecar/text/near_name.h"
#include "sidecar/text/plain_text.h"

namespace herald {

namespace {

using nlohmann::json;

constexpr std::size_t kShownLength = 60;
constexpr std::size_t kShownPointer = 300;
// Bounds on what a hostile file can make of one object or array; a user corrects the first few and runs
// again.
constexpr std::size_t kMostReports = 20;

std::string escape_pointer(std::string_view key) {
  std::string escaped;
  for (const char c : key) {
    if (c == '~') {
      escaped += "~0";
    } else if (c == '/') {
      escaped += "~1";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string list_of(const std::vector<std::string>& words) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) out += i + 1 == words.size() ? " or " : ", ";
    out += '"' + words[i] + '"';
  }
  return out;
}

// One value for every object that is not there; it is never written.
const json& empty_object() {
  static const json kEmpty = json::object();
  return kEmpty;
}

}  // namespace

std::string to_string(const ConfigError& error) {
  std::string where = printable(error.file);
  if (!error.pointer.empty()) where += (where.empty() ? "" : ": ") + printable(error.pointer, kShownPointer);
  return (where.empty() ? "" : where + ": ") + printable(error.message);
}

std::string shown(const json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "an array";
  if (value.is_string()) {
    // Cut before quoting: what is left out must not cost time either.
    const auto& text = value.get_ref<const std::string&>();
    std::string start(start_of(text, kShownLength));
    if (start.size() < text.size()) start += "...";
    return json(std::move(start)).dump(-1, ' ', false, json::error_handler_t::replace);
  }
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

ObjectReader::ObjectReader(const nlohmann::json& value, std::string file, std::string pointer,
                           std::vector<ConfigError>& errors)
    : object_(&value), file_(std::move(file)), pointer_(std::move(pointer)), errors_(&errors) {
  if (value.is_object()) return;
  object_ = &empty_object();
  fail("", "must be an object, not " + shown(value));
}

const nlohmann::json* ObjectReader::value(std::string_view key) {
  known_.emplace_back(key);
  const auto found = object_->find(key);
  return found == object_->end() ? nullptr : &*found;
}

bool ObjectReader::read(std::string_view key, std::string& out) {
  const nlohmann::json* found = value(key);
  if (found == nullptr) return false;
  if (!found->is_string()) {
    fail(key, "must be a string, not " + shown(*found));
    return false;
  }
  out = found->get_ref<const std::string&>();
  return true;
}

bool ObjectReader::read(std::string_view key, bool& out) {
  const nlohmann::json* found = value(key);
  if (found == nullptr) return false;
  if (!found->is_boolean()) {
    fail(key, "must be true or false, not " + shown(*found));
    return false;
  }
  out = found->get<bool>();
  return true;
}

bool ObjectReader::read(std::string_view key, double& out, double least, double most) {
  const nlohmann::json* found = value(key);
  if (found == nullptr) return false;
  const double number = found->is_number() ? found->get<double>() : least;
  if (!found->is_number() || number < least || number > most) {
    fail(key, fmt::format("must be a number from {} to {}, not {}", least, most, shown(*found)));
    return false;
  }
  out = number;
  return true;
}

bool ObjectReader::read(std::string_view key, std::uint32_t& out, std::uint32_t least, std::uint32_t most) {
  const nlohmann::json* found = value(key);
  if (found == nullptr) return false;
  // A negative number is signed in the JSON library, and every other whole one unsigned.
  const std::uint64_t number = found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
  if (!found->is_number_unsigned() || number < least || number > most) {
    fail(key, fmt::format("must be a whole number from {} to {}, not {}", least, most, shown(*found)));
    return false;
  }
  out = static_cast<std::uint32_t>(number);
  return true;
}

bool ObjectReader::read(std::string_view key, Duration& out, Duration least, Duration most) {
  const nlohmann::json* found = value(key);
  if (found == nullptr) return false;
  const auto duration =
      found->is_string() ? parse_duration(found->get_ref<const std::string&>()) : std::nullopt;
  if (!duration) {
    fail(key, fmt::format(R"(must be a duration such as "250ms", "1s" or "2m", not {})", shown(*found)));
    return false;
  }
  if (*duration < least || *duration > most) {
    fail(key, fmt::format("must be from {} to {}, not {}", to_string(least), to_string(most), shown(*found)));
    return false;
  }
  out = *duration;
  return true;
}

bool ObjectReader::read(std::string_view key, std::vector<std::string>& out) {
  const nlohmann::json* found = value(key);
  if (found == nullptr) return false;
  if (!found->is_array()) {
    fail(key, "must be an array of strings, not " + shown(*found));
    return false;
  }
  std::vector<std::string> strings;
  std::size_t reports = 0;
  for (std::size_t i = 0; i < found->size() && reports < kMostReports; ++i) {
    const nlohmann::json& element = (*found)[i];
    if (element.is_string()) {
      strings.push_back(element.get<std::string>());
      continue;
    }
    fail_element(key, i, "must be a string, not " + shown(element));
    ++reports;
  }
  if (reports > 0) return false;
  out = std::move(strings);
  return true;
}

bool ObjectReader::read_choice(std::string_view key, std::size_t& out,
                               const std::vector<std::string>& words) {
  const nlohmann::json* found = value(key);
  if (found == nullptr) return false;
  const std::string word = found->is_string() ? found->get<std::string>() : "";
  const auto match = std::ranges::find(words, word);
  if (!found->is_string() || match == words.end()) {
    fail(key, fmt::format("must be {}, not {}{}", list_of(words), shown(*found), did_you_mean(word, words)));
    return false;
  }
  out = static_cast<std::size_t>(match - words.begin());
  return true;
}

std::optional<ObjectReader> ObjectReader::object(std::string_view key) {
  const nlohmann::json* found = value(key);
  if (found == nullptr) return std::nullopt;
  if (!found->is_object()) {
    fail(key, "must be an object, not " + shown(*found));
    return std::nullopt;
  }
  return ObjectReader(*found, file_, pointer_to(key), *errors_);
}

bool ObjectReader::each_object(std::string_view key,
                               const std::function<void(ObjectReader& element, std::size_t index)>& visit) {
  const nlohmann::json* found = value(key);
  if (found == nullptr) return false;
  if (!found->is_array()) {
    fail(key, "must be an array of objects, not " + shown(*found));
    return false;
  }
  for (std::size_t i = 0; i < found->size(); ++i) {
    ObjectReader element((*found)[i], file_, fmt::format("{}/{}", pointer_to(key), i), *errors_);
    // What is no object is reported already; its missing keys would only be noise.
    if ((*found)[i].is_object()) visit(element, i);
  }
  return true;
}

bool ObjectReader::require(std::string_view key) {
  if (value(key) != nullptr) return true;
  fail("", fmt::format("\"{}\" is required", key));
  return false;
}

void ObjectReader::fail(std::string_view key, std::string message) {
  if (!key.empty()) known_.emplace_back(key);
  errors_->push_back({file_, key.empty() ? pointer_ : pointer_to(key), std::move(message)});
}

void ObjectReader::fail_element(std::string_view key, std::size_t index, std::string message) {
  errors_->push_back({file_, fmt::format("{}/{}", pointer_to(key), index), std::move(message)});
}

void ObjectReader::not_yet(std::string_view key) {
  // An absent key stays unknown, so that finish() never suggests what this release refuses.
  if (!object_->contains(key)) return;
  fail(key, "not available in this release");
}

nlohmann::json ObjectReader::unread() const {
  nlohmann::json rest = nlohmann::json::object();
  for (const std::string& key : unread_keys()) rest[key] = object_->at(key);
  return rest;
}

void ObjectReader::finish() {
  const std::vector<std::string> unknown = unread_keys();
  const std::size_t reported = std::min(unknown.size(), kMostReports);
  for (std::size_t i = 0; i < reported; ++i) {
    errors_->push_back({file_, pointer_to(unknown[i]), "unknown key" + did_you_mean(unknown[i], known_)});
  }
  if (unknown.size() > reported) fail("", fmt::format("{} more unknown keys", unknown.size() - reported));
}

std::vector<std::string> ObjectReader::unread_keys() const {
  std::vector<std::string> keys;
  for (const auto& item : object_->items()) {
    if (std::ranges::find(known_, item.key()) == known_.end()) keys.push_back(item.key());
  }
  return keys;
}

std::string ObjectReader::pointer_to(std::string_view key) const {
  return pointer_ + "/" + escape_pointer(key);
}

}  // namespace herald
