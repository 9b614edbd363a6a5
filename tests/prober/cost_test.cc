#include "sidecar/prober/cost.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <ctime>

namespace cost_test {

using namespace herald;
using namespace herald::prober;
using namespace std::chrono_literals;

namespace {

Duration cpu_time() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

void burn(Duration most) {
  for (const Duration end = cpu_time() + most; cpu_time() < end;) continue;
}

Fd make_page() {
  Fd page(memfd_create("page", MFD_CLOEXEC));
  REQUIRE(ftruncate(page.get(), sizeof(work::Page)) == 0);
  return page;
}

std::ptrdiff_t count_of(const std::vector<std::uint64_t>& samples, std::uint64_t run) {
  return std::ranges::count(samples, run);
}

// How a process ends that does this with a Cost of its own.
template <typename Work>
int end_of(const Fd& page, Work work) {
  const pid_t child = fork();
  if (child == 0) {
    Loop loop;
    const Cost cost(loop, page.get());
    work(loop);
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

}  // namespace

TEST_CASE("cost: CPU time is sampled on the account that burns it, once") {
  const Fd page = make_page();
  Loop loop;
  Cost cost(loop, page.get());
  (void)cost.samples();
  {
    const Loop::Account on_account(loop, 7);
    CHECK(work::read_page(page)->run == 7);
    burn(60ms);
  }
  CHECK(work::read_page(page)->run == 0);
  const auto samples = cost.samples();
  // The timer is that of the kernel's tick, 4 or 10 ms.
  CHECK(count_of(samples, 7) >= 2);
  CHECK(count_of(samples, 7) <= 8);
  CHECK(cost.samples().size() <= 1);
}

TEST_CASE("cost: waiting costs nothing") {
  const Fd page = make_page();
  Loop loop;
  Cost cost(loop, page.get());
  (void)cost.samples();
  const Loop::Account on_account(loop, 7);
  usleep(100'000);
  CHECK(count_of(cost.samples(), 7) <= 1);
}

TEST_CASE("cost: samples that nobody asks for are kept as far as there is room") {
  const Fd page = make_page();
  Loop loop;
  Cost cost(loop, page.get());
  burn(3s);  // nobody's: 300 samples
  const auto samples = cost.samples();
  CHECK(samples.size() > 100);
  CHECK(samples.size() <= 256);
}

TEST_CASE("cost: a callback that does not come back ends the process, and the page says whose it was") {
  const Fd page = make_page();
  CHECK(end_of(page, [](Loop& loop) {
          const Source source = [&] {
            const Loop::Account on_account(loop, 9);
            return loop.timer_at(Loop::clock(), [] { burn(10s); });
          }();
          loop.run();
        }) == work::kCostExit);
  const auto left = work::read_page(page);
  REQUIRE(left);
  CHECK(left->run == 9);
  CHECK(left->cost == 1);
}

TEST_CASE("cost: what comes back in time, and what is nobody's, ends nothing") {
  const Fd page = make_page();
  SECTION("many callbacks, each of them short") {
    CHECK(end_of(page, [](Loop& loop) {
            for (int call = 0; call < 8; ++call) {
              const Loop::Account on_account(loop, 9);
              burn(60ms);
            }
          }) == 0);
  }
  SECTION("a long one on nobody's account") {
    CHECK(end_of(page, [](Loop&) { burn(400ms); }) == 0);
  }
  CHECK(work::read_page(page)->cost == 0);
}

TEST_CASE("cost: without a page there is none") {
  Loop loop;
  CHECK_THROWS(Cost(loop, -1));
}

}  // namespace cost_test
