#include "sidecar/ctl_commands.h"

#include <array>

namespace herald::ctl {
namespace {

constexpr std::array kLater{"history", "watch", "drain",  "undrain",  "force",  "unforce",
                            "probe",   "plan",  "reload", "handover", "doctor", "metrics"};

// ---- what may follow a command's name

void take_services(CLI::App& command, Arguments& arguments) {
  command.add_option("SERVICE", arguments.services, "names of services");
}

void take_service(CLI::App& command, Arguments& arguments) {
  command.add_option("SERVICE", arguments.service, "name of a service")->required();
}

// As heraldd has them.
void take_config(CLI::App& command, Arguments& arguments) {
  command.add_option("-c,--config", arguments.config.file, "configuration file")->capture_default_str();
  command.add_option("--services-dir", arguments.config.services_dir, "directory of further *.json files")
      ->capture_default_str();
}

void take_render(CLI::App& command, Arguments& arguments) {
  command.add_option("STACK", arguments.stack, "frr or bird")
      ->required()
      ->check(CLI::IsMember({"frr", "bird"}).description(""))
      ->type_name("");
  take_config(command, arguments);
  command
      .add_option("--templates", arguments.templates,
                  "directory of templates, in place of /etc/herald/frr-templates and "
                  "/usr/share/herald/frr-templates; may be repeated, the first that has a file wins")
      ->type_name("DIR")
      ->expected(1)
      ->take_all();
}

// ---- the table, in the order of heraldctl --help

constexpr std::array kCommands{
    Command{"status", "every service, or the named ones; exit 1 if any is not as wanted",
            R"(  heraldctl status                 one line a service; "!" marks what is not as it should be
  heraldctl status web --json      the same for one service, for programs
)",
            take_services,
            [](const Arguments& arguments) { return status(arguments.options, arguments.services); }},
    Command{"why", "why a service is in its state",
            R"(  heraldctl why web                probes, VIPs, and what led to the state of "web"
)",
            take_service,
            [](const Arguments& arguments) { return why(arguments.options, arguments.service); }},
    Command{"render", "prints router configuration for the Route Server and the services; needs no daemon",
            R"(  heraldctl render frr             for frr.conf: check with vtysh -C -f FILE
  heraldctl render bird            for bird.conf: check with bird -p -c FILE
)",
            take_render,
            [](const Arguments& arguments) {
              const Stack stack = arguments.stack == "bird" ? Stack::bird : Stack::frr;
              return render(arguments.config, stack, arguments.templates);
            }},
};

}  // namespace

std::span<const Command> commands() {
  return kCommands;
}

std::span<const char* const> later_commands() {
  return kLater;
}

}  // namespace herald::ctl
