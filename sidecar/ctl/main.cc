// heraldctl: the command line. The commands are rows of a table, see ctl/commands.h.
#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "sidecar/config/file.h"
#include "sidecar/config/glimpse.h"
#include "sidecar/ctl/commands.h"
#include "sidecar/ctl/complete.h"
#include "sidecar/text/duration.h"
#include "sidecar/text/near_name.h"
#include "sidecar/text/plain_text.h"

namespace {

using namespace herald;

constexpr auto kExitCodes =
    "\nExit codes: 0 done; 1 not as wanted; 2 usage or configuration; 3 heraldd not reachable; 4 timed out; "
    "5 not permitted.";

// The command line as it is declared: what CLI11 fills, and where.
struct CommandLine {
  CLI::App app{"Looks at heraldd, the daemon that announces addresses while their services are healthy."};
  ctl::Arguments arguments;
  std::string timeout = "5s";
  bool no_colour = false;
  const CLI::Option* socket_option = nullptr;
  const CLI::Option* timeout_option = nullptr;
};

std::string check_timeout(const std::string& text) {
  const auto timeout = parse_duration(text);
  return timeout && *timeout > Duration{} ? "" : "\"" + printable(text) + R"(" is no duration, such as "5s")";
}

void declare_options(CommandLine& line) {
  CLI::App& app = line.app;
  app.set_version_flag("--version", "heraldctl " HERALD_VERSION);
  line.socket_option = app.add_option("--socket", line.arguments.options.socket,
                                      "control socket of the daemon; else that of /etc/herald/herald.json")
                           ->envname("HERALD_SOCKET")
                           ->capture_default_str();
  app.add_flag("--json", line.arguments.options.json, "print JSON");
  line.timeout_option = app.add_option("--timeout", line.timeout,
                                       "how long the daemon may take to answer; of what takes longer "
                                       "by itself: reload 30s, handover 15s, probe and drain --wait 2m")
                            ->check(check_timeout)
                            ->type_name("DURATION")
                            ->capture_default_str();
  app.add_flag("--no-color,--no-colour", line.no_colour, "no colours, as with NO_COLOR in the environment");
  app.fallthrough();             // options may follow the command
  app.require_subcommand(0, 1);  // so that a service may have the name of a command
}

void declare_commands(CommandLine& line) {
  std::string examples = "\nExamples:\n";
  for (const ctl::Command& each : ctl::commands()) {
    CLI::App* command = line.app.add_subcommand(each.name, each.help);
    each.declare(*command, line.arguments);
    const std::string_view own = each.examples;
    command->footer("\nExamples:\n" + std::string(own));
    examples += own.substr(0, own.find('\n') + 1);
  }
  line.app.footer(examples + kExitCodes);
  for (const char* name : ctl::later_commands())
    line.app.add_subcommand(name, "")->group("")->prefix_command()->fallthrough(false)->set_help_flag();
}

// The row of the command that was given; null for one of later_commands().
const ctl::Command* row_of(const CLI::App& chosen) {
  const auto row = std::ranges::find_if(
      ctl::commands(), [&](const ctl::Command& each) { return each.name == chosen.get_name(); });
  return row == ctl::commands().end() ? nullptr : &*row;
}

int refuse(const std::string& text) {
  std::fputs(("heraldctl: " + text + "\n").c_str(), stderr);
  return ctl::kUsage;
}

// `heraldctl stauts`: CLI11 would only say that it did not expect it.
int refuse_command(const CLI::App& app) {
  const std::vector<std::string> rest = app.remaining();
  const auto word =
      std::ranges::find_if(rest, [](const std::string& each) { return !each.starts_with('-'); });
  if (word == rest.end()) {
    return refuse(rest.empty() ? "a command is missing; see heraldctl --help"
                               : "did not expect " + printable(rest.front()) + "; see heraldctl --help");
  }
  std::vector<std::string> names;
  for (const ctl::Command& each : ctl::commands()) names.emplace_back(each.name);
  return refuse("no such command: " + printable(*word) +
                did_you_mean(*word, names, "; see heraldctl --help"));
}

std::size_t terminal_width() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

void look_at_terminal(ctl::Options& options, bool no_colour) {
  options.terminal = ::isatty(STDOUT_FILENO) != 0;
  if (!options.terminal) return;
  const auto set = [](const char* name) {
    return std::getenv(name) != nullptr && *std::getenv(name) != '\0';
  };
  const char* term = std::getenv("TERM");
  options.look.colour = !no_colour && !set("NO_COLOR") && term != nullptr && std::string(term) != "dumb";
  options.look.width = terminal_width();
}

bool print_lines(const std::string& lines) {
  if (std::fputs(lines.c_str(), stdout) >= 0 && std::fflush(stdout) == 0) return true;
  std::perror("heraldctl: write");
  return false;
}

int print(const ctl::Outcome& outcome) {
  if (!outcome.err.empty()) std::fputs(("heraldctl: " + outcome.err).c_str(), stderr);
  const bool whole = std::ferror(stdout) == 0;  // what was printed before, by watch
  return whole && print_lines(outcome.out) ? outcome.code : ctl::kNotAsWanted;
}

// Where the packaged heraldd listens. A configuration that is an error must not leave heraldctl helpless, nor one by which
// heraldd was not restarted yet.
void take_configured_socket(ctl::Options& options) {
  const auto socket = glimpse_path(kDefaultConfigFile, "/control/socket");
  std::error_code ignored;
  const auto is_there = [&](const std::string& path) { return std::filesystem::exists(path, ignored); };
  if (socket && (is_there(*socket) || !is_there(options.socket))) options.socket = *socket;
}

// For the scripts in packaging/completions.
int complete(CommandLine& line, const std::vector<std::string>& words) {
  ctl::Options& options = line.arguments.options;
  if (const char* socket = std::getenv("HERALD_SOCKET")) {
    options.socket = socket;
  } else {
    take_configured_socket(options);
  }
  print_lines(ctl::complete(line.app, words, options.socket));
  return ctl::kDone;
}

int parse_and_run(int argc, char** argv) {
  CommandLine line;
  CLI::App& app = line.app;
  app.name("heraldctl");
  declare_options(line);
  declare_commands(line);
  app.allow_extras();
  if (argc > 1 && std::string_view(argv[1]) == "__complete") return complete(line, {argv + 2, argv + argc});
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? ctl::kDone : ctl::kUsage;
  }
  if (app.get_subcommands().empty()) return refuse_command(app);
  const CLI::App& chosen = *app.get_subcommands().front();
  const ctl::Command* command = row_of(chosen);
  if (command == nullptr) return refuse(chosen.get_name() + ": not in this release");
  if (const std::vector<std::string> rest = app.remaining(true); !rest.empty()) {
    return refuse("did not expect " + printable(rest.front()) + "; see heraldctl --help");
  }
  if (line.socket_option->empty()) take_configured_socket(line.arguments.options);
  line.arguments.options.timeout = *parse_duration(line.timeout);
  line.arguments.options.timeout_given = !line.timeout_option->empty();
  line.arguments.options.print = print_lines;
  look_at_terminal(line.arguments.options, line.no_colour);
  return print(command->run(line.arguments));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return parse_and_run(argc, argv);
  } catch (const std::exception& error) {
    return refuse(error.what());
  }
}
