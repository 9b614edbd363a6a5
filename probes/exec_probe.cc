// exec: a program of the user's, run without a shell; its exit code is the verdict, as for Nagios plugins.
//
// Its whole process group is killed when it ends or when the attempt is cancelled. A command that cannot be
// run at all (not there, no permission, no process left) says nothing about the service: inconclusive.

#include <fmt/format.h>

#include <cstring>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "probes/probe.h"
#include "probes/result.h"
#include "probes/settings.h"
#include "sidecar/config/kinds.h"
#include "sidecar/os/process.h"
#include "sidecar/text/plain_text.h"

namespace herald::probes {
namespace {

constexpr std::size_t kMostArguments = 256;
constexpr std::size_t kMostVariables = 256;
constexpr std::size_t kLongestText = 65536;
constexpr std::size_t kOutputCap = 4096;
constexpr std::size_t kLongestDetail = 200;
constexpr const char* kPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

bool is_plain(const std::string& text) {
  return text.size() <= kLongestText && text.find('\0') == std::string::npos;
}

void read_command(ObjectReader& keys, std::vector<std::string>& command) {
  if (!keys.require("command") || !keys.read("command", command)) return;
  if (command.empty() || command.size() > kMostArguments) {
    return keys.fail("command", fmt::format("must have 1 to {} words", kMostArguments));
  }
  if (!command[0].starts_with('/')) keys.fail_element("command", 0, "must be an absolute path");
  for (std::size_t i = 0; i < command.size(); ++i) {
    if (!is_plain(command[i])) keys.fail_element("command", i, "has a NUL or is too long");
  }
}

void read_environment(ObjectReader& keys, std::vector<std::string>& environment) {
  bool has_path = false;
  if (auto variables = keys.object("env")) {
    if (variables->json().size() > kMostVariables)
      keys.fail("env", fmt::format("must be at most {}", kMostVariables));
    for (const auto& item : variables->json().items()) {
      std::string value;
      if (!variables->read(item.key(), value)) continue;
      if (item.key().empty() || item.key().find('=') != std::string::npos || !is_plain(item.key()) ||
          !is_plain(value)) {
        variables->fail(item.key(), "is not a variable of an environment");
      }
      has_path = has_path || item.key() == "PATH";
      environment.push_back(item.key() + "=" + value);
    }
  }
  if (!has_path) environment.emplace_back(kPath);
}

ProcessOptions read_options(ObjectReader& keys) {
  ProcessOptions options;
  options.output_cap = kOutputCap;
  read_command(keys, options.argv);
  read_environment(keys, options.environment);
  refuse_socket_keys(keys, "a command");
  return options;
}

std::string first_line(const std::string& output) {
  return printable(std::string_view(output).substr(0, output.find_first_of("\r\n")), kLongestDetail);
}

ProbeResult judge(const ProcessExit& exit) {
  const std::string line = first_line(exit.out);
  if (exit.signalled) {
    return failed(Reason::status, fmt::format("killed by signal {} ({}){}{}", exit.status,
                                              strsignal(exit.status), line.empty() ? "" : ": ", line));
  }
  const std::string detail = line.empty() ? fmt::format("exit code {}", exit.status) : line;
  switch (exit.status) {
    case 0:
      return passed(detail);
    case 1:
      return warned(Reason::status, detail);
    case 2:
      return failed(Reason::status, detail);
    case 3:
      return local_trouble(detail);
    default:
      return failed(Reason::status,
                    line.empty() ? detail : fmt::format("exit code {}: {}", exit.status, line));
  }
}

class ExecAttempt final : public Attempt {
 public:
  using Attempt::Attempt;

  // An error is a result known at once.
  [[nodiscard]] std::expected<void, ProbeResult> start(Loop& loop, const ProcessOptions& options) {
    auto process = Process::start(loop, options, [this](const ProcessExit& exit) { finish(judge(exit)); });
    if (!process) return std::unexpected(local_trouble(process.error()));
    process_ = std::move(*process);
    return {};
  }

  [[nodiscard]] std::string stage() const override { return "waiting for the command to end"; }

 private:
  std::optional<Process> process_;
};

class ExecProbe final : public Probe {
 public:
  ExecProbe(ProcessOptions options, Loop& loop) : options_(std::move(options)), loop_(loop) {}

  [[nodiscard]] std::expected<std::unique_ptr<Attempt>, ProbeResult> start(Done done) override {
    auto attempt = std::make_unique<ExecAttempt>(std::move(done));
    if (auto started = attempt->start(loop_, options_); !started)
      return std::unexpected(std::move(started.error()));
    return attempt;
  }

 private:
  ProcessOptions options_;
  Loop& loop_;
};

struct ExecSettings final : SettingsOf<ExecSettings> {
  ProcessOptions options;
  bool operator==(const ExecSettings&) const = default;
};

}  // namespace

CheckedProbe check_exec(ObjectReader& keys) {
  auto settings = std::make_unique<ExecSettings>();
  settings->options = read_options(keys);
  return {"", "", std::move(settings)};
}

MadeProbe make_exec(ProbeSettings& settings, const ProbeSpec&, const Context& context) {
  return std::make_unique<ExecProbe>(std::move(static_cast<ExecSettings&>(settings).options), context.loop);
}

}  // namespace herald::probes
