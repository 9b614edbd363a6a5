// The listening end of the control socket, and what the kernel says of those who connect.
//
// Everybody may connect (mode 0666) and look; root and the members of control.group may change things, which
// is decided by the credentials of each connection, never by the mode. It refuses to take the socket away
// from a daemon that answers on it. Destroying it removes the file, unless another has put its own there
// meanwhile.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <expected>
#include <optional>
#include <string>

#include "sidecar/core/config.h"
#include "sidecar/os/fd.h"
#include "sidecar/varlink/service.h"

namespace herald {

class ControlSocket {
 public:
  // The error is a line for people. The last directory of the path is made when it is missing.
  static std::expected<ControlSocket, std::string> open(const ControlSpec& spec);

  ControlSocket(ControlSocket&& other) noexcept;
  ControlSocket& operator=(ControlSocket&& other) = delete;
  ~ControlSocket();

  [[nodiscard]] int fd() const { return fd_.get(); }
  // What should be logged though the socket works.
  [[nodiscard]] const std::optional<std::string>& warning() const { return warning_; }
  // Who connected. One of whom the kernel does not tell may not change anything.
  [[nodiscard]] VarlinkPeer identify(const Fd& client) const;

 private:
  ControlSocket(std::string path, Fd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  void give_to(const std::string& group);

  std::string path_;  // empty: moved from
  Fd fd_;
  struct stat file_{};  // of the socket that we made
  std::optional<gid_t> group_;
  std::optional<std::string> warning_;
};

}  // namespace herald
