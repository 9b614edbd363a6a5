#include "sidecar/ctl/commands.h"

#include <array>

#include "sidecar/ctl/life.h"
#include "sidecar/ctl/peers.h"
#include "sidecar/text/duration.h"
#include "sidecar/text/plain_text.h"

namespace herald::ctl {
namespace {

constexpr std::array<const char*, 0> kLater{};

// ---- what may follow a command's name

void take_services(CLI::App& command, Arguments& arguments) {
  command.add_option("SERVICE", arguments.services, "names of services");
}

void take_service(CLI::App& command, Arguments& arguments) {
  command.add_option("SERVICE", arguments.service, "name of a service")->required();
}

void take_one(CLI::App& command, Arguments& arguments) {
  command.add_option("SERVICE", arguments.service, "name of a service; none: all");
}

void take_probe(CLI::App& command, Arguments& arguments) {
  command.add_option("SERVICE[/PROBE]", arguments.service, "a service, or one of its probes")->required();
  command.add_flag("--count", arguments.counts, "the results count, as those of the probe's own attempts do");
}

void take_named(CLI::App& command, Arguments& arguments) {
  auto* all = command.add_flag("--all", arguments.admin.all, "every service");
  command.add_option("SERVICE", arguments.admin.services, "names of services")->excludes(all);
  command.callback([&arguments] {
    if (arguments.admin.services.empty() && !arguments.admin.all)
      throw CLI::ValidationError("SERVICE", "name services, or say --all");
  });
}

std::string check_duration(const std::string& text) {
  constexpr Duration kShortest = std::chrono::milliseconds(1);
  constexpr Duration kLongest = std::chrono::hours(24 * 366);
  const auto duration = parse_duration(text);
  if (!duration) return "\"" + printable(text) + R"(" is no duration, such as "2h")";
  const bool in_range = *duration >= kShortest && *duration <= kLongest;
  return in_range ? "" : "must be between 1ms and 366d, not " + printable(text);
}

void take_word(CLI::App& command, Arguments& arguments) {
  take_named(command, arguments);
  command.add_option("--reason", arguments.admin.reason, "shown beside the service until it is undone")
      ->type_name("TEXT");
  command.add_option("--for", arguments.admin.lasts, "ends by itself after this time")
      ->check(check_duration)
      ->type_name("DURATION");
}

void take_name(CLI::App& command, Arguments& arguments, const char* help) {
  command.add_option("--by", arguments.admin.by, help)
      ->check([](const std::string& name) { return name.empty() ? "a name is missing" : std::string(); })
      ->type_name("NAME");
}

void take_undrain(CLI::App& command, Arguments& arguments) {
  take_named(command, arguments);
  take_name(command, arguments, "whose drain is ended; else the user's");
  command.add_flag("--all-orders", arguments.admin.all_orders, "ends the drains of everybody");
}

void take_drain(CLI::App& command, Arguments& arguments) {
  take_word(command, arguments);
  take_name(command, arguments, "whose drain it is, beside those of others; else the user's");
  command.add_flag("--wait", arguments.admin.wait,
                   "return once the stack no longer advertises them; --timeout (2m) bounds it");
}

void take_format(CLI::App& command, Arguments& arguments) {
  command.add_flag("--openmetrics", arguments.openmetrics,
                   "OpenMetrics 1.0, in place of Prometheus's format");
}

void take_nothing(CLI::App& /*command*/, Arguments& /*arguments*/) {}

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
    Command{"history", "what changed and why, oldest first, also before the last restart",
            R"(  heraldctl history web            the last transitions of "web", and how long it was as before
)",
            take_one,
            [](const Arguments& arguments) { return history(arguments.options, arguments.service); }},
    Command{"watch", "transitions as they happen, until interrupted",
            R"(  heraldctl watch                  a line each; with --json an object a line
)",
            take_nothing, [](const Arguments& arguments) { return watch(arguments.options); }},
    Command{"probe", "runs probes now and shows the results; exit 1 unless all pass",
            R"(  heraldctl probe web              all probes of "web"; the results change nothing
  heraldctl probe web/front --count
)",
            take_probe,
            [](const Arguments& arguments) {
              return probe(arguments.options, arguments.service, arguments.counts);
            }},
    Command{
        "peers", "the router's BGP sessions; exit 1 unless all are established and are sent what is wanted",
        R"(  heraldctl peers                  a line each: its state, since when, what is sent and what came
)",
        take_nothing, [](const Arguments& arguments) { return peers(arguments.options); }},
    Command{"metrics", "herald's metrics, as Prometheus reads them",
            R"(  heraldctl metrics                for node_exporter's textfile collector, for instance
  heraldctl metrics --openmetrics
)",
            take_format,
            [](const Arguments& arguments) { return metrics(arguments.options, arguments.openmetrics); }},
    Command{"drain", "takes services out gracefully, whatever their health, until undrained",
            R"(  heraldctl drain web --reason "kernel update" --wait
  heraldctl drain --all --for 2h   everything on this appliance, back by itself after two hours
)",
            take_drain, [](const Arguments& arguments) { return drain(arguments.options, arguments.admin); }},
    Command{"undrain", "ends one's own drain; the probes decide again once the last has ended",
            R"(  heraldctl undrain web
  heraldctl undrain --all --by playbook
  heraldctl undrain web --all-orders
)",
            take_undrain,
            [](const Arguments& arguments) { return undrain(arguments.options, arguments.admin); }},
    Command{"force", "announces services whatever their probes say",
            R"(  heraldctl force web --reason "probe is broken" --for 30m
)",
            take_word, [](const Arguments& arguments) { return force(arguments.options, arguments.admin); }},
    Command{"unforce", "ends a force; the probes decide again",
            R"(  heraldctl unforce web
)",
            take_named,
            [](const Arguments& arguments) { return unforce(arguments.options, arguments.admin); }},
    Command{"clear-damping", "forgets the penalties of damping, so that what is held by them comes up",
            R"(  heraldctl clear-damping web
  heraldctl clear-damping --all
)",
            take_named,
            [](const Arguments& arguments) { return clear_damping(arguments.options, arguments.admin); }},
    Command{"adopt", "takes over a VIP that somebody else has put on an interface",
            R"(  heraldctl adopt web              from then on herald removes it when "web" is down
)",
            take_service,
            [](const Arguments& arguments) { return adopt(arguments.options, arguments.service); }},
    Command{"plan",
            "what differs between wanted and actual, and the commands for it; exit 1 if anything does",
            R"(  heraldctl plan                   useful beside heraldd --dry-run
)",
            take_nothing, [](const Arguments& arguments) { return plan(arguments.options); }},
    Command{
        "reload", "reads the configuration again: all or nothing; exit 2 with every error",
        R"(  heraldctl reload                 what has not changed goes on without a gap; SIGHUP does the same
)",
        take_nothing, [](const Arguments& arguments) { return reload(arguments.options); }},
    Command{"handover", "stops heraldd with everything left announced, for a successor to adopt",
            R"(  heraldctl handover && systemctl start herald   an upgrade that the network does not notice
)",
            take_nothing, [](const Arguments& arguments) { return handover(arguments.options); }},
    Command{"render", "prints router configuration for the Route Server and the services; needs no daemon",
            R"(  heraldctl render frr             for frr.conf: check with vtysh -C -f FILE
  heraldctl render bird            for bird.conf: check with bird -p -c FILE
)",
            take_render,
            [](const Arguments& arguments) {
              const Stack stack = arguments.stack == "bird" ? Stack::bird : Stack::frr;
              return render(arguments.options, arguments.config, stack, arguments.templates);
            }},
    Command{
        "doctor", "checks the router's configuration; needs no daemon; exit 1 on any error",
        R"(  heraldctl doctor                 what is wrong with the router, why it matters, and how to mend it
  heraldctl doctor --json          the same for programs
)",
        take_config, [](const Arguments& arguments) { return doctor(arguments.options, arguments.config); }},
};

}  // namespace

std::span<const Command> commands() {
  return kCommands;
}

std::span<const char* const> later_commands() {
  return kLater;
}

}  // namespace herald::ctl
