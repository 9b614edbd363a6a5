// heraldd: options, configuration, and the daemon around them.
#include <fmt/format.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "probes/registry.h"
#include "sidecar/announce/template_dirs.h"
#include "sidecar/config/accepted.h"
#include "sidecar/config/file.h"
#include "sidecar/config/glimpse.h"
#include "sidecar/daemon/accepted_place.h"
#include "sidecar/daemon/daemon.h"
#include "sidecar/daemon/path_owner.h"
#include "sidecar/daemon/withdraw.h"
#include "sidecar/os/log.h"
#include "sidecar/os/loop.h"
#include "sidecar/state/handover_marker.h"

namespace {

using namespace herald;

constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kBadConfiguration = 2;

struct Options {
  std::string file{kDefaultConfigFile};
  std::string services_dir{kDefaultServicesDir};
  std::vector<std::filesystem::path> template_dirs;
  bool check = false;
  bool dry_run = false;
  bool withdraw = false;
  bool vips = false;
  std::filesystem::path workers;
  std::filesystem::path http;
  LogTarget log = LogTarget::automatic;
};

// Exits by itself for --help, --version and wrong usage.
std::optional<int> parse_options(int argc, char** argv, Options& options) {
  CLI::App app{"Announces anycast addresses only while their services are healthy."};
  app.set_version_flag("--version", "heraldd " HERALD_VERSION);
  app.add_option("-c,--config", options.file, "configuration file")->capture_default_str();
  app.add_option("--services-dir", options.services_dir, "directory of further *.json files")
      ->capture_default_str();
  app.add_option("--templates", options.template_dirs,
                 "directory of FRR templates, in place of /etc/herald/frr-templates and "
                 "/usr/share/herald/frr-templates; may be repeated, the first that has a file wins")
      ->type_name("DIR")
      ->expected(1)
      ->take_all();
  app.add_flag("--check", options.check, "only check the configuration: exit 0, or 2 with every error");
  app.add_flag("--dry-run", options.dry_run, "probe and decide, but only log what would be done");
  app.add_flag("--withdraw", options.withdraw,
               "no daemon: withdraw what one that was killed has left announced, except what on_exit keeps")
      ->excludes("--check")  // both promise to touch nothing
      ->excludes("--dry-run");
  app.add_flag("--vips", options.vips,
               "with --withdraw: what on_exit keeps goes, too, and VIPs under routes after these")
      ->needs("--withdraw");
  app.add_option("--workers", options.workers,
                 "socket of the herald-prober that runs the workers; without it heraldd runs one itself")
      ->type_name("SOCKET");
  app.add_option("--http", options.http,
                 "socket of the herald-http that serves http.listen; without it heraldd runs one itself")
      ->type_name("SOCKET");
  // Its values as words: CLI11 would print the numbers of the enumeration as characters.
  const std::map<std::string, LogTarget> targets{
      {"auto", LogTarget::automatic}, {"journal", LogTarget::journal}, {"text", LogTarget::text}};
  std::string log = "auto";
  app.add_option("--log", log, "auto, journal or text")
      ->check(CLI::IsMember(targets).description(""))
      ->type_name("TARGET")
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kBadConfiguration;
  }
  options.log = targets.at(log);
  return std::nullopt;
}

LoadResult load(const Options& options) {
  return load_config(options.file, options.services_dir, probes::kind_checks());
}

// A client of the control socket takes one descriptor, and the soft limit is 1024 on most systems.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// heraldd keeps the capability that its unit gives it as an ambient one; vtysh and the workers do not get it.
void keep_capability_to_ourselves() {
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, CAP_NET_ADMIN, 0,
        0);  // fails where there is none, which is as good
}

void print(const std::string& line) {
  fmt::print(stderr, "{}\n", line);
}

int report_errors(const std::string& file, std::size_t count) {
  print(fmt::format("heraldd: {} error{} in the configuration ({})", count, count == 1 ? "" : "s", file));
  return kBadConfiguration;
}

std::vector<std::filesystem::path> template_dirs(const Options& options) {
  return options.template_dirs.empty() ? default_template_dirs() : options.template_dirs;
}

