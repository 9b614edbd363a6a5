#include "sidecar/os/loop.h"

#include <systemd/sd-event.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <system_error>
#include <utility>
#include <variant>

namespace herald {
namespace {

constexpr int kMostPerTurn = 64;
// In microseconds; sd-event would round to 250 ms when left alone. What may share a wake-up is timed by the core.
constexpr std::uint64_t kTimerAccuracy = 50;
constexpr std::uint64_t kForever = UINT64_MAX;

std::uint64_t to_microseconds(TimePoint time) {
  const auto count = std::chrono::ceil<std::chrono::microseconds>(time.time_since_epoch()).count();
  return static_cast<std::uint64_t>(std::max<std::int64_t>(count, 0));
}

// sd-event fails only for a broken assumption (or without memory): systemd restarts us.
void must(int result) {
  if (result < 0) std::abort();
}

}  // namespace

// Its callback may destroy the Source that owns it: the State then lives on, orphaned, until the callback is
// back.
struct Source::State {
  State(Loop& its_loop, std::variant<Loop::OnIo, Loop::OnEvent, Loop::OnSignal, Loop::OnExit> its_callback)
      : loop(its_loop), callback(std::move(its_callback)), account(its_loop.account()) {}

  Loop& loop;
  std::variant<Loop::OnIo, Loop::OnEvent, Loop::OnSignal, Loop::OnExit> callback;
  std::uint64_t account;
  sd_event_source* source = nullptr;  // none for a post source
  bool is_running_child = false;
  bool is_running = false;
  bool is_orphaned = false;

  template <typename Callback, typename... Arguments>
  int call(Arguments... arguments) noexcept {
    is_running = true;
    {
      const Loop::Account on_account(loop, account);
      std::get<Callback>(callback)(arguments...);
    }
    is_running = false;
    if (is_orphaned) delete this;
    return 0;
  }

  static int on_io(sd_event_source*, int, std::uint32_t events, void* state) noexcept {
    return static_cast<State*>(state)->call<Loop::OnIo>(events);
  }
  static int on_time(sd_event_source*, std::uint64_t, void* state) noexcept {
    return static_cast<State*>(state)->call<Loop::OnEvent>();
  }
  static int on_signal(sd_event_source*, const signalfd_siginfo* info, void* state) noexcept {
    return static_cast<State*>(state)->call<Loop::OnSignal>(static_cast<int>(info->ssi_signo));
  }
  static int on_child(sd_event_source* source, const siginfo_t* info, void* state) noexcept {
    if (state == nullptr) {                     // nobody waits for it any more; sd-event reaps it after this
      sd_event_source_set_floating(source, 0);  // takes away the last reference
      return 0;
    }
    auto* self = static_cast<State*>(state);
    self->is_running_child = false;
    return self->call<Loop::OnExit>(info->si_code, info->si_status);
  }

  void release_source() noexcept {
    if (is_running_child) {
      sd_event_source_set_userdata(source, nullptr);
      sd_event_source_set_floating(source, 1);
      sd_event_source_unref(source);
    } else {
      sd_event_source_disable_unref(source);
    }
    source = nullptr;
  }
};

void Source::Delete::operator()(State* state) const noexcept {
  if (state->source != nullptr) {
    state->release_source();
  } else {
    std::ranges::replace(state->loop.posts_, state, nullptr);
  }
  if (state->is_running) {
    state->is_orphaned = true;
  } else {
    delete state;
  }
}

void Source::set_io_events(std::uint32_t events) {
  must(sd_event_source_set_io_events(state_->source, events));
  must(sd_event_source_set_enabled(state_->source, SD_EVENT_ON));
}

void Source::set_time(TimePoint due) {
  must(sd_event_source_set_time(state_->source, to_microseconds(due)));
  must(sd_event_source_set_enabled(state_->source, SD_EVENT_ONESHOT));
}

void Source::set_account(std::uint64_t account) {
  state_->account = account;
}

void Source::disarm() {
  must(sd_event_source_set_enabled(state_->source, SD_EVENT_OFF));
}

Loop::Loop() {
  if (const int result = sd_event_new(&event_); result < 0) {
    throw std::system_error(-result, std::system_category(), "event loop");
  }
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child, nullptr);
  // OpenSSL writes to sockets without MSG_NOSIGNAL.
  std::signal(SIGPIPE, SIG_IGN);
}

Loop::~Loop() {
  sd_event_unref(event_);
}

TimePoint Loop::now() const {
  std::uint64_t microseconds = 0;
  must(sd_event_now(event_, CLOCK_MONOTONIC, &microseconds));
  return TimePoint(std::chrono::microseconds(static_cast<std::int64_t>(microseconds)));
}

TimePoint Loop::clock() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return TimePoint(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

int Loop::run() {
  exit_code_.reset();
  run_posts();  // for what was begun before
  while (!exit_code_) run_turn();
  return *exit_code_;
}

void Loop::exit(int code) {
  exit_code_ = code;
}

// sd_event_run() dispatches one source at a time. sd-event's own post sources are of no use here: at equal
// priority they run between the others, at a lower one a busy loop never comes to them.
void Loop::run_turn() {
  std::uint64_t patience = kForever;
  for (int dispatched = 0; dispatched < kMostPerTurn; ++dispatched) {
    const int result = sd_event_run(event_, patience);
    if (result == -EINTR) continue;
    must(result);
    if (result == 0 || exit_code_) break;
    patience = 0;
  }
  run_posts();
}

void Loop::run_posts() {
  for (std::size_t i = 0; i < posts_.size(); ++i) {
    if (posts_[i] != nullptr) posts_[i]->call<OnEvent>();
  }
  std::erase(posts_, nullptr);
}

Source Loop::watch_io(int fd, std::uint32_t events, OnIo on_io) {
  Source source(new Source::State(*this, std::move(on_io)));
  auto& state = *source.state_;
  const int result = sd_event_add_io(event_, &state.source, fd, events, Source::State::on_io, &state);
  if (result >= 0) return source;
  source.reset();
  errno = -result;
  return {};
}

Source Loop::timer(OnEvent on_time) {
  Source source = timer_at(TimePoint::max(), std::move(on_time));
  source.disarm();
  return source;
}

Source Loop::timer_at(TimePoint due, OnEvent on_time) {
  Source source(new Source::State(*this, std::move(on_time)));
  auto& state = *source.state_;
  must(sd_event_add_time(event_, &state.source, CLOCK_MONOTONIC, to_microseconds(due), kTimerAccuracy,
                         Source::State::on_time, &state));
  return source;
}

Source Loop::watch_signal(int signal, OnSignal on_signal) {
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, signal);
  sigprocmask(SIG_BLOCK, &blocked, nullptr);
  Source source(new Source::State(*this, std::move(on_signal)));
  auto& state = *source.state_;
  must(sd_event_add_signal(event_, &state.source, signal, Source::State::on_signal, &state));
  return source;
}

Source Loop::watch_child(pid_t pid, OnExit on_exit) {
  Source source(new Source::State(*this, std::move(on_exit)));
  auto& state = *source.state_;
  const int result = sd_event_add_child(event_, &state.source, pid, WEXITED, Source::State::on_child, &state);
  if (result >= 0) {
    state.is_running_child = true;
    return source;
  }
  source.reset();
  errno = -result;
  return {};
}

Source Loop::post(OnEvent on_post) {
  Source source(new Source::State(*this, std::move(on_post)));
  posts_.push_back(source.state_.get());
  return source;
}

}  // namespace herald
