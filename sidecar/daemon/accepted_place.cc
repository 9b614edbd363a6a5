#include "sidecar/daemon/accepted_place.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>
#include <system_error>

#include "sidecar/core/hash.h"
#include "sidecar/daemon/path_owner.h"
#include "sidecar/os/kept_file.h"
#include "sidecar/os/text_file.h"

namespace herald {
namespace {

constexpr std::size_t kLongestPath = 4096;

// systemd gives a list; the first is what the others are beside.
std::filesystem::path run_directory() {
  const char* const given = std::getenv("RUNTIME_DIRECTORY");
  const std::string_view all = given == nullptr ? "" : given;
  const std::string_view first = all.substr(0, all.find(':'));
  return first.starts_with('/') ? std::filesystem::path(first) : std::filesystem::path("/run/herald");
}

std::string full_name(const std::filesystem::path& path) {
  std::error_code error;
  const auto full = std::filesystem::absolute(path, error);
  return (error ? path : full).lexically_normal().native();
}

}  // namespace

AcceptedPlace::AcceptedPlace(const std::filesystem::path& config_file,
                             const std::filesystem::path& services_dir)
    : file_(run_directory() / fmt::format("state-dir-{:016x}", fnv1a_64(full_name(config_file) + '\n' +
                                                                        full_name(services_dir)))) {}

std::expected<void, std::string> AcceptedPlace::keep(const std::filesystem::path& state_dir) const {
  if (::geteuid() == 0 && stranger_along(file_.parent_path())) return {};
  return replace_kept_file(file_, full_name(state_dir) + "\n", 0644, Durable::no);
}

std::optional<std::filesystem::path> AcceptedPlace::state_dir() const {
  auto text = read_text_file(file_);
  if (!text || !text->starts_with('/') || !text->ends_with('\n') || text->size() > kLongestPath)
    return std::nullopt;
  text->pop_back();
  return std::filesystem::path(*std::move(text));
}

}  // namespace herald
