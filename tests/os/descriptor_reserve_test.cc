#include "sidecar/os/descriptor_reserve.h"

#include <catch2/catch.hpp>
#include <vector>

#include "tests/os/no_descriptors.h"

namespace descriptor_reserve_test {

using namespace herald;

namespace {

// Of at most ten.
std::size_t how_many_can_be_had() {
  std::vector<Fd> had;
  while (had.size() < 10) {
    Fd one(fcntl(0, F_DUPFD_CLOEXEC, 0));
    if (!one) break;
    had.push_back(std::move(one));
  }
  return had.size();
}

}  // namespace

TEST_CASE("where there are descriptors the reserve is left alone") {
  DescriptorReserve reserve(8);
  CHECK(reserve.count() == 8);
  reserve.lend();
  CHECK(reserve.count() == 8);
}

TEST_CASE("where there are none the reserve is lent, and taken back") {
  DescriptorReserve reserve(8);
  const fixture::NoDescriptors none;
  REQUIRE(how_many_can_be_had() == 0);
  reserve.lend();
  CHECK(how_many_can_be_had() == 8);
  CHECK_FALSE(reserve.is_whole());
  {
    const Fd used(fcntl(0, F_DUPFD_CLOEXEC, 0));
    reserve.keep();
    CHECK(reserve.count() == 7);
  }
  reserve.keep();
  CHECK(reserve.is_whole());
  CHECK(how_many_can_be_had() == 0);
}

}  // namespace descriptor_reserve_test
