// sd-event in RAII: one loop, its clock, and the things it watches.
//
// A Source is the right to be called back: destroying it (also from inside its own callback) ends the calls.
// A Source must die before whatever its callback captures, so it is the last member of its owner. Callbacks
// must not throw: one that does ends the process. Loop must outlive every Source.
//
// One turn: sleep until something is ready, dispatch all that is ready (at most 64 callbacks, so that a flood
// cannot put it off for ever), then call what is registered with post().
#pragma once

#include <sys/epoll.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "sidecar/core/types.h"

struct sd_event;
struct sd_event_source;

namespace herald {

class Source {
 public:
  Source() = default;
  Source(Source&&) noexcept = default;
  Source& operator=(Source&&) noexcept = default;
  ~Source() = default;

  explicit operator bool() const { return state_ != nullptr; }
  void reset() { state_.reset(); }

  void set_io_events(std::uint32_t events);  // EPOLLIN and so on; for an I/O source
  void set_time(TimePoint due);              // arms a timer once
  void disarm();                             // stops the calls, keeps the source
  // Its calls are on account of that from now on (Loop::account).
  void set_account(std::uint64_t account);

 private:
  friend class Loop;
  struct State;
  struct Delete {
    void operator()(State* state) const noexcept;
  };
  explicit Source(State* state) : state_(state) {}
  std::unique_ptr<State, Delete> state_;
};

class Loop {
 public:
  // Blocks SIGCHLD and ignores SIGPIPE for the process. Throws where the kernel has no descriptors for it.
  Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop();

  // CLOCK_MONOTONIC when the loop last looked for what is ready; never before the due time of a timer that
  // fired.
  [[nodiscard]] TimePoint now() const;
  // CLOCK_MONOTONIC at this moment, for measuring an attempt's latency.
  [[nodiscard]] static TimePoint clock();

  int run();            // until exit(); returns its code. May be called again
  void exit(int code);  // ends run() after this turn

  using OnIo = std::function<void(std::uint32_t events)>;
  using OnEvent = std::function<void()>;
  using OnSignal = std::function<void(int signal)>;
  using OnExit = std::function<void(int code, int status)>;  // si_code and si_status of waitid(2)

  // watch_io and watch_child give an empty Source and set errno where the kernel refuses one more (ENOSPC,
  // EMFILE).
  [[nodiscard]] Source watch_io(int fd, std::uint32_t events, OnIo on_io);
  // One-shot; disarmed when made with no `due` (arm it with set_time). Accurate to 50 microseconds.
  [[nodiscard]] Source timer(OnEvent on_time);
  [[nodiscard]] Source timer_at(TimePoint due, OnEvent on_time);
  // The signal is blocked for the process and delivered here.
  [[nodiscard]] Source watch_signal(int signal, OnSignal on_signal);
  // `pid` must be a child of ours. The callback runs while the child is
  // still a zombie, so its process group can be signalled safely; it is reaped afterwards. Destroying the
  // Source before the child's end hands it to the loop, which reaps it: no zombie is left.
  [[nodiscard]] Source watch_child(pid_t pid, OnExit on_exit);
  // Once a turn after everything else that was ready has been dispatched and before the loop sleeps; also as
  // run() begins, for what was begun before.
  [[nodiscard]] Source post(OnEvent on_post);

  // On whose account the running callback is: that of the source, which is the one that was running when the source was
  // made; 0 for nobody's. A signal handler may read it, and `calls`, which counts the callbacks.
  [[nodiscard]] std::uint64_t account() const { return *account_; }
  // Where others can see it. Outlives the loop.
  void keep_account_in(volatile std::uint64_t& account) { account_ = &account; }
  [[nodiscard]] std::uint64_t calls() const { return calls_; }
  // What is done while it lives is on that account.
  class Account {
   public:
    Account(Loop& loop, std::uint64_t account) : loop_(loop), before_(loop.account()) { loop.enter(account); }
    Account(const Account&) = delete;
    Account& operator=(const Account&) = delete;
    ~Account() { loop_.enter(before_); }

   private:
    Loop& loop_;
    std::uint64_t before_;
  };

 private:
  friend class Source;
  void enter(std::uint64_t account) {
    *account_ = account;
    calls_ = calls_ + 1;
  }
  void run_turn();
  void run_posts();

  sd_event* event_ = nullptr;
  std::optional<int> exit_code_;
  std::vector<Source::State*> posts_;  // null where one was destroyed while they ran
  volatile std::uint64_t own_account_ = 0;
  volatile std::uint64_t* account_ = &own_account_;
  volatile std::uint64_t calls_ = 0;
};

}  // namespace herald