// How the service ended: systemd tells that under ExecStopPost= alone.
const char* service_result() {
  return std::getenv("SERVICE_RESULT");
}

// After a crash systemd starts heraldd anew at once, which adopts what is announced; a clean stop has withdrawn; and when
// systemd gives up, OnFailure= comes here by another unit. So for ExecStopPost= there is work only after a stop that had
// to be forced.
bool somebody_else_decides() {
  return service_result() != nullptr && std::string_view(service_result()) != "timeout";
}

// Whoever else comes here after a handover does so because there is no successor.
bool successor_decides(const Config& config) {
  return service_result() != nullptr && HandoverMarker(config.state_dir).exists();
}

// What another user can put in these places is read, written and run with that user's rights, whoever started this.
void act_as_owner_of(std::span<const std::filesystem::path> places) {
  if (geteuid() != 0) return;
  for (const std::filesystem::path& place : places) {
    const auto owner = stranger_along(place);
    if (!owner) continue;
    if (const auto became = become_owner(*owner); !became) {
      throw std::runtime_error(
          fmt::format("nothing is withdrawn: {} is not root's, and as its owner nothing can be done: {}",
                      place.native(), became.error()));
    }
    return;
  }
}

// Where heraldd reads and writes. Whose state it is comes first: BIRD's directory is often BIRD's.
std::vector<std::filesystem::path> places_of(const Config& config) {
  std::vector<std::filesystem::path> places{config.state_dir};
  if (config.router.stack == Stack::bird) places.emplace_back(config.router.bird.include);
  return places;
}

// What is announced was announced by a configuration that was good; the files may hold an error since, or be gone.
std::optional<Config> accepted_last(const Options& options) {
  const std::string said = glimpse_path(options.file, "/state_dir").value_or(Config{}.state_dir);
  const AcceptedPlace place(options.file, options.services_dir);
  std::error_code ignored;
  if (std::filesystem::exists(place.file(), ignored)) act_as_owner_of(std::array{place.file()});
  const std::filesystem::path state_dir = place.state_dir().value_or(said);
  act_as_owner_of(std::array{state_dir});
  const AcceptedConfig accepted(state_dir);
  auto config = accepted.load(probes::kind_checks());
  print(config ? fmt::format("heraldd: going by the configuration that was accepted last ({})",
                             accepted.file().native())
               : fmt::format(
                     "nothing is withdrawn: there is no configuration that was accepted before ({}); what is "
                     "announced stays until its lease ends",
                     accepted.file().native()));
  return config;
}

int withdraw(const Options& options, Config config) {
  Loop loop;
  Log log(options.log);
  if (successor_decides(config)) {
    log.write(LogLevel::notice, "nothing is withdrawn: after a handover it is for the successor");
    return kDone;
  }
  const auto vips = options.vips ? Withdrawal::Vips::go : Withdrawal::Vips::stay;
  const auto code = withdraw_left(loop, log, config, vips, template_dirs(options));
  if (code) return *code;
  log.write(LogLevel::error, code.error());
  return kFailed;
}

// In a build, and wherever somebody has put both into one directory, the one beside this; else the package's.
std::filesystem::path helper(const char* program) {
  std::error_code error;
  const auto beside = std::filesystem::read_symlink("/proc/self/exe", error).parent_path() / program;
  return !error && std::filesystem::exists(beside, error) ? beside
                                                          : std::filesystem::path(HERALD_LIBEXEC) / program;
}

std::string user_or_nobody(const char* user) {
  return getpwnam(user) != nullptr ? user : "nobody";
}

// `mark` takes it, and icmp where there is no ping socket to be had.
bool needs_raw(const Config& config) {
  const auto needs = [](const ProbeSpec& probe) { return probe.type == "icmp" || probe.socket.mark != 0; };
  return std::ranges::any_of(config.services, [&](const ServiceSpec& service) {
    return std::ranges::any_of(service.probes, needs);
  });
}

WorkerOptions worker_options(const Options& options, const Config& config) {
  const std::uint32_t cores = std::clamp(std::thread::hardware_concurrency(), 1U, 4U);
  const std::string& user = config.workers.user;
  return {.link = {.socket = options.workers,
                   .program = helper("herald-prober"),
                   .user = user.empty() ? user_or_nobody("herald-probe") : user,
                   .raw = needs_raw(config)},
          .processes = config.workers.processes == 0 ? cores : config.workers.processes};
}

