// The schema, from which herald.json(5) is made, says what the parser does: the same keys, defaults, ranges and
// words. The parser is asked by feeding it configurations.
#include <fmt/format.h>

#include <re2/re2.h>
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <set>

#include "probes/registry.h"
#include "tests/packaging/schema_places.h"
#include "tests/source_dir.h"

namespace schema_test {

namespace {

using schema::Complaints;
using schema::json;
using schema::Place;
using Names = std::set<std::string>;

// Each word in quotes in the sources that read the configuration: all keys are among them.
Names words_of_the_parser() {
  Names words;
  const re2::RE2 in_quotes(R"re("([a-z$][a-z0-9_]*)")re");
  for (const char* folder : {"/sidecar", "/probes"}) {
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(HERALD_SOURCE_DIR + std::string(folder))) {
      if (entry.path().extension() != ".cc" && entry.path().extension() != ".h") continue;
      std::ifstream file(entry.path());
      const std::string text(std::istreambuf_iterator<char>(file), {});
      re2::StringPiece rest(text);
      std::string word;
      while (re2::RE2::FindAndConsume(&rest, in_quotes, &word)) words.insert(word);
    }
  }
  return words;
}

bool is_refusal(const std::string& message) {
  return message.starts_with("unknown key") || message.starts_with("not available in this release") ||
         message.starts_with("has no effect on");
}

// Whether the parser knows the key there, whatever the value.
bool is_known(const Place& place, const std::string& key) {
  for (std::size_t i = 0; i < place.documents.size(); ++i) {
    if (std::ranges::any_of(schema::complaints(with(place, i, key, nullptr), place.pointer / key),
                            is_refusal))
      return false;
  }
  return true;
}

// What is said about the value in each of the place's configurations; one that has nothing to say accepts it.
std::vector<Complaints> said_of(const Place& place, const std::string& key, const json& value) {
  std::vector<Complaints> said;
  said.reserve(place.documents.size());
  for (std::size_t i = 0; i < place.documents.size(); ++i)
    said.push_back(schema::complaints(with(place, i, key, value), place.pointer / key));
  return said;
}

bool is_accepted(const Place& place, const std::string& key, const json& value) {
  return std::ranges::any_of(said_of(place, key, value), &Complaints::empty);
}

bool is_refused(const Place& place, const std::string& key, const json& value) {
  return std::ranges::any_of(said_of(place, key, value), std::not_fn(&Complaints::empty));
}

bool is_refused_with(const Place& place, const std::string& key, const json& value, const std::string& text) {
  return std::ranges::any_of(said_of(place, key, value), [&](const Complaints& complaints) {
    return std::ranges::any_of(complaints, [&](const std::string& each) { return each.contains(text); });
  });
}

// Calls visit(place, key, node) for every key of the schema.
template <typename Visit>
void for_each_key(Visit visit) {
  for (const Place& place : schema::all_places()) {
    for (const auto& [key, node] : place.object.at("properties").items()) {
      INFO("at " << place.name << "/" << key);
      visit(place, key, schema::resolved(node));
    }
  }
}

bool is_object(const json& form) {
  return form.value("type", json()) == "object";
}

bool takes(const json& form, std::string_view type) {
  const json types = form.value("type", json("string"));  // an enum without a type has words
  return types == type || (types.is_array() && std::ranges::count(types, json(type)) > 0) ||
         (type == "integer" && types == "number");
}

}  // namespace

TEST_CASE("the schema has the keys of the parser, and no others") {
  const Names words = words_of_the_parser();
  REQUIRE(words.size() > 100);
  for (const Place& place : schema::all_places()) {
    const json& properties = place.object.at("properties");
    for (const auto& [key, node] : properties.items()) {
      INFO("at " << place.name << "/" << key << ": the parser does not know it");
      CHECK(is_known(place, key));
    }
    for (const std::string& word : words) {
      if (properties.contains(word) || !is_known(place, word)) continue;
      FAIL_CHECK("at " << place.name << "/" << word << ": the schema does not have it");
    }
  }
}

TEST_CASE("each key has a description, and a default in words or as a value") {
  for_each_key([](const Place& place, const std::string& key, const json& node) {
    const json required = place.object.value("required", json::array());
    CHECK(node.value("description", "").size() > 10);
    if (!is_object(node) && std::ranges::count(required, json(key)) == 0)
      CHECK(node.contains("default") + node.contains("x-default") == 1);
  });
}

TEST_CASE("defaults, examples and words are accepted") {
  for_each_key([](const Place& place, const std::string& key, const json& node) {
    if (node.contains("default")) CHECK(is_accepted(place, key, node.at("default")));
    for (const json& example : node.value("examples", json::array())) {
      INFO("example " << example);
      CHECK(is_accepted(place, key, example));
    }
    for (const json& form : schema::forms_of(node)) {
      for (const json& word : form.value("enum", json::array())) {
        INFO("word " << word);
        // Another type of probe needs other keys beside it.
        if (key != "type") CHECK(is_accepted(place, key, word));
      }
    }
  });
}

TEST_CASE("a default of the schema changes nothing") {
  std::size_t compared = 0;
  for_each_key([&](const Place& place, const std::string& key, const json& node) {
    if (!node.contains("default")) return;
    for (std::size_t i = 0; i < place.documents.size(); ++i) {
      json bare = place.documents[i];
      bare[place.pointer].erase(key);
      auto without = schema::parse(bare);
      auto with_default = schema::parse(with(place, i, key, node.at("default")));
      if (!without.config || !with_default.config) continue;
      // Texts to the core; what their defaults are is the next test's.
      for (auto* config : {&*without.config, &*with_default.config})
        config->services[0].probes[0].settings = "";
      CHECK(*without.config == *with_default.config);
      ++compared;
    }
  });
  CHECK(compared > 100);
}

