#include "tests/packaging/schema_places.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <utility>

#include "probes/registry.h"

namespace schema {
namespace {

using Pointer = json::json_pointer;
using Documents = std::vector<json>;

// What the keys of `announce` depend on.
constexpr std::array<std::pair<const char*, const char*>, 3> kLevers{
    {{"frr", "loopback"}, {"frr", "vtysh"}, {"bird", "birdc"}}};

// A configuration for each lever.
Documents whole_configurations() {
  Documents documents;
  for (const auto& [stack, via] : kLevers) {
    const json probe{{"type", "http"}, {"url", "http://127.0.0.1:8080/"}};
    const json service{{"name", "web"},
                       {"vips", {"10.99.0.1/32"}},
                       {"announce", {{"via", via}}},
                       {"probes", json::array({probe})}};
    documents.push_back(
        {{"router", {{"stack", stack}, {"bgp", {{"as", 65001}}}}}, {"services", json::array({service})}});
  }
  return documents;
}

// An object with its required keys alone, each with one of its examples.
json example_of(const json& object, std::size_t variant) {
  json example = json::object();
  for (const std::string key : object.value("required", json::array())) {
    const json node = resolved(object.at("properties").at(key));
    const json examples = node.value("examples", json::array());
    if (!examples.empty()) example[key] = examples[variant % examples.size()];
  }
  return example;
}

class Walk {
 public:
  std::vector<Place> places;

  void visit(Place place) {
    places.push_back(place);
    for (const auto& [key, node] : place.object.at("properties").items()) {
      for (const json& form : forms_of(node)) visit_form(place, key, form);
    }
  }

 private:
  void visit_form(const Place& above, const std::string& key, const json& form) {
    const std::string name = above.name + "/" + key;
    const Pointer pointer = above.pointer / key;
    if (form.contains("properties")) {
      visit_object(name, above.documents, pointer, form);
    } else if (key == "probes") {
      for (const std::string type : document().at("/definitions/probe/properties/type/enum"_json_pointer))
        visit_probe(name, above.documents, pointer / 0, type);
    } else if (form.contains("items") && resolved(form.at("items")).contains("properties")) {
      visit_object(name, above.documents, pointer / 0, resolved(form.at("items")));
    }
  }

  void visit_object(const std::string& name, Documents documents, const Pointer& pointer,
                    const json& object) {
    for (std::size_t i = 0; i < documents.size(); ++i) {
      if (!documents[i].contains(pointer)) documents[i][pointer] = example_of(object, i);
    }
    visit({name, std::move(documents), pointer, object});
  }

  void visit_probe(const std::string& name, Documents documents, const Pointer& pointer,
                   const std::string& type) {
    const json object = resolved({{"$ref", "#/definitions/probe_" + type}});
    for (std::size_t i = 0; i < documents.size(); ++i) {
      documents[i][pointer] = example_of(object, i);
      documents[i][pointer]["type"] = type;
    }
    visit({name + " " + type, std::move(documents), pointer, object});
  }
};

}  // namespace

const json& document() {
  static const json kParsed = [] {
    std::ifstream file(schema::file());
    return json::parse(file);
  }();
  return kParsed;
}

json resolved(const json& node) {
  json merged = json::object();
  if (node.contains("$ref"))
    merged.update(resolved(document().at(Pointer(node.at("$ref").get<std::string>().substr(1)))));
  for (const json& part : node.value("allOf", json::array())) {
    if (part.contains("$ref")) merged.update(resolved(part));
  }
  merged.update(node);
  merged.erase("$ref");
  merged.erase("allOf");
  return merged;
}

std::vector<json> forms_of(const json& node) {
  const json whole = resolved(node);
  if (!whole.contains("anyOf")) return {whole};
  std::vector<json> forms;
  for (const json& form : whole.at("anyOf")) forms.push_back(resolved(form));
  return forms;
}

std::vector<Place> all_places() {
  Walk walk;
  walk.visit({"", whole_configurations(), Pointer(), resolved({{"$ref", "#/definitions/main"}})});
  return walk.places;
}

json with(const Place& place, std::size_t document, const std::string& key, const json& value) {
  json changed = place.documents[document];
  changed[place.pointer / key] = value;
  return changed;
}

std::unique_ptr<herald::ProbeSettings> settings_of(const json& document, Pointer pointer) {
  while (!document.at(pointer).is_object() || !document.at(pointer).contains("type"))
    pointer = pointer.parent_pointer();
  json probe = document.at(pointer);
  const auto kinds = herald::probes::kind_checks();
  const auto kind =
      std::ranges::find(kinds, probe.at("type").get<std::string>(), &herald::ProbeKindCheck::type);
  std::vector<herald::ConfigError> errors;
  herald::ObjectReader keys(probe, "", "", errors);
  auto checked = kind->check(keys);
  return errors.empty() ? std::move(checked.settings) : nullptr;
}

herald::LoadResult parse(const json& document) {
  return herald::parse_config({"f", document.dump()}, {}, herald::probes::kind_checks());
}

Complaints complaints(const json& document, const Pointer& pointer) {
  const std::string at = pointer.to_string();
  Complaints found;
  for (const herald::ConfigError& error : parse(document).errors) {
    if (error.pointer == at || error.pointer.starts_with(at + "/")) found.push_back(error.message);
  }
  return found;
}

}  // namespace schema
