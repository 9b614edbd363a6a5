// The file that says that heraldd has gone by a handover: what it announced is to stay for a successor. What cleans up
// after each heraldd (ExecStopPost of its unit) does nothing while it is there; what comes when systemd has given up on
// the successor does not ask for it. It is written before anything is given up
// and removed by the next heraldd that has started.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>

#include "sidecar/state/writer.h"

namespace herald {

class HandoverMarker {
 public:
  // Without a directory nothing is written, and none is there.
  explicit HandoverMarker(const std::optional<std::filesystem::path>& state_dir)
      : file_(state_dir ? *state_dir / "handover" : std::filesystem::path()) {}

  // `done` is told once it is there, or that it is not to be.
  void write(Writer& writer, std::function<void(const Written&)> done) const;
  void remove(Writer& writer) const;
  [[nodiscard]] bool exists() const;

 private:
  std::filesystem::path file_;  // empty: none
};

}  // namespace herald
