#include "sidecar/config/file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

#include "sidecar/config/fields.h"
#include "sidecar/config/http.h"
#include "sidecar/config/json_document.h"
#include "sidecar/config/router.h"
#include "sidecar/config/service.h"

namespace herald {

namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 7> kMainKeys{"router",    "control", "workers", "http",
                                               "state_dir", "brake",   "defaults"};

// Whether the router's stack is known.
bool read_main(const nlohmann::json& document, const std::string& file, Config& config,
               ServiceReader& services, std::vector<ConfigError>& errors) {
  ObjectReader top(document, file, "", errors);
  if (!document.is_object()) return false;
  std::string schema;
  top.read("$schema", schema);  // editors look here for the schema to complete with
  const bool stack_known = read_router(top, config.router);
  config.control = read_control(top);
  config.workers = read_workers(top);
  config.brake = read_brake(top);
  config.http = read_http(top);
  for (const char* later : {"notify", "record", "fleet"}) top.not_yet(later);
  read_path(top, "state_dir", config.state_dir);
  if (auto defaults = top.object("defaults")) services.read_defaults(*defaults);
  services.read_list(top);
  top.finish();
  return stack_known;
}

void read_service_file(const nlohmann::json& document, const std::string& file, ServiceReader& services,
                       std::vector<ConfigError>& errors) {
  ObjectReader top(document, file, "", errors);
  if (!document.is_object()) return;
  for (const char* key : kMainKeys) {
    if (document.contains(key))
      top.fail(key, "belongs in the main configuration file; this one holds services only");
  }
  std::string schema;
  top.read("$schema", schema);
  if (!document.contains("services")) {
    services.read(top);
    return;
  }
  services.read_list(top);
  top.finish();
}

// The *.json files of the directory in name order. What cannot be listed is an error, and so is a missing
// directory that somebody asked for.
std::vector<fs::path> list_service_files(const fs::path& dir, std::vector<ConfigError>& errors) {
  std::vector<fs::path> files;
  if (dir.empty()) return files;
  std::error_code error;
  fs::directory_iterator entries(dir, error);
  if (error == std::errc::no_such_file_or_directory && dir == kDefaultServicesDir) return files;
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    const fs::path& path = entries->path();
    const bool hidden = path.filename().native().starts_with('.');
    if (path.extension() == ".json" && !hidden) files.push_back(path);
  }
  if (error) errors.push_back({dir, "", "cannot read the directory: " + error.message()});
  if (files.size() > kMostServiceFiles) {
    errors.push_back({dir, "", fmt::format("more than {} files", kMostServiceFiles)});
    files.clear();
  }
  std::ranges::sort(files);
  return files;
}

// None when the file cannot be had; `total` counts what has been read.
std::optional<ConfigText> read_file(const fs::path& file, std::size_t& total,
                                    std::vector<ConfigError>& errors) {
  auto text = read_text_file(file);
  if (!text) {
    errors.push_back({file, "", text.error()});
    return std::nullopt;
  }
  total += text->size();
  if (total > kMostConfigBytes) {
    errors.push_back(
        {file, "", fmt::format("all files together are larger than {} MiB", kMostConfigBytes >> 20U)});
    return std::nullopt;
  }
  return ConfigText{file, *std::move(text)};
}

// `main` is null when it could not be read: the service files are checked all the same.
void parse_all(const ConfigText* main, std::span<const ConfigText> service_files,
               std::span<const ProbeKindCheck> kinds, LoadResult& result) {
  Config config;
  ServiceReader services(kinds, result.errors, result.warnings);
  bool stack_known = false;
  if (main != nullptr) {
    const auto document = parse_json(main->text, main->file, result.errors);
    stack_known = document && read_main(*document, main->file, config, services, result.errors);
  }
  for (const auto& each : service_files) {
    const auto document = parse_json(each.text, each.file, result.errors);
    if (document) read_service_file(*document, each.file, services, result.errors);
  }
  config.services = services.finish(stack_known ? &config.router : nullptr);
  if (result.errors.empty()) result.config = std::move(config);
}

}  // namespace

LoadResult load_config(const fs::path& file, const fs::path& services_dir,
                       std::span<const ProbeKindCheck> kinds) {
  LoadResult result;
  std::size_t total = 0;
  const auto main = read_file(file, total, result.errors);
  std::vector<ConfigText> texts;
  for (const auto& each : list_service_files(services_dir, result.errors)) {
    if (auto text = read_file(each, total, result.errors)) texts.push_back(*std::move(text));
    if (total > kMostConfigBytes) break;
  }
  parse_all(main ? &*main : nullptr, texts, kinds, result);
  if (!result.config) return result;
  result.texts = std::move(texts);
  result.texts.insert(result.texts.begin(), *main);
  return result;
}

LoadResult parse_config(const ConfigText& main, std::span<const ConfigText> service_files,
                        std::span<const ProbeKindCheck> kinds) {
  LoadResult result;
  parse_all(&main, service_files, kinds, result);
  return result;
}

}  // namespace herald