// The text of the settings is not what a default changes, so it is held against what a type's own check makes of it.
TEST_CASE("a default of a type's key changes nothing in its settings") {
  std::size_t compared = 0;
  const json& shared = schema::document().at("/definitions/defaults/properties"_json_pointer);
  for_each_key([&](const Place& place, const std::string& key, const json& node) {
    if (!place.name.starts_with("/services/probes ") || !node.contains("default") || shared.contains(key))
      return;
    std::size_t held = 0;
    for (std::size_t i = 0; i < place.documents.size(); ++i) {
      json bare = place.documents[i];
      bare[place.pointer].erase(key);
      const auto without = schema::settings_of(bare, place.pointer);
      const auto with_default = schema::settings_of(with(place, i, key, node.at("default")), place.pointer);
      if (!without || !with_default) continue;
      CHECK(without->equals(*with_default));
      ++held;
    }
    CHECK(held > 0);
    ++compared;
  });
  CHECK(compared > 10);
}

TEST_CASE("ranges are those of the parser") {
  std::size_t ranges = 0;
  for_each_key([&](const Place& place, const std::string& key, const json& node) {
    for (const json& form : schema::forms_of(node)) {
      if (form.contains("x-minimum")) {
        const std::string least = form.at("x-minimum"), most = form.at("x-maximum");
        CHECK(is_refused_with(place, key, "99999d", fmt::format("from {} to {}", least, most)));
        ++ranges;
      } else if (takes(form, "number")) {
        const double least = form.at("minimum"), most = form.at("maximum");
        CHECK(is_refused_with(place, key, -1, fmt::format("from {} to {}", least, most)));
        ++ranges;
      } else if (takes(form, "integer") && key != "status") {  // it has words of its own for this
        const std::uint32_t least = form.at("minimum"), most = form.at("maximum");
        CHECK(is_refused_with(place, key, -1, fmt::format("from {} to {}", least, most)));
        ++ranges;
      }
    }
  });
  CHECK(ranges > 70);
}

TEST_CASE("limits of lengths are those of the parser") {
  for_each_key([](const Place& place, const std::string& key, const json& node) {
    for (const json& form : schema::forms_of(node)) {
      const std::size_t longest = form.value("maxLength", 0U), most = form.value("maxItems", 0U),
                        most_keys = form.value("maxProperties", 0U);
      if (longest > 0)
        CHECK(is_refused_with(place, key, std::string(longest + 1, 'a'), fmt::to_string(longest)));
      if (most > 0) CHECK(is_refused_with(place, key, json(most + 1, "10.1.0.4"), fmt::to_string(most)));
      if (form.value("minItems", 0U) > 0) CHECK(is_refused(place, key, json::array()));
      json many = json::object();
      for (std::size_t i = 0; i <= most_keys; ++i) many[fmt::format("k{}", i)] = "v";
      if (most_keys > 0) CHECK(is_refused_with(place, key, many, fmt::to_string(most_keys)));
    }
  });
}

TEST_CASE("words are those of the parser") {
  const re2::RE2 in_quotes(R"re("([^"]*)")re");
  for_each_key([&](const Place& place, const std::string& key, const json& node) {
    const auto forms = schema::forms_of(node);
    if (forms.size() != 1 || !node.contains("enum") || key == "type") return;
    Names said, words = node.at("enum");
    for (const Complaints& complaints : said_of(place, key, "zzzzzz")) {
      for (std::string message : complaints) {
        message.resize(std::min(message.size(), message.find(", not ")));
        re2::StringPiece rest(message);
        std::string word;
        while (re2::RE2::FindAndConsume(&rest, in_quotes, &word)) said.insert(word);
      }
      if (!said.empty()) break;
    }
    CHECK(said == words);
  });
}

TEST_CASE("the probe types and the reasons are those that there are") {
  Names types, reasons;
  for (const auto& kind : herald::probes::kind_checks()) types.insert(std::string(kind.type));
  CHECK(schema::document().at("/definitions/probe/properties/type/enum"_json_pointer).get<Names>() == types);
  CHECK(schema::document().at("/definitions/probe_type/enum"_json_pointer).get<Names>() == types);

  const Place top = schema::all_places().front();
  for (auto i = 0; i <= static_cast<int>(herald::Reason::inverted); ++i) {
    const std::string reason(name_of(static_cast<herald::Reason>(i)));
    json document = top.documents.front();
    document["defaults"]["hard_fail"] = {reason};
    if (schema::parse(document).errors.empty()) reasons.insert(reason);
  }
  CHECK(schema::document().at("/definitions/hard_fail/items/enum"_json_pointer).get<Names>() == reasons);
}

TEST_CASE("types of values are those of the parser") {
  const std::map<std::string, json> values{{"boolean", true},
                                           {"integer", 7},
                                           {"string", "no such thing \x01"},
                                           {"array", {7}},
                                           {"object", {{"no such key", 7}}}};
  for_each_key([&](const Place& place, const std::string& key, const json& node) {
    const auto forms = schema::forms_of(node);
    for (const auto& [type, value] : values) {
      const bool is_taken = std::ranges::any_of(forms, [&](const json& form) { return takes(form, type); });
      INFO("a value of type " << type);
      if (!is_taken) CHECK(is_refused(place, key, value));
    }
  });
}

}  // namespace schema_test
