// What the processes may not do any more that read what strangers say: the workers, and who serves HTTP.
//
// Where one is started by a unit of its own, the unit says who it is and what it may do, and this only makes sure.
// Where heraldd starts it as root, this is all there is.
#pragma once

#include <expected>
#include <optional>
#include <string>

namespace herald::work {

struct Privileges {
  std::optional<std::string> user;  // to become that one; none: stay who one is
  bool raw = false;  // to keep CAP_NET_RAW: for `mark`, and for icmp where no ping socket may be had
};

// Becomes the user, in no group but its own; drops every capability and the way back to any, also by setuid programs. The
// error is a line for people.
[[nodiscard]] std::expected<void, std::string> give_up_privileges(const Privileges& privileges);
// Keeps what a unit has given, for its commands, too.
[[nodiscard]] std::expected<void, std::string> no_new_privileges();

}  // namespace herald::work
