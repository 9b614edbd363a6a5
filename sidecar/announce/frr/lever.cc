#include "sidecar/announce/frr/lever.h"

#include <fmt/format.h>

#include <algorithm>
#include <expected>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "sidecar/announce/frr/map_shape.h"
#include "sidecar/announce/frr/origins.h"
#include "sidecar/announce/frr/owned.h"
#include "sidecar/announce/frr/progress.h"
#include "sidecar/announce/frr/socket.h"
#include "sidecar/announce/frr/transport.h"
#include "sidecar/announce/frr/view.h"
#include "sidecar/announce/router/vips_to_read.h"

namespace herald {
namespace {

// So many VIPs go into one call of vtysh; each takes it about 0.1 ms, and starting it 25 ms.
constexpr std::size_t kVipsPerCall = 500;

using Lines = std::vector<std::string>;

// An answer that was refused or cut off is none: what it does not say may well be there.
std::expected<void, std::string> is_whole(const FrrReply& reply) {
  if (reply.error) return std::unexpected(*reply.error);
  const auto bad = std::ranges::find_if_not(reply.answers, &FrrAnswer::goes_on);
  if (bad != reply.answers.end()) return std::unexpected("bgpd: " + said(bad->text));
  return {};
}

FrrObjects load_objects(std::span<const std::filesystem::path> template_dirs) {
  auto loaded = FrrObjects::load(template_dirs);
  return loaded ? std::move(*loaded) : FrrObjects::only_withdrawing(to_string(loaded.error().front()));
}

class FrrLever final : public RouterLever {
 public:
  FrrLever(Loop& loop, const Config& config, std::span<const std::filesystem::path> template_dirs,
           std::span<const Vip> leaving)
      : loop_(&loop),
        spec_(config.router),
        objects_(load_objects(template_dirs)),
        vips_(vips_to_read(config, leaving)),
        transport_(make_frr_transport(loop, config.router.vtysh)) {
    for (const ServiceSpec& service : config.services) {
      if (service.announce.via != Via::vtysh) continue;
      own_vips_.insert(service.vips.begin(), service.vips.end());
      for (const Grade grade : {Grade::healthy, Grade::degraded, Grade::draining}) {
        Policy policy = policy_of(service, grade);
        std::string name = policy.name;
        policies_.emplace(std::move(name), std::move(policy));
      }
    }
  }

  void read(OnView on_view) override;
  void apply(RouteBatch batch, OnApplied on_applied) override;
  [[nodiscard]] std::vector<std::string> commands(const RouteBatch& batch) const override;
  [[nodiscard]] std::string socket_path() const override { return frr_socket_path(spec_.vtysh); }

 private:
  // The error is a line for people, why the read ends here.
  using Taken = std::expected<void, std::string>;
  [[nodiscard]] Taken take_first(const FrrReply& reply, std::size_t least);
  [[nodiscard]] Taken take_next_hops(std::span<const FrrAnswer> answers,
                                     const std::vector<std::string>& peers);
  [[nodiscard]] Taken take_routes(std::span<const FrrAnswer> answers, const std::vector<Vip>& part);
  void take_owned(FrrOwned owned);
  [[nodiscard]] std::string as_of(const FrrOwned* owned) const;
  [[nodiscard]] std::optional<FrrMapShape> shape_of(const std::string& map, const FrrOwned& owned) const;
  [[nodiscard]] std::vector<Vip> part_from(std::size_t from) const;
  void go_on(const Taken& taken, std::size_t from);
  void finish_read(RouterView view);

  // `denials`: the list as it is, and then as it will be.
  [[nodiscard]] FrrBatch batch_of(const RouteBatch& batch, FrrDenials& denials) const;
  [[nodiscard]] FrrDenials denials_now() const { return owned_ ? owned_->denials : FrrDenials(); }
  [[nodiscard]] FrrMaps maps_for(std::span<const RouteStep> steps) const;
  void send(FrrProgress::Send send);
  void finish_apply();

  Loop* loop_;
  RouterSpec spec_;
  FrrObjects objects_;
  std::vector<Vip> vips_;
  std::set<Vip> own_vips_;                  // of services that are announced by vtysh
  std::map<std::string, Policy> policies_;  // by their names: may be asked for at any time

  std::optional<FrrOwned> owned_;  // of the last read, if there was one
  // Maps that are whole. One that merely exists may have been cut off when a herald was killed; but none is named by a
  // `network` line before it is whole.
  std::set<std::string> whole_maps_;
  FrrMapWatch watch_;
  std::map<std::string, FrrMapShape> edited_;  // by somebody else, as of the last read
  std::set<std::string> deleted_;              // the same

