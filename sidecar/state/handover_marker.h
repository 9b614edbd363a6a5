// The file that says that heraldd has gone by a handover: what it announced is to stay for a successor. What cleans up
// after each heraldd (ExecStopPost of its unit) does nothing while it is there; what comes when systemd has given up on
// the successor does not ask for it. It is written before anything is given up
// and removed by the next heraldd that has started.
#pragma once

#include <expected>
#include <filesystem>
#include <string>

namespace herald {

class HandoverMarker {
 public:
  explicit HandoverMarker(const std::filesystem::path& state_dir) : file_(state_dir / "handover") {}

  // The error is a line for people.
  [[nodiscard]] std::expected<void, std::string> write() const;
  void remove() const;
  [[nodiscard]] bool exists() const;

 private:
  std::filesystem::path file_;
};

}  // namespace herald
