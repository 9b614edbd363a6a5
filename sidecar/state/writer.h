// Who writes heraldd's files. heraldd asks and goes on: a disk that is frozen (fsfreeze, as backups do it), hangs, is full
// or read-only delays what is said to be kept, and nothing else.
//
// Requests are carried out one after the other. What is to be written is made when its turn comes, so that it is of that
// moment. A request is answered from the loop, never from within write(), and not at all once the Writer is gone;
// whoever asked lives until then, or the loop turns no more.
#pragma once

#include <deque>
#include <expected>
#include <functional>
#include <optional>
#include <string>

#include "sidecar/core/types.h"
#include "sidecar/os/loop.h"
#include "sidecar/state/write_order.h"

namespace herald {

struct WriteError {
  std::string text;             // a line for people
  bool may_be_written = false;  // it is not known that it is not, and it may be yet
};
using Written = std::expected<void, WriteError>;

struct WriteRequest {
  std::function<std::optional<WriteOrder>()> make;  // none: there is nothing to be written any more
  std::function<void(const Written&)> done = {};
  std::optional<Duration> patience = {};  // it fails when it takes longer
};

class Writer {
 public:
  // How long somebody waits who has to know that his word is kept.
  static constexpr Duration kPatience = std::chrono::seconds(2);

  Writer() = default;
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  virtual ~Writer() = default;

  virtual void write(WriteRequest request) = 0;
  // Everything that was asked has been answered.
  [[nodiscard]] virtual bool is_idle() const = 0;
  // Since when the disk has not answered, where that is too long.
  [[nodiscard]] virtual std::optional<TimePoint> silent_since() const { return std::nullopt; }
  // That the disk does not answer, and that it does again: a line for people each.
  virtual void say_with(std::function<void(const std::string&)> /*say*/) {}
  // Nothing is written in truth.
  [[nodiscard]] virtual bool pretends() const { return false; }
};

// A dry run's: everything succeeds, and nothing is written.
class PretendingWriter final : public Writer {
 public:
  explicit PretendingWriter(Loop& loop) : soon_(loop.timer([this] { answer(); })) {}

  void write(WriteRequest request) override;
  [[nodiscard]] bool is_idle() const override { return asked_.empty(); }
  [[nodiscard]] bool pretends() const override { return true; }

 private:
  void answer();

  std::deque<WriteRequest> asked_;
  Source soon_;
};

}  // namespace herald