HttpOptions http_options(const Options& options) {
  return {.socket = options.http, .program = helper("herald-http"), .user = user_or_nobody("herald-http")};
}

void keep_accepted(Log& log, Writer& writer, const AcceptedConfig& accepted,
                   std::span<const ConfigText> texts) {
  const auto say = [&log](const std::string& error) {
    log.write(LogLevel::warning, "the accepted configuration cannot be kept: " + error);
  };
  if (accepted.file().empty()) return;
  auto text = accepted.text_of(texts);
  if (!text) return say(text.error());
  writer.write({.make =
                    [file = accepted.file(), text = *std::move(text)] {
                      return WriteOrder{
                          .kind = WriteOrder::Kind::replace, .file = file, .text = text, .mode = 0600};
                    },
                .done =
                    [say](const Written& written) {
                      if (!written) say(written.error().text);
                    }});
}

// Whoever takes the port while heraldd is restarted must not have the VIPs withdrawn.
bool was_accepted(const Config& config, const std::optional<std::filesystem::path>& kept_in) {
  if (config.http.listen.empty() || !kept_in) return false;
  const auto before = AcceptedConfig(*kept_in).load(probes::kind_checks());
  return before && before->http.listen == config.http.listen;
}

int serve(const Options& options, Config config, std::vector<ConfigText> texts) {
  Loop loop;
  Log log(options.log);
  Hands hands =
      (options.dry_run ? dry_run_hands : real_hands)(loop, config.state_dir, template_dirs(options));
  const auto keep = [&log, &writer = *hands.writer, accepted = AcceptedConfig(hands.keeps_in),
                     place = AcceptedPlace(options.file, options.services_dir),
                     keeps_in = hands.keeps_in](std::span<const ConfigText> texts_now) {
    keep_accepted(log, writer, accepted, texts_now);
    if (!keeps_in) return;
    if (const auto kept = place.keep(*keeps_in); !kept)
      log.write(LogLevel::info, "where the accepted configuration is cannot be kept: " + kept.error());
  };
  const auto load_again = [&options] { return load(options); };
  WorkerOptions workers = worker_options(options, config);
  const bool http_was_accepted = was_accepted(config, hands.keeps_in);
  Daemon daemon(loop, log, std::move(config),
                {.hands = std::move(hands),
                 .workers = std::move(workers),
                 .http = http_options(options),
                 .http_was_accepted = http_was_accepted,
                 .load = load_again,
                 .accepted = keep,
                 .only_checks = options.check});
  const std::vector<std::string> problems = daemon.prepare();
  for (const std::string& problem : problems) print(problem);
  if (!problems.empty()) return report_errors(options.file, problems.size());
  if (options.check) {
    fmt::print("{}: the configuration is good\n", options.file);
    return kDone;
  }
  if (auto opened = daemon.open(); !opened) {
    log.write(LogLevel::error, opened.error());
    return kFailed;
  }
  keep(std::exchange(texts, {}));
  return daemon.run();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    Options options;
    if (const auto code = parse_options(argc, argv, options)) return *code;
    if (options.withdraw && somebody_else_decides()) return kDone;
    LoadResult loaded = load(options);
    for (const std::string& warning : loaded.warnings) print("warning: " + warning);
    for (const ConfigError& error : loaded.errors) print(to_string(error));
    if (!loaded.config) {
      const int code = report_errors(options.file, loaded.errors.size());
      if (options.withdraw) loaded.config = accepted_last(options);
      if (!loaded.config) return code;
    }
    if (options.withdraw) act_as_owner_of(places_of(*loaded.config));
    keep_capability_to_ourselves();
    if (options.withdraw) return withdraw(options, std::move(*loaded.config));
    raise_descriptor_limit();
    return serve(options, std::move(*loaded.config), std::move(loaded.texts));
  } catch (const std::exception& error) {
    print(fmt::format("heraldd: {}", error.what()));
    return kFailed;
  }
}
