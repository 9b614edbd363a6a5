// While it lives, this process gets no new descriptor: whoever asks is told EMFILE. The limit is on numbers, so that those of
// closed ones below the highest can be had again, unless all are to fail.
#pragma once

#include <fcntl.h>
#include <sys/resource.h>

#include <catch2/catch.hpp>

#include "sidecar/os/fd.h"

namespace fixture {

class NoDescriptors {
 public:
  enum class Of : std::uint8_t { new_ones, all };

  explicit NoDescriptors(Of of = Of::new_ones) {
    REQUIRE(getrlimit(RLIMIT_NOFILE, &before_) == 0);
    rlimit none{0, before_.rlim_max};
    if (of == Of::new_ones) {
      const herald::Fd next(fcntl(0, F_DUPFD_CLOEXEC, 0));
      none.rlim_cur = static_cast<rlim_t>(next.get());
    }
    REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
  }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;
  ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

}  // namespace fixture
