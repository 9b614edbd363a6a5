#include "probes/result.h"

#include <cerrno>

#include <catch2/catch.hpp>

namespace result_test {

using namespace herald;
using namespace herald::probes;

TEST_CASE("what a target sent is quoted on one line, and only its beginning") {
  CHECK(quoted_start("plain text") == "\"plain text\"");
  CHECK(quoted_start("a\r\n\tb\x7f \x1b[31m") == R"("a\r\n\tb\x7f \x1b[31m")");
  CHECK(quoted_start("caf\xc3\xa9 \xff \u009b \u202e") == "\"caf\xc3\xa9 \\xff \\u009b \\u202e\"");
  CHECK(quoted_start(std::string(1000, 'x')) == '"' + std::string(60, 'x') + "...\"");
}

TEST_CASE("durations read as milliseconds") {
  using namespace std::chrono_literals;
  CHECK(in_milliseconds(1234us) == "1.2 ms");
  CHECK(in_milliseconds(0ns) == "0.0 ms");
  CHECK(in_milliseconds(812ms) == "812 ms");
}

TEST_CASE("the end of a certificate reads as days, and as hours when it is near") {
  using namespace std::chrono_literals;
  CHECK(expiry_text({24h * 14 + 5h, ""}) == "certificate expires in 14 days");
  CHECK(expiry_text({48h, ""}) == "certificate expires in 2 days");
  CHECK(expiry_text({47h, ""}) == "certificate expires in 47 hours");
  CHECK(expiry_text({1h, ""}) == "certificate expires in 1 hour");
  CHECK(expiry_text({48h, "R3"}) == "certificate of the issuer \"R3\" expires in 2 days");
  CHECK(expiry_text({-24h * 3, ""}) == "certificate expired 3 days ago");
}

TEST_CASE("an errno is the target's or ours") {
  const auto check = [](int error, Verdict verdict, Reason reason) {
    const auto result = network_result("connect 192.0.2.1:80", error);
    CAPTURE(result.detail);
    CHECK(result.verdict == verdict);
    CHECK(result.reason == reason);
  };
  check(ECONNREFUSED, Verdict::fail, Reason::refused);
  check(ECONNRESET, Verdict::fail, Reason::reset);
  check(EPIPE, Verdict::fail, Reason::reset);
  check(ETIMEDOUT, Verdict::fail, Reason::timeout);
  check(ENETUNREACH, Verdict::fail, Reason::unreachable);
  check(EHOSTUNREACH, Verdict::fail, Reason::unreachable);
  // ICMP "administratively prohibited", and routes of type prohibit and blackhole.
  check(EACCES, Verdict::fail, Reason::unreachable);
  check(EINVAL, Verdict::fail, Reason::unreachable);
  for (const int error : {EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL, EAGAIN, EPERM, ENODEV}) {
    check(error, Verdict::inconclusive, Reason::local);
  }
  CHECK(network_result("connect 192.0.2.1:80", ECONNREFUSED).detail ==
        "connect 192.0.2.1:80: Connection refused");
}

TEST_CASE("an errno of a unix socket is the target's or ours") {
  const auto reason = [](int error) { return unix_socket_result("connect /run/x", error).reason; };
  CHECK(reason(EACCES) == Reason::local);
  CHECK(reason(EPERM) == Reason::local);
  CHECK(reason(ENOENT) == Reason::unreachable);
  CHECK(reason(EAGAIN) == Reason::unreachable);
  CHECK(reason(ECONNREFUSED) == Reason::refused);
  CHECK(unix_socket_result("connect /run/x", EACCES).verdict == Verdict::inconclusive);
  CHECK(unix_socket_result("connect /run/x", EACCES).detail == "connect /run/x: Permission denied");
}

}  // namespace result_test
