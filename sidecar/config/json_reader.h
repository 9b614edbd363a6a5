// Reading JSON objects strictly: every key is asked for by name, and what nobody asked for is an error with
// the near name beside it. Errors are collected, never thrown, so that a user sees all of them at once.
//
// An ObjectReader refers to the JSON value and to the error list; both outlive it.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/core/types.h"
#include "sidecar/text/duration.h"

namespace herald {

struct ConfigError {
  std::string file;
  std::string pointer;  // JSON pointer (RFC 6901), "" for the whole document
  std::string message;

  bool operator==(const ConfigError&) const = default;
};

// "file: /services/0/probes/1/fal: unknown key; did you mean \"fall\"?"
[[nodiscard]] std::string to_string(const ConfigError& error);

// How a message quotes a value: on one line, shortened; of an object or array only that it is one.
[[nodiscard]] std::string shown(const nlohmann::json& value);

class ObjectReader {
 public:
  // A value that is not an object is reported, and reads as an empty one.
  ObjectReader(const nlohmann::json& value, std::string file, std::string pointer,
               std::vector<ConfigError>& errors);

  // Each read() marks the key as known. It leaves `out` alone when the key is absent, and reports a wrong
  // type or a value out of range; it returns whether `out` was set.
  bool read(std::string_view key, std::string& out);
  bool read(std::string_view key, bool& out);
  bool read(std::string_view key, double& out, double least, double most);
  bool read(std::string_view key, std::uint32_t& out, std::uint32_t least, std::uint32_t most);
  bool read(std::string_view key, Duration& out, Duration least, Duration most);
  bool read(std::string_view key, std::vector<std::string>& out);  // array of strings
  // A word of the enumeration.
  template <Worded Enum>
  bool read(std::string_view key, Enum& out) {
    constexpr auto kWords = words_of(Enum{});
    std::vector<std::string> words;
    for (const auto& each : kWords) words.emplace_back(each.word);
    std::size_t index = 0;
    if (!read_choice(key, index, words)) return false;
    out = kWords[index].value;
    return true;
  }
  // One of `words`; `out` becomes its index.
  bool read_choice(std::string_view key, std::size_t& out, const std::vector<std::string>& words);

  // The value as it is, or null when absent: for keys with several forms.
  [[nodiscard]] const nlohmann::json* value(std::string_view key);
  // A nested object: its keys are read and finished by its own reader. None when absent, or reported as no
  // object.
  [[nodiscard]] std::optional<ObjectReader> object(std::string_view key);
  // Each element of an array of objects, in order; false when the key is absent or not an array. An element
  // that is no object is reported and not visited.
  bool each_object(std::string_view key,
                   const std::function<void(ObjectReader& element, std::size_t index)>& visit);
  // Marks as known and reports an absent key.
  bool require(std::string_view key);

  // Reports something about one key, or with key "" about the object itself.
  void fail(std::string_view key, std::string message);
  // Reports something about one element of the array at `key`.
  void fail_element(std::string_view key, std::size_t index, std::string message);
  // A key of the contract that this release does not have: an error when present, never silently ignored.
  void not_yet(std::string_view key);

  // An object of the keys that nobody has asked for until now.
  [[nodiscard]] nlohmann::json unread() const;
  // Reports every key that nobody asked for. Call it last.
  void finish();

  [[nodiscard]] const nlohmann::json& json() const { return *object_; }
  [[nodiscard]] const std::string& pointer() const { return pointer_; }
  [[nodiscard]] const std::string& file() const { return file_; }
  [[nodiscard]] std::vector<ConfigError>& errors() { return *errors_; }

 private:
  [[nodiscard]] std::vector<std::string> unread_keys() const;
  [[nodiscard]] std::string pointer_to(std::string_view key) const;

  const nlohmann::json* object_;
  std::string file_;
  std::string pointer_;
  std::vector<ConfigError>* errors_;
  std::vector<std::string> known_;
};

}  // namespace herald
