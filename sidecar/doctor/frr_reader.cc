// Asks bgpd and zebra by vtysh, and reads the files that FRR starts from.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <iterator>
#include <utility>

#include "sidecar/announce/frr/view.h"
#include "sidecar/announce/router/questions.h"
#include "sidecar/announce/router/vips_to_read.h"
#include "sidecar/doctor/facts_reader.h"
#include "sidecar/doctor/frr_facts.h"
#include "sidecar/doctor/frr_filters.h"
#include "sidecar/os/text_file.h"

namespace herald {
namespace {

constexpr std::size_t kVipsPerCall = 500;
constexpr std::string_view kConfigDir = "/etc/frr";
constexpr std::string_view kSocketDir = "/run/frr";
constexpr std::array kListCommands{"show ip prefix-list json", "show ipv6 prefix-list json"};

class FrrFactsReader final : public FactsReader {
 public:
  FrrFactsReader(Loop& loop, const Config& config)
      : spec_(config.router), vips_(vips_to_read(config)), questions_(loop) {}

  void read(OnFacts on_facts) override {
    on_facts_ = std::move(on_facts);
    facts_ = {};
    lists_ = {};
    lists_told_ = 0;
    ask("bgpd", {"show version"}, [this](const std::string& text) {
      facts_.version = parse_frr_version(text);
      facts_.reachable = !facts_.version.empty();
      if (!facts_.reachable) facts_.error = text.substr(0, text.find('\n'));
      if (facts_.reachable) plan();
    });
    questions_.run([this] {
      // Of a list that was not told nobody knows what it lets through; one that is not there lets nothing.
      if (facts_.reachable && lists_told_ == std::size(kListCommands)) {
        judge_outbound_lists(lists_, vips_, facts_);
        judge_maps(lists_, vips_, facts_);
        judge_fast_list(lists_, facts_);
      }
      read_files();
      if (const OnFacts done = std::exchange(on_facts_, nullptr)) done(std::move(facts_));
    });
  }

 private:
  using Take = std::function<void(const std::string& text)>;

  // One daemon alone: another that hangs would block a plain vtysh for ever. What is not answered stays unknown, but
  // for the first error, which is shown.
  void ask(std::string_view daemon, const std::vector<std::string>& commands, Take take) {
    std::vector<std::string> argv{spec_.vtysh.path};
    if (!spec_.vtysh.pathspace.empty()) argv.insert(argv.end(), {"-N", spec_.vtysh.pathspace});
    // Given only where it has to be: with it vtysh drops its setgid rights.
    if (spec_.vtysh.socket_dir != kSocketDir)
      argv.insert(argv.end(), {"--vty_socket", spec_.vtysh.socket_dir});
    argv.insert(argv.end(), {"-d", std::string(daemon)});
    for (const std::string& command : commands) argv.insert(argv.end(), {"-c", command});
    ask_argv(std::move(argv), std::move(take));
  }

  void ask_argv(std::vector<std::string> argv, Take take) {
    questions_.ask(std::move(argv), spec_.vtysh.timeout, [this, take = std::move(take)](auto text) {
      if (text) return take(*text);
      note(text.error());
    });
  }

  void note(const std::string& problem) {
    if (!facts_.error) facts_.error = problem;
  }

  void plan() {
    const std::string vrf = spec_.vrf == "default" ? "" : fmt::format("vrf {} ", spec_.vrf);
    ask_argv({spec_.vtysh.path, "--help"},
             [this](const std::string& text) { facts_.client_version = parse_vtysh_version(text); });
    ask("bgpd", {"show running-config"},
        [this](const std::string& text) { parse_frr_config(text, spec_.vrf, facts_.frr); });
    ask("zebra", {"show running-config"}, [this](const std::string& text) {
      if (text.contains("\nCurrent configuration:")) facts_.frr.work_queue_ms = parse_zebra_work_queue(text);
    });
    for (const char* command : kListCommands)
      ask("bgpd", {command}, [this](const std::string& text) {
        if (const auto taken = parse_frr_prefix_lists(text, lists_); !taken) {
          note(taken.error());
        } else {
          ++lists_told_;
        }
      });
    ask("bgpd", {fmt::format("show bgp {}neighbors json", vrf)}, [this, vrf](const std::string& text) {
      auto peers = parse_frr_neighbors(text, spec_);
      if (!peers) note(peers.error());
      if (peers) facts_.peers = *std::move(peers);
      for (const char* family : {"ip", "ipv6"})
        ask("zebra", {fmt::format("show {} nht {}", family, vrf)},
            [this](const std::string& answer) { parse_frr_nht(answer, facts_.peers); });
      plan_vips();
    });
  }

  void plan_vips() {
    for (std::size_t from = 0; from < vips_.size(); from += kVipsPerCall) {
      const std::size_t to = std::min(from + kVipsPerCall, vips_.size());
      const std::vector<Vip> part(vips_.begin() + static_cast<std::ptrdiff_t>(from),
                                  vips_.begin() + static_cast<std::ptrdiff_t>(to));
      std::vector<std::string> commands;
      commands.reserve(part.size());
      for (const Vip& vip : part) commands.push_back(frr_route_command(spec_, vip));
      ask("bgpd", commands, [this, part](const std::string& text) {
        auto vips = parse_frr_vips(text, part, facts_.peers);
        if (!vips) note(vips.error());
        if (vips) facts_.vips.merge(*vips);
      });
    }
  }

  // Integrated or one a daemon; which of them counts is not asked, for the other is a mistake in waiting.
  void read_files() {
    const std::filesystem::path dir = std::filesystem::path(kConfigDir) / spec_.vtysh.pathspace;
    for (const char* name : {"frr.conf", "bgpd.conf", "zebra.conf"}) {
      const std::filesystem::path file = dir / name;
      std::error_code error;
      const bool exists = std::filesystem::exists(file, error);
      if (!exists && !error) continue;
      const auto text = read_text_file(file);
      if (!text) {
        facts_.unreadable.push_back({file, text.error()});
        continue;
      }
      for (std::string& line : saved_frr_denials(*text))
        facts_.saved_denials.push_back({file, std::move(line)});
      for (std::string& line : saved_frr_lines(*text, vips_)) facts_.saved.push_back({file, std::move(line)});
    }
  }

  RouterSpec spec_;
  std::vector<Vip> vips_;
  OnFacts on_facts_;
  RouterFacts facts_;
  PrefixLists lists_;
  std::size_t lists_told_ = 0;  // of kListCommands
  Questions questions_;
};

}  // namespace

std::unique_ptr<FactsReader> make_frr_facts_reader(Loop& loop, const Config& config) {
  return std::make_unique<FrrFactsReader>(loop, config);
}

}  // namespace herald
