// Tells when a file appears, is replaced or goes: a daemon's control socket does so when the daemon restarts.
//
// It watches the file's directory (inotify(7)). While there is no such directory nothing can be watched: arm() tries
// again, and is cheap to call often. It says "look again", never what happened.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "sidecar/os/fd.h"
#include "sidecar/os/loop.h"

namespace herald {

class FileWatch {
 public:
  FileWatch(Loop& loop, std::filesystem::path file, std::function<void()> on_change);
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;
  ~FileWatch() = default;

  void arm();

 private:
  void drain();

  std::filesystem::path file_;
  std::function<void()> on_change_;
  Fd fd_;
  bool armed_ = false;
  Source source_;
};

}  // namespace herald
