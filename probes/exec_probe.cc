// exec: a program of the user's, run without a shell; its exit code is the verdict: 0 passes and all else fails, as scripts
// have it, unless `exit_codes` says otherwise.
//
// All that it started is killed when it ends or when the attempt is cancelled, after setsid and a double fork too (os/keeper.h).
// A command that cannot be
// run at all (not there, no permission, no process left) says nothing about the service: inconclusive. Where that is so
// from the beginning, the probe cannot be made, and the configuration is refused.

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
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

constexpr std::uint8_t kMostExitCode = 255;
using Verdicts = std::array<Verdict, kMostExitCode + 1>;  // by exit code

constexpr Verdicts plain_verdicts() {
  Verdicts verdicts{};
  verdicts.fill(Verdict::fail);
  verdicts[0] = Verdict::pass;
  return verdicts;
}

// The monitoring-plugins' guidelines: OK, WARNING, CRITICAL, UNKNOWN.
constexpr Verdicts nagios_verdicts() {
  Verdicts verdicts = plain_verdicts();
  verdicts[1] = Verdict::warn;
  verdicts[3] = Verdict::inconclusive;
  return verdicts;
}

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

// {"warn": [1, 2], "inconclusive": [3]}; the rest as plain.
Verdicts read_exit_code_map(ObjectReader& map) {
  Verdicts verdicts = plain_verdicts();
  std::array<bool, kMostExitCode + 1> is_said{};
  for (const Verdict verdict : {Verdict::pass, Verdict::warn, Verdict::fail, Verdict::inconclusive}) {
    const nlohmann::json* codes = map.value(name_of(verdict));
    if (codes == nullptr) continue;
    if (!codes->is_array()) {
      map.fail(name_of(verdict), "must be a list of exit codes");
      continue;
    }
    for (std::size_t index = 0; index < codes->size(); ++index) {
      const auto* code = (*codes)[index].get_ptr<const nlohmann::json::number_unsigned_t*>();
      if (code == nullptr || *code > kMostExitCode) {
        map.fail_element(name_of(verdict), index,
                         fmt::format("must be an exit code, 0 to {}", kMostExitCode));
      } else if (std::exchange(is_said[*code], true)) {
        map.fail_element(name_of(verdict), index, fmt::format("{} has a verdict already", *code));
      } else {
        verdicts[*code] = verdict;
      }
    }
  }
  map.finish();
  return verdicts;
}

Verdicts read_exit_codes(ObjectReader& keys) {
  const nlohmann::json* codes = keys.value("exit_codes");
  if (codes == nullptr || *codes == "plain") return plain_verdicts();
  if (*codes == "nagios") return nagios_verdicts();
  if (codes->is_object()) {
    if (auto map = keys.object("exit_codes")) return read_exit_code_map(*map);
  }
  keys.fail("exit_codes", R"(must be "plain", "nagios" or an object like {"warn": [1]})");
  return plain_verdicts();
}

ProcessOptions read_options(ObjectReader& keys) {
  ProcessOptions options;
  options.output_cap = kOutputCap;
  options.is_contained = true;
  read_command(keys, options.argv);
  read_environment(keys, options.environment);
  refuse_socket_keys(keys, "a command");
  return options;
}

std::string first_line(const std::string& output) {
  return printable(std::string_view(output).substr(0, output.find_first_of("\r\n")), kLongestDetail);
}

ProbeResult judge(const ProcessExit& exit, const Verdicts& verdicts) {
  if (!exit.error.empty()) return local_trouble(exit.error);
  const std::string line = first_line(exit.out);
  if (exit.signalled) {
    return failed(Reason::status, fmt::format("killed by signal {} ({}){}{}", exit.status,
                                              strsignal(exit.status), line.empty() ? "" : ": ", line));
  }
  const std::string code = fmt::format("exit code {}", exit.status);
  const std::string detail = line.empty() ? code : line;
  switch (verdicts[static_cast<std::uint8_t>(exit.status)]) {
    case Verdict::pass:
      return passed(detail);
    case Verdict::warn:
      return warned(Reason::status, detail);
    case Verdict::inconclusive:
      return local_trouble(detail);
    case Verdict::fail:
      break;
  }
  return failed(Reason::status, line.empty() ? code : fmt::format("{}: {}", code, line));
}

struct ExecSettings final : SettingsOf<ExecSettings> {
  ProcessOptions options;
  Verdicts verdicts = plain_verdicts();
  bool operator==(const ExecSettings&) const = default;
};

class ExecAttempt final : public Attempt {
 public:
  using Attempt::Attempt;

  // An error is a result known at once. The settings outlive the attempt.
  [[nodiscard]] std::expected<void, ProbeResult> start(Loop& loop, const ExecSettings& settings) {
    auto process = Process::start(loop, settings.options, [this, &settings](const ProcessExit& exit) {
      finish(judge(exit, settings.verdicts));
    });
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
  ExecProbe(ExecSettings settings, Loop& loop) : settings_(std::move(settings)), loop_(loop) {}

  [[nodiscard]] std::expected<std::unique_ptr<Attempt>, ProbeResult> start(Done done) override {
    auto attempt = std::make_unique<ExecAttempt>(std::move(done));
    if (auto started = attempt->start(loop_, settings_); !started)
      return std::unexpected(std::move(started.error()));
    return attempt;
  }

 private:
  ExecSettings settings_;
  Loop& loop_;
};

// Why it cannot be run as things are; none: it can.
std::optional<std::string> obstacle(const std::string& program) {
  std::error_code error;
  const bool is_there = std::filesystem::is_regular_file(program, error);
  if (error) return fmt::format("run {}: {}", printable(program), error.message());
  if (!is_there) return fmt::format("run {}: it is no program", printable(program));
  if (::access(program.c_str(), X_OK) != 0) return printable(system_error_text("run " + program));
  return std::nullopt;
}

}  // namespace

CheckedProbe check_exec(ObjectReader& keys) {
  auto settings = std::make_unique<ExecSettings>();
  settings->options = read_options(keys);
  settings->verdicts = read_exit_codes(keys);
  return {"", "", std::move(settings)};
}

MadeProbe make_exec(ProbeSettings& settings, const ProbeSpec&, const Context& context) {
  auto& exec = static_cast<ExecSettings&>(settings);
  if (auto reason = obstacle(exec.options.argv.front())) return std::unexpected(std::move(*reason));
  return std::make_unique<ExecProbe>(std::move(exec), context.loop);
}

}  // namespace herald::probes
