#include "sidecar/os/spawn.h"

#include <fcntl.h>
#include <spawn.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <vector>

#include "sidecar/os/fd.h"

namespace herald {

std::expected<pid_t, int> spawn_beside(const std::string& program, std::span<const std::string> arguments,
                                       std::span<const int> given) {
  const int after = kFirstGiven + static_cast<int>(given.size());
  // Out of the way of the numbers that they get; and dup2() to itself would leave O_CLOEXEC.
  std::vector<Fd> high;
  for (const int fd : given) {
    high.emplace_back(fcntl(fd, F_DUPFD_CLOEXEC, after));
    if (!high.back()) return std::unexpected(errno);
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (std::size_t index = 0; index < high.size(); ++index)
    posix_spawn_file_actions_adddup2(&actions, high[index].get(), kFirstGiven + static_cast<int>(index));
  posix_spawn_file_actions_addclosefrom_np(&actions, after);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t signals;
  sigemptyset(&signals);
  posix_spawnattr_setsigmask(&attributes, &signals);
  sigfillset(&signals);
  posix_spawnattr_setsigdefault(&attributes, &signals);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  // execve(2) takes char* for history's sake and writes nothing.
  std::vector<char*> words;
  for (const std::string& word : arguments) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  pid_t pid = -1;
  const int error = posix_spawn(&pid, program.c_str(), &actions, &attributes, words.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) return std::unexpected(error);
  return pid;
}

}  // namespace herald
