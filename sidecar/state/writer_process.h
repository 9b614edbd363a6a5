// heraldd's side of the process that writes its files (writer_child.h): the queue, the time that it may take, and another
// process where the first one ends.
//
//   no process   until something is to be written, and for a second after a process has ended.
//   idle         there is one, and it has nothing to do.
//   writing      it has an order. When that takes longer than kPatience, the disk does not answer, which is said once; the
//                order is on its way still, and everything else waits behind it until it is answered or the process ends.
//
// A request whose patience ends is answered at once. Where its order is on its way, it may be carried out yet: whoever
// asked is told, and writes again what stands. The queue is bounded; what is beyond fails. heraldd never waits for the
// process, which may hang in the kernel for ever. The Loop must outlive it.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "sidecar/state/writer.h"
#include "sidecar/work/channel.h"

namespace herald {

class WriterProcess final : public Writer {
 public:
  static constexpr std::size_t kMostWaiting = 512;

  // `prepare` is run in the process before it does anything.
  explicit WriterProcess(Loop& loop, std::function<void()> prepare = {});

  void write(WriteRequest request) override;
  [[nodiscard]] bool is_idle() const override { return !on_its_way_ && waiting_.empty(); }
  [[nodiscard]] std::optional<TimePoint> silent_since() const override {
    return is_silent_ ? std::optional(sent_at_) : std::nullopt;
  }
  void say_with(std::function<void(const std::string&)> say) override { say_ = std::move(say); }

 private:
  struct Waiting {
    WriteRequest request;
    TimePoint due = TimePoint::max();
  };

  void advance();
  [[nodiscard]] bool start();
  void answered(std::string_view packet);
  void ended();
  void finish(const Written& written);
  void look_at_the_clock();
  void set_clock();

  Loop& loop_;
  std::function<void()> prepare_;
  std::function<void(const std::string&)> say_;
  std::deque<Waiting> waiting_;
  std::deque<WriteRequest> refused_;  // for the queue is full
  std::optional<Waiting> on_its_way_;
  TimePoint sent_at_{};
  TimePoint next_start_{};
  bool is_silent_ = false;
  std::string why_not_;  // the last one could not be started
  std::unique_ptr<work::Channel> channel_;
  Source child_;
  Source soon_;
  Source clock_;
};

}  // namespace herald
