// The operator's word: taken, kept on the disk, and only then told to the core. So what was acknowledged survives a
// crash at any moment, and what could not be kept has not happened. The core's own memory of withdrawals is kept in the
// same file, soon after and as well as that goes.
//
// It knows no socket and no loop. Expired words are forgotten when something else is written.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sidecar/core/events.h"
#include "sidecar/state/state_file.h"
#include "sidecar/text/clocks.h"

namespace herald {

struct AdminRequest {
  AdminState state = AdminState::automatic;
  // For `automatic`: only what this undoes. An undrain leaves a forced service forced.
  AdminState undoes = AdminState::automatic;
  std::vector<std::string> services;  // names that exist
  std::string reason;
  std::string who;
  std::optional<Duration> lasts;
};

class Operations {
 public:
  explicit Operations(std::unique_ptr<const StateFile> file) : file_(std::move(file)) {}

  struct Start {
    std::vector<event::Administer> words;
    std::vector<event::Recall> recalls;
    std::optional<std::string> problem = {};  // a line for people
  };
  // What was said before this start, also what has expired since the last one. Where that cannot be known, every one
  // of `services` is drained.
  [[nodiscard]] Start start(std::span<const std::string> services, const ClockPair& clocks);

  // What stands for services that the configuration did not have until now.
  [[nodiscard]] Start standing(std::span<const std::string> services, const ClockPair& clocks) const;

  // What to tell the core. The error is a line for people; nothing has changed then.
  [[nodiscard]] std::expected<std::vector<event::Administer>, std::string> administer(
      const AdminRequest& request, const ClockPair& clocks);
  // The same for the penalties of services that exist.
  [[nodiscard]] std::expected<std::vector<event::ClearDamping>, std::string> clear_damping(
      std::span<const std::string> services, const std::string& who);

  // To be kept by the next flush(), or with whatever is kept before.
  void remember(const effect::Remember& effect, const ClockPair& clocks);
  [[nodiscard]] bool has_unkept() const { return unkept_; }
  // A line for people when it begins to fail, or works again.
  [[nodiscard]] std::optional<std::string> flush(const ClockPair& clocks);

 private:
  [[nodiscard]] std::expected<void, std::string> keep(KeptState changed);
  [[nodiscard]] std::string drain_all(std::span<const std::string> services, const ClockPair& clocks);
  [[nodiscard]] static event::Administer word(const std::string& service, const KeptAdmin& admin,
                                              const ClockPair& clocks);

  std::unique_ptr<const StateFile> file_;
  KeptState kept_;
  bool unkept_ = false;   // kept_ is ahead of the file
  bool failing_ = false;  // the last flush() could not keep it
};

}  // namespace herald
