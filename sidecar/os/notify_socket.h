// What systemd is told of this process (sd_notify(3)), over a socket that stays open: sd_notify() opens one for each word, and a
// process without a descriptor for it would be killed by its watchdog though it is well.
#pragma once

#include <string>
#include <string_view>

#include "sidecar/os/fd.h"

namespace herald {

class NotifySocket {
 public:
  // To $NOTIFY_SOCKET. Where that is not set, or no path and no abstract name ("@..."), everything is told to nobody.
  NotifySocket();

  // Lines "NAME=value". It never waits: false where they could not be told now. To nobody everything is told.
  bool tell(std::string_view lines) const;

 private:
  std::string address_;  // as sockaddr_un has it; empty: nobody listens
  Fd socket_;
};

}  // namespace herald
