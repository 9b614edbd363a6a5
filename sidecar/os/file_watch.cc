#include "sidecar/os/file_watch.h"

#include <sys/inotify.h>

#include <array>
#include <cstring>
#include <utility>

namespace herald {

FileWatch::FileWatch(Loop& loop, std::filesystem::path file, std::function<void()> on_change)
    : file_(std::move(file)),
      on_change_(std::move(on_change)),
      fd_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)),
      source_(fd_ ? loop.watch_io(fd_.get(), EPOLLIN, [this](std::uint32_t /*events*/) { drain(); })
                  : Source()) {
  arm();
}

void FileWatch::arm() {
  if (armed_ || !source_) return;
  constexpr std::uint32_t kChanges = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR;
  armed_ = ::inotify_add_watch(fd_.get(), file_.parent_path().c_str(), kChanges) >= 0;
}

void FileWatch::drain() {
  alignas(inotify_event) std::array<char, 4096> buffer{};
  bool changed = false;
  ssize_t count = 0;
  while ((count = ::read(fd_.get(), buffer.data(), buffer.size())) > 0) {
    for (ssize_t at = 0; at < count;) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof(event));
      const char* name = event.len > 0 ? buffer.data() + at + sizeof(event) : "";
      // The directory itself went, or the kernel dropped notifications: anything may have happened.
      if ((event.mask & IN_IGNORED) != 0) armed_ = false;
      changed = changed || (event.mask & (IN_IGNORED | IN_Q_OVERFLOW)) != 0 || file_.filename() == name;
      at += static_cast<ssize_t>(sizeof(event) + event.len);
    }
  }
  arm();
  if (changed) on_change_();
}

}  // namespace herald
