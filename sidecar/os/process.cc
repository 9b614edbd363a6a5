#include "sidecar/os/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <memory>
#include <utility>

#include "sidecar/os/keeper.h"

namespace herald {
namespace {

constexpr std::size_t kReadSize = 16384;
// What a dead child can have left in its pipe: the kernel's default size of one.
constexpr std::size_t kMostLeftInPipe = 65536;

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  // execve(2) takes char* for history's sake and writes nothing.
  for (const auto& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

class SpawnActions {
 public:
  explicit SpawnActions(int output) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, output, STDERR_FILENO);
    // Ours are all O_CLOEXEC; this is for the descriptors of libraries.
    posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
  }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  ~SpawnActions() { posix_spawn_file_actions_destroy(&actions_); }

  [[nodiscard]] const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

// A child inherits neither what we block nor what we ignore, and leads a process group of its own.
class SpawnAttributes {
 public:
  SpawnAttributes() {
    posix_spawnattr_init(&attributes_);
    sigset_t signals;
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes_, &signals);
    sigfillset(&signals);
    posix_spawnattr_setsigdefault(&attributes_, &signals);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(&attributes_,
                             POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;
  ~SpawnAttributes() { posix_spawnattr_destroy(&attributes_); }

  [[nodiscard]] const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
};

// Of a contained child it is the keeper that is started here.
std::expected<pid_t, std::string> spawn(const ProcessOptions& options, int output, Keeper& keeper) {
  const SpawnActions actions(output);
  const SpawnAttributes attributes;
  const auto argv = pointers_to(options.argv);
  const auto environment = pointers_to(options.environment);
  const auto run = [&](pid_t& pid) {
    return posix_spawnp(&pid, argv[0], actions.get(), attributes.get(), argv.data(), environment.data());
  };
  pid_t pid = -1;
  if (options.is_contained) {
    auto started = start_keeper(run, output);
    if (!started) return std::unexpected(fmt::format("run {}: {}", options.argv[0], started.error()));
    keeper = std::move(*started);
    return keeper.pid;
  }
  if (const int error = run(pid); error != 0)
    return std::unexpected(system_error_text("run " + options.argv[0], error));
  return pid;
}

}  // namespace

struct Process::State {
  pid_t pid = -1;
  std::string program;
  Keeper keeper;  // with a link where the child is contained
  bool has_ended = false;
  Fd output;
  std::size_t cap = 0;
  ProcessExit exit;
  OnExit on_exit;
  Source output_ready;
  Source child_ended;

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (pid > 0 && !has_ended) end_group();
  }

  // A keeper ends its own when its link closes, and then itself.
  void end_group() {
    if (!keeper.link) {
      kill(-pid, SIGKILL);
    } else {
      keeper.link.reset();
    }
  }

  // One read; false once there is nothing more for now. What is over the cap is dropped, so that a talkative
  // child is not stopped by a full pipe.
  bool read_some() {
    std::array<char, kReadSize> buffer;
    const ssize_t count = read(output.get(), buffer.data(), buffer.size());
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (count <= 0) {
      output_ready.reset();
      output.reset();
      return false;
    }
    const auto size = static_cast<std::size_t>(count);
    const std::size_t kept = std::min(size, cap - exit.out.size());
    exit.out.append(buffer.data(), kept);
    exit.truncated = exit.truncated || kept < size;
    return true;
  }

  void end(int code, int status) {
    if (keeper.link) {
      const auto kept = read_end(keeper);
      if (!kept || kept->error != 0)
        exit.error = kept ? system_error_text("run " + program, kept->error) : "its keeper was killed";
      code = kept ? kept->code : code;
      status = kept ? kept->status : status;
    }
    end_group();
    has_ended = true;
    for (std::size_t read = 0; read < kMostLeftInPipe && output && read_some();) read += kReadSize;
    output_ready.reset();
    output.reset();
    exit.signalled = code != CLD_EXITED;
    exit.status = status;
    // The callback may destroy the Process, and this with it.
    const auto report = std::move(on_exit);
    report(std::move(exit));
  }
};

std::expected<Process, std::string> Process::start(Loop& loop, const ProcessOptions& options,
                                                   OnExit on_exit) {
  if (options.argv.empty()) return std::unexpected("run: no command");
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return std::unexpected(system_error_text("pipe"));
  auto state = std::make_unique<State>();
  state->output = Fd(ends[0]);
  const Fd child_end(ends[1]);
  state->cap = options.output_cap;
  state->on_exit = std::move(on_exit);
  // Our end alone: a child does not expect a pipe that refuses to wait.
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  // Watched before there is a child, so that what fails fails without one.
  state->output_ready = loop.watch_io(ends[0], EPOLLIN, [s = state.get()](auto) { s->read_some(); });
  if (!state->output_ready) return std::unexpected(system_error_text("watch a pipe"));

  state->program = options.argv[0];
  const auto pid = spawn(options, child_end.get(), state->keeper);
  if (!pid) return std::unexpected(pid.error());
  state->pid = *pid;
  state->child_ended =
      loop.watch_child(*pid, [s = state.get()](int code, int status) { s->end(code, status); });
  if (!state->child_ended) {
    const std::string error = system_error_text("watch a child");
    kill(-*pid, SIGKILL);  // a keeper too: it has hardly begun
    state->end_group();
    waitpid(*pid, nullptr, 0);
    state->has_ended = true;
    return std::unexpected(error);
  }
  return Process(std::move(state));
}

Process::Process(std::unique_ptr<State> state) : state_(std::move(state)) {}
Process::Process(Process&&) noexcept = default;
Process& Process::operator=(Process&&) noexcept = default;
Process::~Process() = default;

}  // namespace herald
