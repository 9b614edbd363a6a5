#include "sidecar/state/writer_process.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "sidecar/state/writer_child.h"

namespace herald {
namespace {

constexpr Duration kBetweenStarts = std::chrono::seconds(1);

}  // namespace

WriterProcess::WriterProcess(Loop& loop, std::function<void()> prepare)
    : loop_(loop),
      prepare_(std::move(prepare)),
      soon_(loop.timer([this] { advance(); })),
      clock_(loop.timer([this] { look_at_the_clock(); })) {}

void WriterProcess::write(WriteRequest request) {
  soon_.set_time(Loop::clock());
  if (waiting_.size() >= kMostWaiting) {
    if (request.done) refused_.push_back(std::move(request));
    return;
  }
  const TimePoint due = request.patience ? Loop::clock() + *request.patience : TimePoint::max();
  waiting_.push_back({std::move(request), due});
  set_clock();
}

void WriterProcess::advance() {
  for (const WriteRequest& request : std::exchange(refused_, {}))
    request.done(std::unexpected(WriteError{"too much waits for the disk", false}));
  while (!on_its_way_ && !waiting_.empty()) {
    if (!channel_ && !start()) return soon_.set_time(next_start_);
    on_its_way_ = std::move(waiting_.front());
    waiting_.pop_front();
    const auto order = on_its_way_->request.make();
    if (!order) {
      finish({});
      continue;
    }
    sent_at_ = Loop::clock();
    channel_->next() = encode(*order);
    channel_->flush();
  }
  set_clock();
}

bool WriterProcess::start() {
  if (Loop::clock() < next_start_) return false;
  next_start_ = Loop::clock() + kBetweenStarts;
  auto child = start_writer_child(prepare_);
  const bool could_start = why_not_.empty();
  why_not_ = child ? "" : child.error();
  if (!child && could_start && say_) say_("the process that writes files cannot be started: " + why_not_);
  if (!child) return false;
  child_ = loop_.watch_child(child->pid, [](int, int) {});  // its socket tells of its end
  channel_ = std::make_unique<work::Channel>(
      loop_, std::move(child->socket), [this](std::string_view packet) { answered(packet); },
      [this](const std::string& /*why*/) { ended(); });
  return true;
}

void WriterProcess::answered(std::string_view packet) {
  if (!on_its_way_ || packet.empty()) return;
  if (std::exchange(is_silent_, false) && say_) {
    const auto took = std::chrono::floor<std::chrono::milliseconds>(Loop::clock() - sent_at_).count();
    say_(fmt::format("the disk answers again, after {}.{} s", took / 1000, took % 1000 / 100));
  }
  if (packet.front() == kWrittenAnswer) {
    finish({});
  } else {
    finish(std::unexpected(WriteError{std::string(packet.substr(1)), false}));
  }
  soon_.set_time(Loop::clock());  // and not now: the channel is in use
}

void WriterProcess::ended() {
  channel_.reset();
  child_.reset();
  is_silent_ = false;
  if (say_) say_("the process that writes files has ended; another one is started");
  if (on_its_way_) finish(std::unexpected(WriteError{"the process that writes files has ended", true}));
  if (!waiting_.empty()) soon_.set_time(std::max(next_start_, Loop::clock()));
}

void WriterProcess::finish(const Written& written) {
  const auto over = std::exchange(on_its_way_, std::nullopt);
  if (over->request.done) over->request.done(written);
}

void WriterProcess::look_at_the_clock() {
  const TimePoint now = Loop::clock();
  if (on_its_way_ && !is_silent_ && now >= sent_at_ + kPatience) {
    is_silent_ = true;
    if (say_) say_("the disk does not answer: what has to be kept waits, and no order can be taken");
  }
  const auto late = [this](bool is_on_its_way) {
    if (!channel_ && !why_not_.empty())
      return WriteError{"the process that writes files cannot be started: " + why_not_, false};
    return WriteError{
        fmt::format("the disk does not answer within {} s", kPatience / std::chrono::seconds(1)),
        is_on_its_way};
  };
  std::vector<WriteRequest> impatient;
  const bool first_is_late = on_its_way_ && on_its_way_->due <= now;
  if (first_is_late) {
    impatient.push_back({.make = {}, .done = std::exchange(on_its_way_->request.done, {})});
    on_its_way_->due = TimePoint::max();
  }
  std::erase_if(waiting_, [&](Waiting& one) {
    if (one.due > now) return false;
    impatient.push_back(std::move(one.request));
    return true;
  });
  set_clock();
  for (std::size_t index = 0; index < impatient.size(); ++index) {
    if (impatient[index].done) impatient[index].done(std::unexpected(late(first_is_late && index == 0)));
  }
}

void WriterProcess::set_clock() {
  TimePoint next = TimePoint::max();
  for (const Waiting& one : waiting_) next = std::min(next, one.due);
  if (on_its_way_) next = std::min(next, on_its_way_->due);
  if (on_its_way_ && !is_silent_) next = std::min(next, sent_at_ + kPatience);
  if (next < TimePoint::max()) {
    clock_.set_time(next);
  } else {
    clock_.disarm();
  }
}

}  // namespace herald