  OnView on_view_;
  RouterView view_;
  FrrPeers peers_;
  OnApplied on_applied_;
  std::optional<FrrProgress> progress_;
  Source later_;
  std::unique_ptr<FrrTransport> transport_;
};

void FrrLever::read(OnView on_view) {
  on_view_ = std::move(on_view);
  if (on_applied_) return;
  view_ = {.reachable = true, .error = "", .peers = {}, .routes = {}, .owned = {}};
  // The first VIPs go along: mostly they are all, and one call is half of two.
  Lines questions = frr_summary_commands(spec_);
  questions.push_back(frr_owned_command());
  const auto part = part_from(0);
  const auto peers = frr_next_hop_peers(spec_, vips_);
  for (const std::string& peer : peers) questions.push_back(frr_next_hop_command(spec_, peer));
  for (const Vip& vip : part) questions.push_back(frr_route_command(spec_, vip));
  transport_->run(std::move(questions), OnFailure::stop, [this, part, peers](const FrrReply& reply) {
    const std::span answers(reply.answers);
    Taken taken = take_first(reply, 2 + peers.size());
    if (taken) taken = take_next_hops(answers.subspan(2, peers.size()), peers);
    if (taken) taken = take_routes(answers.subspan(2 + peers.size()), part);
    go_on(taken, part.size());
  });
}

FrrLever::Taken FrrLever::take_first(const FrrReply& reply, std::size_t least) {
  if (const Taken whole = is_whole(reply); !whole) return whole;
  if (reply.answers.size() < least)
    return std::unexpected("bgpd: " + said(reply.answers.empty() ? "" : reply.answers.back().text));
  auto owned = parse_frr_owned(reply.answers[1].text, spec_, own_vips_);
  if (!owned) return std::unexpected(owned.error());
  // Even where there are no peers to speak of: whether there is an instance is what apply() asks.
  take_owned(std::move(*owned));
  auto peers = parse_frr_summary(reply.answers[0].text, spec_);
  if (!peers) return std::unexpected(peers.error());
  peers_ = std::move(*peers);
  view_.peers = peers_.peers;
  view_.fast = fast_view(owned_->denials, owned_->filters, peers_, spec_);
  return {};
}

FrrLever::Taken FrrLever::take_next_hops(std::span<const FrrAnswer> answers,
                                         const std::vector<std::string>& peers) {
  for (std::size_t index = 0; index < peers.size(); ++index) {
    const auto none = parse_frr_next_hop(answers[index].text, peers[index]);
    if (!none) return std::unexpected(none.error());
    // Which sessions such a map is for is not looked into: that it is there is an operator who knows.
    if (*none && !owned_->sets_ipv6_next_hop) peers_.ipv6_nowhere.push_back(peers[index]);
  }
  return {};
}

void FrrLever::take_owned(FrrOwned owned) {
  whole_maps_.insert(owned.used_maps.begin(), owned.used_maps.end());
  std::erase_if(whole_maps_, [&](const std::string& map) { return !owned.maps.contains(map); });
  view_.owned = owned.routes;
  for (const auto& [vip, map] : owned.missing_maps)
    view_.altered[vip] = fmt::format("somebody deleted the route-map {}", map);
  const auto changed =
      watch_.changed(owned.maps, [&](const std::string& map) { return shape_of(map, owned); });
  edited_.clear();
  deleted_.clear();
  for (const auto& [vip, map] : owned.missing_maps) deleted_.insert(map);
  for (const auto& [map, how] : changed) {
    whole_maps_.erase(map);
    if (owned.used_maps.contains(map)) edited_[map] = owned.maps.at(map);  // else nothing hangs on it
  }
  for (auto& [vip, map] : view_.owned) {
    const auto how = changed.find(map);
    if (how == changed.end()) continue;
    view_.altered[vip] = fmt::format("somebody changed the route-map {}: it {}", map, how->second);
    map.clear();
  }
  view_.fallback = fallbacks_in(owned.filters);
  view_.fallback_remains = has_remains(owned.filters);
  owned_ = std::move(owned);
}

std::string FrrLever::as_of(const FrrOwned* owned) const {
  if (spec_.as) return fmt::format("{}", *spec_.as);
  return owned != nullptr ? owned->as : "";
}

// As herald would define it; none where it would not.
std::optional<FrrMapShape> FrrLever::shape_of(const std::string& map, const FrrOwned& owned) const {
  const auto policy = policies_.find(map);
  if (policy == policies_.end()) return std::nullopt;
  const auto definition = objects_.route_map(policy->second, as_of(&owned));
  if (!definition) return std::nullopt;
  return frr_map_shape(*definition, map);
}

std::vector<Vip> FrrLever::part_from(std::size_t from) const {
  const auto begin = vips_.begin() + static_cast<std::ptrdiff_t>(from);
  return {begin, begin + static_cast<std::ptrdiff_t>(std::min(kVipsPerCall, vips_.size() - from))};
}

FrrLever::Taken FrrLever::take_routes(std::span<const FrrAnswer> answers, const std::vector<Vip>& part) {
  if (part.empty()) return {};
  std::string documents;
  for (const FrrAnswer& answer : answers) documents += answer.text;
  auto routes = parse_frr_routes(documents, part, peers_, spec_);
  if (!routes) return std::unexpected(routes.error());
  if (owned_) name_frr_origins(*routes, *owned_, own_vips_);
  view_.routes.merge(*routes);
  return {};
}

// With the VIPs from `from` on, or the end.
void FrrLever::go_on(const Taken& taken, std::size_t from) {
  if (!taken) return finish_read(unreachable(taken.error()));
  if (from >= vips_.size()) return finish_read(std::move(view_));
  const auto part = part_from(from);
  Lines questions;
  for (const Vip& vip : part) questions.push_back(frr_route_command(spec_, vip));
  transport_->run(std::move(questions), OnFailure::stop, [this, part, from](const FrrReply& reply) {
    const Taken whole = is_whole(reply);
    go_on(whole ? take_routes(reply.answers, part) : whole, from + part.size());
  });
}

void FrrLever::finish_read(RouterView view) {
  if (const OnView on_view = std::exchange(on_view_, nullptr)) on_view(std::move(view));
}

void FrrLever::apply(RouteBatch batch, OnApplied on_applied) {
  on_view_ = nullptr;
  on_applied_ = std::move(on_applied);
  FrrDenials denials = denials_now();
  progress_.emplace(batch_of(batch, denials));
  // Whatever comes of it: the next lines must not take the number of one that may be there.
  if (owned_) owned_->denials = std::move(denials);
  if (auto first = progress_->next()) return send(std::move(*first));
  later_ = loop_->timer_at(loop_->now(), [this] { finish_apply(); });
}

void FrrLever::send(FrrProgress::Send send) {
  transport_->run(std::move(send.lines), send.on_failure, [this](const FrrReply& reply) {
    progress_->take(reply);
    if (auto more = progress_->next()) return this->send(std::move(*more));
    finish_apply();
  });
}

void FrrLever::finish_apply() {
  whole_maps_.insert(progress_->defined().begin(), progress_->defined().end());
  watch_.defined(progress_->defined());
  RouteOutcomes outcomes = progress_->outcomes();
  progress_.reset();
  if (on_view_) {
    later_ = loop_->timer_at(loop_->now(), [this] {
      if (on_view_) read(std::exchange(on_view_, nullptr));
    });
  }
  const OnApplied on_applied = std::exchange(on_applied_, nullptr);
  on_applied(std::move(outcomes));
}

FrrBatch FrrLever::batch_of(const RouteBatch& batch, FrrDenials& denials) const {
  const auto refuse = [&](const std::string& why) {
    return FrrBatch{.lines = {}, .outcomes = RouteOutcomes(batch.size(), std::unexpected(why))};
  };
  const bool denies = std::ranges::any_of(
      batch.fallback, [](const FallbackStep& step) { return !step.wanted.denied.empty(); });
  if (denies && objects_.why_not()) return refuse(*objects_.why_not());
  // `router bgp AS vrf X` would create what is not there.
  if (!owned_ && spec_.vrf != "default") return refuse("bgpd was not read yet");
  if (owned_ && owned_->router_line.empty())
    return refuse(fmt::format("bgpd has no BGP instance in vrf {}", spec_.vrf));
  std::vector<FrrFallbackLines> fallback;
  for (const FallbackStep& step : batch.fallback)
    fallback.push_back(frr_fallback_lines(step, owned_ ? owned_->filters : FrrFilters{}, objects_));
  std::vector<FrrDenialLine> denial_lines;
  for (const DenialStep& step : batch.denials) denial_lines.push_back(denials.change(step));
  return frr_batch(objects_, batch.steps, owned_ ? owned_->router_line : "router bgp",
                   as_of(owned_ ? &*owned_ : nullptr), maps_for(batch.steps), fallback, denial_lines);
}

FrrMaps FrrLever::maps_for(std::span<const RouteStep> steps) const {
  FrrMaps maps{.defined = whole_maps_, .doubtful = {}, .unused = {}, .deleted = deleted_};
  if (!owned_) return maps;
  for (const auto& [map, shape] : owned_->maps) {
    if (const auto edited = edited_.find(map); edited != edited_.end()) {
      maps.edited.insert(*edited);
    } else if (!whole_maps_.contains(map)) {
      maps.doubtful.insert(map);
    }
    const bool is_wished = std::ranges::any_of(
        steps, [&](const RouteStep& step) { return step.policy && step.policy->name == map; });
    // As of the last read: what these steps leave unused goes with the next ones, for some of them may fail.
    if (!is_wished && !policies_.contains(map) && !owned_->used_maps.contains(map)) maps.unused.insert(map);
  }
  return maps;
}

std::vector<std::string> FrrLever::commands(const RouteBatch& batch) const {
  FrrDenials denials = denials_now();
  const FrrBatch written = batch_of(batch, denials);
  std::vector<std::string> lines;
  for (std::size_t index = 0; index < batch.steps.size(); ++index) {
    // A comment in FRR's own language.
    if (!written.outcomes[index])
      lines.push_back(
          fmt::format("! {}: {}", batch.steps[index].vip.prefix, written.outcomes[index].error()));
  }
  for (const FrrLine& line : written.lines) lines.push_back(line.text);
  return lines;
}

}  // namespace

std::unique_ptr<RouterLever> make_frr_lever(Loop& loop, const Config& config,
                                            std::span<const std::filesystem::path> template_dirs,
                                            std::span<const Vip> leaving) {
  return std::make_unique<FrrLever>(loop, config, template_dirs, leaving);
}

}  // namespace herald
