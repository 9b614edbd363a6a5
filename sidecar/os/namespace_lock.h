// One herald a network namespace: two would remove each other's VIPs as leftovers.
//
// The lock is flock() on a file in /run/herald that only the directory's owner and root can open, named by the namespace's
// inode: several heralds in several namespaces of one machine have several files, and no other user can take a lock first. It
// goes with its owner, however that ends; the file stays. Containers that share a network namespace have to
// share /run/herald too, or they do not see each other's lock.
#pragma once

#include <expected>
#include <string>
#include <utility>

#include "sidecar/os/fd.h"

namespace herald {

class NamespaceLock {
 public:
  // The error is a line for people. `directory` is made when it is missing.
  static std::expected<NamespaceLock, std::string> take(const std::string& directory = "/run/herald");

 private:
  explicit NamespaceLock(Fd fd) : fd_(std::move(fd)) {}

  Fd fd_;
};

}  // namespace herald
