#include "sidecar/ctl_commands.h"

#include <array>

namespace herald::ctl {
namespace {

constexpr std::array kLater{"history", "watch",  "drain",    "undrain", "force",  "unforce", "probe",
                            "plan",    "reload", "handover", "render",  "doctor", "metrics"};

// ---- what may follow a command's name

void take_services(CLI::App& command, Arguments& arguments) {
  command.add_option("SERVICE", arguments.services, "names of services");
}

void take_service(CLI::App& command, Arguments& arguments) {
  command.add_option("SERVICE", arguments.service, "name of a service")->required();
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
};

}  // namespace

std::span<const Command> commands() {
  return kCommands;
}

std::span<const char* const> later_commands() {
  return kLater;
}

}  // namespace herald::ctl
