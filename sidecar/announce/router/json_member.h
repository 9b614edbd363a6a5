// What routers print as JSON, read without trust: nothing in here throws, whatever the bytes are.
//
// A member that is missing reads as empty, for releases differ in what they say. One of another type than expected is a
// problem, and whoever reads an answer with a problem has no answer: it must not be taken for "nothing is there".
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace herald {

// The JSON objects in `text`, in order; what stands between them is skipped. The error, a few words to put behind a name,
// is for one that is cut off, is no JSON or is nested deeper than any router's. Bytes that are no UTF-8 (a description
// in Latin-1) read as "?".
[[nodiscard]] std::expected<std::vector<nlohmann::json>, std::string> json_documents(std::string_view text);

// One object of an answer. The document and `problem` outlive it. The first problem is kept, as words to put behind "does
// not answer as expected": "ipv4Unicast.peers is no object".
class JsonMember {
 public:
  JsonMember(const nlohmann::json& value, std::optional<std::string>& problem)
      : JsonMember(value, "", problem) {}

  [[nodiscard]] bool has(std::string_view key) const { return find(key) != nullptr; }
  [[nodiscard]] bool empty() const { return object_->empty(); }

  // "", none, false, without members: where there is no such member, or a problem.
  [[nodiscard]] std::string text_at(std::string_view key) const;
  [[nodiscard]] std::optional<std::uint64_t> number_at(std::string_view key) const;
  // For what decides nothing: none, and no problem, where it is anything else.
  [[nodiscard]] std::optional<std::uint64_t> count_at(std::string_view key) const;
  [[nodiscard]] bool flag_at(std::string_view key) const;
  [[nodiscard]] JsonMember object_at(std::string_view key) const;

  using Visit = std::function<void(const std::string& key, const JsonMember& member)>;
  // Its members, each of which has to be an object.
  void each_member(const Visit& visit) const;
  // The objects of a list, none where it is missing.
  void each_of_list(std::string_view key, const std::function<void(const JsonMember&)>& visit) const;

  // For whoever finds a fault that is none of the type: "has no paths".
  void fail(std::string_view what) const;

 private:
  JsonMember(const nlohmann::json& value, std::string name, std::optional<std::string>& problem);
  [[nodiscard]] const nlohmann::json* find(std::string_view key) const;
  [[nodiscard]] std::string name_of(std::string_view key) const;
  void misfit(std::string_view key, std::string_view type) const;

  const nlohmann::json* object_;  // an object, always
  std::string name_;
  std::optional<std::string>* problem_;
};

}  // namespace herald
