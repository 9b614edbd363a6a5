// Commands that a test starts and waits for, and who is there of the processes and descriptors that came of it.
#pragma once

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "sidecar/os/process.h"
#include "tests/os/run_until.h"

namespace herald {

inline ProcessOptions shell(std::string script) {
  return {.argv = {"/bin/sh", "-c", std::move(script)}, .environment = {"PATH=/usr/bin:/bin"}};
}

// With a keeper.
inline ProcessOptions contained(std::string script) {
  ProcessOptions options = shell(std::move(script));
  options.is_contained = true;
  return options;
}

// Turns the loop until the command ends; nothing where it does not.
inline std::optional<ProcessExit> run(Loop& loop, const ProcessOptions& options) {
  std::optional<ProcessExit> result;
  const auto process = Process::start(loop, options, [&](ProcessExit exit) { result = std::move(exit); });
  REQUIRE(process);
  run_until(loop, [&] { return result.has_value(); });
  return result;
}

// A zombie is not, whoever has to reap it.
inline bool is_alive(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string stat;
  std::getline(file, stat);
  const std::size_t at = stat.rfind(") ");
  return at != std::string::npos && stat[at + 2] != 'Z' && stat[at + 2] != 'X';
}

// True once `pid` is gone; a killed process that is not ours to reap needs a moment.
inline bool dies(pid_t pid) {
  for (int i = 0; i < 500; ++i) {
    if (!is_alive(pid)) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

// A zombie is.
inline bool is_there(pid_t pid) {
  return kill(pid, 0) == 0 || errno != ESRCH;
}

inline std::vector<pid_t> children_of(pid_t pid) {
  const std::string number = std::to_string(pid);
  std::ifstream file("/proc/" + number + "/task/" + number + "/children");
  std::vector<pid_t> found;
  for (pid_t child = 0; file >> child;) found.push_back(child);
  return found;
}

inline std::vector<pid_t> children() {
  return children_of(getpid());
}

// What a test leaves to be reaped is not the next one's.
struct Reaper {
  Reaper() = default;
  Reaper(const Reaper&) = delete;
  Reaper& operator=(const Reaper&) = delete;
  ~Reaper() {
    while (waitpid(-1, nullptr, 0) > 0) continue;
  }
};

// This process's.
inline std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

}  // namespace herald
