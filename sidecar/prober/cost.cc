#include "sidecar/prober/cost.h"

#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <system_error>

namespace herald::prober {
namespace {

constexpr std::size_t kRing = 256;  // samples that nobody has asked for: 2.5 s of CPU time
constexpr int kMostSamplesOfCall = work::kMostCallback / Cost::kSample;

// A signal handler has no object of its own: what it needs is the process's.
struct Sampled {
  const Loop* loop = nullptr;
  volatile work::Page* page = nullptr;
  std::uint64_t ring[kRing] = {};
  std::atomic<std::uint64_t> count = 0;
  std::uint64_t call = 0;
  int samples_of_call = 0;
};
Sampled sampled;

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::system_category(), what);
}

}  // namespace

// Async-signal-safe.
void Cost::on_tick(int) noexcept {
  const std::uint64_t run = sampled.loop->account();
  const std::uint64_t call = sampled.loop->calls();
  sampled.ring[sampled.count.load(std::memory_order_relaxed) % kRing] = run;
  sampled.count.fetch_add(1, std::memory_order_relaxed);
  sampled.samples_of_call = sampled.call == call ? sampled.samples_of_call + 1 : 0;
  sampled.call = call;
  if (run == 0 || sampled.samples_of_call < kMostSamplesOfCall) return;
  sampled.page->cost = 1;
  _exit(work::kCostExit);
}

Cost::Cost(Loop& loop, int page) {
  void* mapped = mmap(nullptr, sizeof(work::Page), PROT_READ | PROT_WRITE, MAP_SHARED, page, 0);
  if (mapped == MAP_FAILED) fail("map the page");
  sampled.loop = &loop;
  sampled.page = static_cast<volatile work::Page*>(mapped);
  loop.keep_account_in(sampled.page->run);
  struct sigaction action{};
  action.sa_handler = on_tick;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  if (sigaction(SIGPROF, &action, nullptr) != 0) fail("sigaction");
  const auto microseconds = kSample / std::chrono::microseconds(1);
  const timeval interval{0, static_cast<suseconds_t>(microseconds)};
  const itimerval timer{interval, interval};
  if (setitimer(ITIMER_PROF, &timer, nullptr) != 0) fail("setitimer");
}

Cost::~Cost() {
  const itimerval none{};
  setitimer(ITIMER_PROF, &none, nullptr);
  std::signal(SIGPROF, SIG_IGN);  // the page stays: the loop writes there
}

std::vector<std::uint64_t> Cost::samples() {
  static std::uint64_t asked = 0;
  std::vector<std::uint64_t> runs;
  const std::uint64_t count = sampled.count.load(std::memory_order_relaxed);
  asked = std::max(asked, count - std::min(count, static_cast<std::uint64_t>(kRing)));
  for (; asked < count; ++asked) runs.push_back(sampled.ring[asked % kRing]);
  return runs;
}

}  // namespace herald::prober
