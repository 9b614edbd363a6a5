#include "probes/curl_multi.h"

#include <sys/stat.h>
#include <sys/syscall.h>

#include "tests/probes/lab.h"

namespace curl_multi_test {

using namespace herald;
using namespace herald::probes;
using namespace herald::probes::test;

namespace {

int g_refusal = 0;  // the errno with which the kernel refuses to watch one more socket

}  // namespace

// Stands before libc's for sd-event too: no test can use up fs.epoll.max_user_watches, which all users share.
extern "C" int epoll_ctl(int epoll, int operation, int fd, epoll_event* event) noexcept {
  struct stat status{};
  if (g_refusal != 0 && operation == EPOLL_CTL_ADD && fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode)) {
    errno = g_refusal;
    return -1;
  }
  return static_cast<int>(syscall(SYS_epoll_ctl, epoll, operation, fd, event));
}

TEST_CASE("curl: a socket that cannot be watched is herald's own trouble, and at once") {
  const Server server(always(http_answer("200 OK", "")));
  Lab lab;
  const auto probe = lab.make("http", {{"url", server.url()}});
  REQUIRE(lab.run(*probe)->verdict == Verdict::pass);
  for (const int error : {ENOSPC, ENOMEM}) {
    g_refusal = error;
    const auto result = lab.run(*probe, 2s);
    g_refusal = 0;
    REQUIRE(result);
    CAPTURE(*result);
    CHECK(result->verdict == Verdict::inconclusive);
    CHECK(result->reason == Reason::local);
    CHECK(result->detail == system_error_text("watch a socket", error));
    CHECK(lab.run(*probe)->verdict == Verdict::pass);
  }
}

TEST_CASE("curl: transfers that cannot be watched may be cancelled, by each other too") {
  const Server server(always(http_answer("200 OK", "")));
  Lab lab;
  const auto probe = lab.make("http", {{"url", server.url()}});
  constexpr std::size_t kMany = 10;
  std::vector<std::unique_ptr<Attempt>> attempts(kMany);
  std::size_t ended = 0;
  g_refusal = ENOSPC;
  for (std::size_t i = 0; i < kMany; ++i) {
    attempts[i] = *probe->start([&](const ProbeResult&) {
      ++ended;
      for (auto& attempt : attempts) attempt.reset();
    });
  }
  attempts[kMany / 2].reset();
  lab.run_for(50ms);
  g_refusal = 0;
  CHECK(ended == 1);
  CHECK(lab.run(*probe)->verdict == Verdict::pass);
}

}  // namespace curl_multi_test
