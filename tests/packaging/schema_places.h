// Every object that the schema of the configuration knows, as a place in whole configurations that the parser
// accepts: so that one key of it at a time can be tried.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sidecar/config/file.h"

namespace schema {

using nlohmann::json;
using Complaints = std::vector<std::string>;

// Where the joined one is: each program has a schema_file.cc.
[[nodiscard]] const char* file();
[[nodiscard]] const json& document();
// What is behind $ref and allOf, and the node's own keys over it.
[[nodiscard]] json resolved(const json& node);
// Its forms where there are several (anyOf), else the node alone; all resolved.
[[nodiscard]] std::vector<json> forms_of(const json& node);

struct Place {
  std::string name;  // "/services/probes http/expect"
  // They differ in what keys may depend on (the lever, the query, the URL): what the schema says of a value
  // has to be true in one of them at least.
  std::vector<json> documents;
  json::json_pointer pointer;  // of the object
  json object;                 // its part of the schema, resolved
};
[[nodiscard]] std::vector<Place> all_places();

// A document of the place with this key of the object set.
[[nodiscard]] json with(const Place& place, std::size_t document, const std::string& key, const json& value);
// What the keys of the probe say in which the object is; none where something is wrong with them.
[[nodiscard]] std::unique_ptr<herald::ProbeSettings> settings_of(const json& document,
                                                                 json::json_pointer pointer);
// By the real parser, with all probe types.
[[nodiscard]] herald::LoadResult parse(const json& document);
// What the parser says about the value at this pointer, and about what is below it.
[[nodiscard]] Complaints complaints(const json& document, const json::json_pointer& pointer);

}  // namespace schema
