#include "sidecar/os/own_usage.h"

#include <sys/resource.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <string>

#include "sidecar/os/fd.h"

namespace own_usage_test {

using namespace herald;

TEST_CASE("own usage: memory, processor and descriptors are this process's") {
  const OwnUsage before = own_usage();
  CHECK(before.resident_bytes > 100'000);
  CHECK(before.virtual_bytes >= before.resident_bytes);
  CHECK(before.cpu >= Duration{});
  rlimit limit{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  CHECK(before.most_descriptors == limit.rlim_cur);

  const Fd one(::dup(STDERR_FILENO));
  const std::string touched(std::size_t{32} << 20U, 'x');
  const OwnUsage after = own_usage();
  CHECK(after.descriptors == before.descriptors + 1);
  CHECK(after.resident_bytes >= before.resident_bytes + touched.size() / 2);
  CHECK(after.cpu >= before.cpu);
}

}  // namespace own_usage_test
