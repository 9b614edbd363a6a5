// One herald a network namespace: two would remove each other's VIPs as leftovers.
//
// The lock is a listening socket with an abstract name (unix(7)), which the kernel keeps for each network namespace: there is
// no file that somebody could delete, containers that share the network see it whatever else they share, and it goes with its
// owner, however that ends.
//
// Anybody may take such a name first, and must not keep herald from running: who holds it is asked of the kernel (SO_PEERCRED,
// and the capabilities of that process). Only root, herald's own user and who may change addresses, too, are another
// herald; of anybody else it is said, and the name is done without.
#pragma once

#include <expected>
#include <string>
#include <utility>

#include "sidecar/os/fd.h"

namespace herald {

class NamespaceLock {
 public:
  // The error is a line for people.
  static std::expected<NamespaceLock, std::string> take();

  // Who holds the name without being a herald, a line for people; empty: nobody.
  [[nodiscard]] const std::string& warning() const { return warning_; }

 private:
  explicit NamespaceLock(Fd fd, std::string warning = "")
      : fd_(std::move(fd)), warning_(std::move(warning)) {}

  Fd fd_;
  std::string warning_;
};

}  // namespace herald
