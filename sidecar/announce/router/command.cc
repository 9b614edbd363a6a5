#include "sidecar/announce/router/command.h"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "sidecar/text/duration.h"

namespace herald {
namespace {

// A thousand VIPs with their paths in JSON take about 2 MB.
constexpr std::size_t kMostOutput = 16U << 20U;

}  // namespace

void Command::run(std::vector<std::string> argv, Duration timeout, OnAnswer on_answer) {
  process_.reset();
  on_answer_ = std::move(on_answer);
  name_ = std::filesystem::path(argv.front()).filename();
  ProcessOptions options;
  options.argv = std::move(argv);
  // vtysh would append every command to ~/.history_frr.
  options.environment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "VTYSH_HISTFILE=/dev/null", "LC_ALL=C"};
  options.output_cap = kMostOutput;
  auto started = Process::start(*loop_, options, [this](ProcessExit exit) {
    if (exit.truncated)
      return answer(std::unexpected(fmt::format("{}: more than {} bytes of output", name_, kMostOutput)));
    if (exit.signalled)
      return answer(std::unexpected(fmt::format("{}: killed by signal {}", name_, exit.status)));
    answer(std::move(exit.out));
  });
  if (!started) {
    // Told from the loop like every other answer, so that the caller needs no second path.
    deadline_ =
        loop_->timer_at(loop_->now(), [this, why = started.error()] { answer(std::unexpected(why)); });
    return;
  }
  process_ = std::move(*started);
  deadline_ = loop_->timer_at(Loop::clock() + timeout, [this, timeout] {
    answer(std::unexpected(fmt::format("{}: no answer within {}", name_, to_string(timeout))));
  });
}

void Command::cancel() {
  on_answer_ = nullptr;
  deadline_.reset();
  process_.reset();
}

void Command::answer(std::expected<std::string, std::string> text) {
  // The callback may start the next command, so everything of this one goes first.
  const OnAnswer on_answer = std::exchange(on_answer_, nullptr);
  const Source deadline = std::exchange(deadline_, Source());
  const std::optional<Process> process = std::exchange(process_, std::nullopt);
  if (on_answer) on_answer(std::move(text));
}

}  // namespace herald
