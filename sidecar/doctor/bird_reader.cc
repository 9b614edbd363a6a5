// Asks BIRD by birdc, and looks into bird.conf for herald's file.
#include <algorithm>
#include <filesystem>
#include <utility>

#include "sidecar/announce/bird/view.h"
#include "sidecar/announce/router/questions.h"
#include "sidecar/announce/router/vips_to_read.h"
#include "sidecar/doctor/bird_facts.h"
#include "sidecar/doctor/facts_reader.h"
#include "sidecar/os/text_file.h"
#include "sidecar/text/address.h"

namespace herald {
namespace {

class BirdFactsReader final : public FactsReader {
 public:
  BirdFactsReader(Loop& loop, const Config& config)
      : spec_(config.router), vips_(vips_to_read(config)), questions_(loop) {}

  void read(OnFacts on_facts) override {
    on_facts_ = std::move(on_facts);
    facts_ = {};
    ask("show protocols all", [this](const std::string& text) {
      facts_.version = parse_bird_version(text);
      facts_.reachable = !facts_.version.empty();
      if (!facts_.reachable) facts_.error = text.substr(0, text.find('\n'));
      imports_ = parse_bird_protocols(text).value_or(BirdProtocols());
      if (facts_.reachable) take_protocols(parse_bird_facts(text, spec_));
    });
    questions_.run([this] {
      judge_vips();
      if (!facts_.bird.has_include.value_or(false)) look_for_include();
      if (const OnFacts done = std::exchange(on_facts_, nullptr)) done(std::move(facts_));
    });
  }

 private:
  void ask(std::string command, std::function<void(const std::string&)> take) {
    questions_.ask({spec_.bird.birdc, "-s", spec_.bird.socket, std::move(command)}, spec_.bird.timeout,
                   [this, take = std::move(take)](auto text) {
                     if (text) return take(*text);
                     if (!facts_.error) facts_.error = text.error();
                   });
  }

  void take_protocols(BirdProtocolFacts protocols) {
    facts_.peers = protocols.peers;
    facts_.bird.has_direct = protocols.has_direct;
    if (protocols.has_herald) facts_.bird.has_include = true;
    for (const Vip& vip : vips_) facts_.vips[vip].import = bird_import(imports_, is_ipv6(vip));
    for (std::string& command : bird_table_commands(vips_)) {
      ask(std::move(command), [this](const std::string& text) {
        const auto found = parse_bird_origins(text);
        for (const auto& [vip, names] : found.value_or(BirdOrigins())) {
          VipFacts& facts = facts_.vips[vip];
          facts.in_rib = true;
          for (OtherOrigin& other : bird_others(imports_, names)) facts.others.push_back(std::move(other));
        }
      });
    }
    for (std::size_t i = 0; i < protocols.peers.size(); ++i) {
      if (!protocols.peers[i].established) continue;
      for (std::string& command : bird_export_commands(vips_, protocols.names[i])) {
        ask(std::move(command), [this, address = protocols.peers[i].address](const std::string& text) {
          const auto found = parse_bird_routes(text);
          for (const Vip& vip : found.value_or(std::set<Vip>()))
            facts_.vips[vip].advertised_to.push_back(address);
        });
      }
    }
  }

  void judge_vips() {
    for (auto& [vip, facts] : facts_.vips) {
      if (!facts.in_rib) continue;
      const std::size_t family = is_ipv6(vip) ? kIpv6 : kIpv4;
      for (const PeerFacts& peer : facts_.peers) {
        if (!peer.established || !peer.families.at(family).active) continue;
        if (std::ranges::find(facts.advertised_to, peer.address) == facts.advertised_to.end())
          facts.missing_from.push_back(peer.address);
      }
    }
  }

  // BIRD does not tell which file it has read: the one beside herald's, or the usual ones.
  void look_for_include() {
    const std::filesystem::path file = spec_.bird.include;
    for (const std::filesystem::path& conf :
         {file.parent_path() / "bird.conf", std::filesystem::path("/etc/bird/bird.conf"),
          std::filesystem::path("/etc/bird.conf")}) {
      std::error_code error;
      if (!std::filesystem::exists(conf, error) && !error) continue;
      facts_.bird.config_file = conf;
      const auto text = read_text_file(conf);
      if (text) {
        facts_.bird.has_include = includes(*text, file);
      } else {
        facts_.unreadable.push_back({conf, text.error()});
      }
      return;
    }
  }

  RouterSpec spec_;
  std::vector<Vip> vips_;
  OnFacts on_facts_;
  RouterFacts facts_;
  BirdProtocols imports_;
  Questions questions_;
};

}  // namespace

std::unique_ptr<FactsReader> make_bird_facts_reader(Loop& loop, const Config& config) {
  return std::make_unique<BirdFactsReader>(loop, config);
}

}  // namespace herald
