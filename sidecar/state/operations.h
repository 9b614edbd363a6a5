// An operator's order: taken, kept on the disk, and only then told to the core. So what was acknowledged survives a
// crash at any moment, and what could not be kept, or not in time, has not happened. The core's own memory of withdrawals
// is kept in the same file, soon after and as well as that goes.
//
// Words are carried out one after the other, each upon the state that the former one has left. Where one was refused
// because the disk did not answer, it may be on the disk yet: what stands is then written again, behind it.
// A drain stands beside those of others, and takes the place of one by the same person; a force that of any force.
// It knows no socket and no loop. Expired words are forgotten when something else is written.
#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sidecar/core/events.h"
#include "sidecar/state/state_file.h"
#include "sidecar/state/writer.h"
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
  // For `automatic`: whose orders it undoes; empty: everybody's.
  std::vector<std::string> whose = {};
};

class Operations {
 public:
  // Of a service, beside each other; another one is refused.
  static constexpr std::size_t kMostDrains = 32;

  // `say` is told, for people, what else becomes of the file. The Writer outlives it.
  Operations(StateFile file, Writer& writer, std::function<void(const std::string&)> say)
      : file_(std::move(file)), writer_(writer), say_(std::move(say)) {}
  Operations(const Operations&) = delete;
  Operations& operator=(const Operations&) = delete;

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

  // What to tell the core, once it is kept. The error is a line for people; nothing has changed then.
  template <typename Word>
  using OnKept = std::function<void(std::expected<std::vector<Word>, std::string>)>;
  void administer(AdminRequest request, const ClockPair& clocks, OnKept<event::Administer> done);
  // The same for the penalties of services that exist.
  void clear_damping(std::vector<std::string> services, std::string who, OnKept<event::ClearDamping> done);

  // To be kept by the next flush(), or with whatever is kept before.
  void remember(const effect::Remember& effect, const ClockPair& clocks);
  [[nodiscard]] bool has_unkept() const { return unkept_; }
  void flush(const ClockPair& clocks);

 private:
  using Words = std::vector<event::Administer>;
  // Makes changed_ of kept_. The error is a line for people, why that is refused.
  [[nodiscard]] std::expected<Words, std::string> change(const AdminRequest& request,
                                                         const ClockPair& clocks);
  [[nodiscard]] WriteOrder saving(const KeptState& state);
  [[nodiscard]] bool settle(const Written& written);
  [[nodiscard]] std::string drain_all(std::span<const std::string> services, const ClockPair& clocks);
  [[nodiscard]] static event::Administer word(const std::string& service, const KeptAdmin& admin,
                                              const ClockPair& clocks);

  StateFile file_;
  Writer& writer_;
  std::function<void(const std::string&)> say_;
  KeptState kept_;
  KeptState changed_;                        // by the word that is being kept
  std::expected<Words, std::string> words_;  // of it
  bool unkept_ = false;                      // kept_ is ahead of the file
  bool was_unkept_ = false;                  // before what is being kept
  bool flushing_ = false;
  bool failing_ = false;  // the last flush() could not keep it
};

}  // namespace herald
