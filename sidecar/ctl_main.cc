// heraldctl: the command line.
#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include "sidecar/ctl.h"
#include "sidecar/duration.h"
#include "sidecar/near_name.h"
#include "sidecar/plain_text.h"

namespace {

using namespace herald;

constexpr auto kExamples = R"(
Examples:
  heraldctl status                 one line a service; "!" marks what is not as it should be
  heraldctl status web --json      the same for one service, for programs
  heraldctl why web                probes, VIPs, and what led to the state of "web"

Exit codes: 0 done; 1 not as wanted; 2 usage; 3 heraldd not reachable; 4 timed out; 5 not permitted.)";

// Commands of the contract that this release does not have.
constexpr std::array kLater{"history", "watch",  "drain",    "undrain", "force",  "unforce", "probe",
                            "plan",    "reload", "handover", "render",  "doctor", "metrics"};

struct Arguments {
  ctl::Options options;
  std::string timeout = "5s";
  bool no_colour = false;
  std::vector<std::string> services;
  std::string service;
  CLI::App* status = nullptr;
  CLI::App* why = nullptr;
};

std::string check_timeout(const std::string& text) {
  const auto timeout = parse_duration(text);
  return timeout && *timeout > Duration{} ? "" : "\"" + printable(text) + R"(" is no duration, such as "5s")";
}

void declare(CLI::App& app, Arguments& arguments) {
  app.set_version_flag("--version", "heraldctl " HERALD_VERSION);
  app.add_option("--socket", arguments.options.socket, "control socket of the daemon")
      ->envname("HERALD_SOCKET")
      ->capture_default_str();
  app.add_flag("--json", arguments.options.json, "print JSON");
  app.add_option("--timeout", arguments.timeout, "how long the daemon may take to answer")
      ->check(check_timeout)
      ->type_name("DURATION")
      ->capture_default_str();
  app.add_flag("--no-color,--no-colour", arguments.no_colour,
               "no colours, as with NO_COLOR in the environment");
  app.footer(kExamples);
  app.fallthrough();  // options may follow the command
  arguments.status =
      app.add_subcommand("status", "every service, or the named ones; exit 1 if any is not as wanted");
  arguments.status->add_option("SERVICE", arguments.services, "names of services");
  arguments.why = app.add_subcommand("why", "why a service is in its state");
  arguments.why->add_option("SERVICE", arguments.service, "name of a service")->required();
  for (const char* name : kLater)
    app.add_subcommand(name, "")->group("")->prefix_command()->fallthrough(false)->set_help_flag();
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
  const std::string near = near_name(*word, {"status", "why"});
  return refuse("no such command: " + printable(*word) +
                (near.empty() ? "; see heraldctl --help" : "; did you mean \"" + near + "\"?"));
}

std::size_t terminal_width() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

void look_at_terminal(Arguments& arguments) {
  ctl::Options& options = arguments.options;
  options.terminal = ::isatty(STDOUT_FILENO) != 0;
  if (!options.terminal) return;
  const auto set = [](const char* name) {
    return std::getenv(name) != nullptr && *std::getenv(name) != '\0';
  };
  const char* term = std::getenv("TERM");
  options.look.colour =
      !arguments.no_colour && !set("NO_COLOR") && term != nullptr && std::string(term) != "dumb";
  options.look.width = terminal_width();
}

int run(const Arguments& arguments) {
  const ctl::Outcome outcome = *arguments.status ? ctl::status(arguments.options, arguments.services)
                                                 : ctl::why(arguments.options, arguments.service);
  if (!outcome.err.empty()) std::fputs(("heraldctl: " + outcome.err).c_str(), stderr);
  const bool written = std::fputs(outcome.out.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
  if (written) return outcome.code;
  std::perror("heraldctl: write");
  return ctl::kNotAsWanted;
}

int parse_and_run(int argc, char** argv) {
  CLI::App app{"Looks at heraldd, the daemon that announces addresses while their services are healthy."};
  app.name("heraldctl");
  Arguments arguments;
  declare(app, arguments);
  app.allow_extras();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? ctl::kDone : ctl::kUsage;
  }
  for (const CLI::App* chosen : app.get_subcommands()) {
    if (chosen != arguments.status && chosen != arguments.why)
      return refuse(chosen->get_name() + ": not in this release");
  }
  if (app.get_subcommands().empty()) return refuse_command(app);
  if (const std::vector<std::string> rest = app.remaining(true); !rest.empty()) {
    return refuse("did not expect " + printable(rest.front()) + "; see heraldctl --help");
  }
  arguments.options.timeout = *parse_duration(arguments.timeout);
  look_at_terminal(arguments);
  return run(arguments);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return parse_and_run(argc, argv);
  } catch (const std::exception& error) {
    return refuse(error.what());
  }
}
