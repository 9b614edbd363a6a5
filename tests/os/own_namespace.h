// A network namespace of the calling thread's own, with lo up: what a test does to addresses stays in it.
#pragma once

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <string_view>

#include "sidecar/os/fd.h"

namespace herald {

inline void enter_new_namespace() {
  REQUIRE(unshare(CLONE_NEWNET) == 0);
  const Fd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::string_view("lo").copy(request.ifr_name, sizeof request.ifr_name - 1);
  REQUIRE(ioctl(fd.get(), SIOCGIFFLAGS, &request) == 0);
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  REQUIRE(ioctl(fd.get(), SIOCSIFFLAGS, &request) == 0);
}

}  // namespace herald
