// Reads back from bgpd by vtysh: the summary, then the VIPs.
#include <algorithm>
#include <utility>

#include "sidecar/announce/command.h"
#include "sidecar/announce/frr_view.h"
#include "sidecar/announce/router_reader.h"

namespace herald {
namespace {

// So many VIPs go into one call of vtysh; each takes it about 0.1 ms, and starting it 25 ms.
constexpr std::size_t kVipsPerCall = 500;

class FrrReader final : public RouterReader {
 public:
  FrrReader(Loop& loop, const RouterSpec& spec, std::vector<Vip> vips)
      : spec_(spec), vips_(std::move(vips)), command_(loop) {}

  void read(OnView on_view) override {
    on_view_ = std::move(on_view);
    view_ = {.reachable = true, .error = "", .peers = {}, .routes = {}};
    command_.run(vtysh(frr_summary_commands(spec_)), spec_.vtysh.timeout, [this](auto text) {
      if (!text) return finish(unreachable(text.error()));
      auto peers = parse_frr_summary(*text, spec_);
      if (!peers) return finish(unreachable(peers.error()));
      peers_ = std::move(*peers);
      view_.peers = peers_.peers;
      read_routes(0);
    });
  }

 private:
  // bgpd alone: one hung daemon blocks a plain vtysh for ever.
  [[nodiscard]] std::vector<std::string> vtysh(const std::vector<std::string>& commands) const {
    std::vector<std::string> argv{spec_.vtysh.path};
    if (!spec_.vtysh.pathspace.empty()) argv.insert(argv.end(), {"-N", spec_.vtysh.pathspace});
    argv.insert(argv.end(), {"-d", "bgpd"});
    for (const std::string& command : commands) argv.insert(argv.end(), {"-c", command});
    return argv;
  }

  void read_routes(std::size_t from) {
    if (from >= vips_.size()) return finish(std::move(view_));
    const std::size_t to = std::min(from + kVipsPerCall, vips_.size());
    const std::vector<Vip> part(vips_.begin() + static_cast<std::ptrdiff_t>(from),
                                vips_.begin() + static_cast<std::ptrdiff_t>(to));
    std::vector<std::string> commands;
    commands.reserve(part.size());
    for (const Vip& vip : part) commands.push_back(frr_route_command(spec_, vip));
    command_.run(vtysh(commands), spec_.vtysh.timeout, [this, part, to](auto text) {
      if (!text) return finish(unreachable(text.error()));
      auto routes = parse_frr_routes(*text, part, peers_, spec_);
      if (!routes) return finish(unreachable(routes.error()));
      view_.routes.merge(*routes);
      read_routes(to);
    });
  }

  void finish(RouterView view) {
    if (const OnView on_view = std::exchange(on_view_, nullptr)) on_view(std::move(view));
  }

  RouterSpec spec_;
  std::vector<Vip> vips_;
  OnView on_view_;
  RouterView view_;
  FrrPeers peers_;
  Command command_;
};

}  // namespace

std::unique_ptr<RouterReader> make_frr_reader(Loop& loop, const RouterSpec& spec, std::vector<Vip> vips) {
  return std::make_unique<FrrReader>(loop, spec, std::move(vips));
}

}  // namespace herald
