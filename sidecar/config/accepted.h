// The configuration that heraldd has accepted last, as the texts of its files: kept so that what it announced can be
// withdrawn while the files themselves hold an error (`heraldd --withdraw`).
//
// Nothing else depends on it. What cannot be kept, or not be understood, is as if there were none.
#pragma once

#include <expected>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sidecar/config/file.h"

namespace herald {

class AcceptedConfig {
 public:
  // Without a directory nothing is kept, and none is there.
  explicit AcceptedConfig(const std::optional<std::filesystem::path>& state_dir)
      : file_(state_dir ? *state_dir / "accepted.json" : std::filesystem::path()) {}

  [[nodiscard]] const std::filesystem::path& file() const { return file_; }

  // What the file is to hold; `texts` as in LoadResult. Whoever writes it lets nobody else read it: a probe's headers may
  // hold a password. The error is a line for people; what was kept before stays then.
  [[nodiscard]] std::expected<std::string, std::string> text_of(std::span<const ConfigText> texts) const;
  [[nodiscard]] std::optional<Config> load(std::span<const ProbeKindCheck> kinds) const;

 private:
  std::filesystem::path file_;  // empty: none
};

// Exposed for fuzzing: what load() makes of the text of the file.
[[nodiscard]] std::optional<Config> parse_accepted(const std::string& text,
                                                   std::span<const ProbeKindCheck> kinds);

}  // namespace herald
