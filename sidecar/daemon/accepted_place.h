// Where what was accepted last is kept (config/accepted.h), for whoever has only a broken configuration to go by: the
// state_dir of a heraldd that was started with the same files, in the run directory of its unit ($RUNTIME_DIRECTORY, or
// /run/herald). It goes with a reboot, as what it is for does.
//
// It is that user's word who runs heraldd: root acts by it with this user's rights alone (path_owner.h).
#pragma once

#include <expected>
#include <filesystem>
#include <optional>
#include <string>

namespace herald {

class AcceptedPlace {
 public:
  // The files as heraldd is told them: other files are another heraldd.
  AcceptedPlace(const std::filesystem::path& config_file, const std::filesystem::path& services_dir);

  [[nodiscard]] const std::filesystem::path& file() const { return file_; }
  // The error is a line for people. It does nothing as root in a directory of somebody else's.
  [[nodiscard]] std::expected<void, std::string> keep(const std::filesystem::path& state_dir) const;
  // None where there is none, or something else than an absolute path.
  [[nodiscard]] std::optional<std::filesystem::path> state_dir() const;

 private:
  std::filesystem::path file_;
};

}  // namespace herald
