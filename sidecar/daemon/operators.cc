#include "sidecar/daemon/operators.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

namespace herald {
namespace {

// Each time syncs a file. When a thousand services fail, that must not be done for each of them.
constexpr Duration kKeepEvery = std::chrono::seconds(1);

}  // namespace

Operators::Operators(Loop& loop, Log& log, const Controller& controller, StateFile state, Writer& writer,
                     const std::optional<std::filesystem::path>& keeps_in, Daemon daemon)
    : loop_(loop),
      log_(log),
      controller_(controller),
      writer_(writer),
      daemon_(std::move(daemon)),
      operations_(std::move(state), writer,
                  [this](const std::string& said) { log_.write(LogLevel::warning, said); }),
      handover_(keeps_in),
      keep_timer_(loop.timer([] {})) {}  // its turn ends in keep()

void Operators::hear() {
  std::vector<std::string> names;
  for (const ServiceSpec& service : controller_.config().services) names.push_back(service.name);
  const Operations::Start said = operations_.start(names, daemon_.clocks());
  if (said.problem) log_.write(LogLevel::error, *said.problem);
  tell_all(said);
}

void Operators::hear_of(std::span<const std::string> added) {
  tell_all(operations_.standing(added, daemon_.clocks()));
}

void Operators::tell_all(const Operations::Start& said) {
  for (const event::Administer& word : said.words) daemon_.tell(word);
  for (const event::Recall& recall : said.recalls) daemon_.tell(recall);
}

std::expected<void, std::string> Operators::open() {
  auto socket = ControlSocket::open(controller_.config().control);
  if (!socket) return std::unexpected(socket.error());
  const ControlSource source{
      .snapshot = daemon_.snapshot,
      .clocks = daemon_.clocks,
      .seen = daemon_.seen,
      .plan = daemon_.plan,
      .history = daemon_.history,
      .finish =
          [this](std::uint64_t client, const VarlinkReply& reply) {
            if (control_) control_->finish(client, reply);
          },
      .probe = [this](const ProbeRequest& request, std::uint64_t client) { probe(request, client); },
      .administer = [this](const AdminRequest& request,
                           OnDone done) { administer(request, std::move(done)); },
      .clear_damping = [this](std::span<const std::string> services, const std::string& who,
                              OnDone done) { clear_damping(services, who, std::move(done)); },
      .adopt = [this](const std::string& service, const std::string& who,
                      ControlSource::OnAdopted done) { adopt(service, who, std::move(done)); },
      .reload = daemon_.reload,
      .hand_over = [this](OnDone done) { hand_over(std::move(done)); },
      .disk_silent_since = [this] { return writer_.silent_since(); }};
  auto server = ControlServer::start(loop_, std::move(*socket),
                                     VarlinkService(control_info(), control_interface(source)));
  if (!server) return std::unexpected(server.error());
  control_ = std::move(*server);
  control_->turn_lookers_away_while(daemon_.is_short);
  if (const auto& warning = control_->warning()) log_.write(LogLevel::warning, *warning);
  return {};
}

void Operators::administer(const AdminRequest& request, OnDone done) {
  const bool is_drain = request.state == AdminState::drain;
  operations_.administer(
      request, daemon_.clocks(), [this, is_drain, done = std::move(done)](const auto& words) {
        if (!words) {
          log_.write(LogLevel::error, "nothing was changed, because it could not be kept: " + words.error());
          return done(std::unexpected(words.error()));
        }
        for (const event::Administer& word : *words) daemon_.tell(word);
        // Who waits for a withdrawal waits for a read that is later than his word, also where nothing had to be withdrawn.
        if (is_drain) daemon_.tell(event::RouterChanged{});
        daemon_.settle();  // the answer is about a decision that was taken
        done({});
      });
}

void Operators::clear_damping(std::span<const std::string> services, const std::string& who, OnDone done) {
  operations_.clear_damping({services.begin(), services.end()}, who,
                            [this, done = std::move(done)](const auto& words) {
                              if (!words) return done(std::unexpected(words.error()));
                              for (const event::ClearDamping& word : *words) daemon_.tell(word);
                              done({});
                            });
}

// Nothing is kept: the mark on the address is what the next herald goes by.
void Operators::adopt(const std::string& service, const std::string& who, ControlSource::OnAdopted done) {
  const auto& services = controller_.config().services;
  const auto spec = std::ranges::find(services, service, &ServiceSpec::name);
  if (spec != services.end() && spec->announce.via != Via::loopback && !spec->announce.manage_vip) {
    return done(std::unexpected(fmt::format(
        "{0} has `manage_vip: false`: its address is somebody else's to manage, also when {0} is down",
        service)));
  }
  adoptions_.push_back({service, controller_.foreign_addresses(service), std::move(done)});
  daemon_.tell(event::Adopt{service, who});
}

void Operators::answer_adoptions() {
  for (const Adoption& adoption : std::exchange(adoptions_, {})) {
    const std::vector<AddressKey> left = controller_.foreign_addresses(adoption.service);
    std::vector<std::string> taken;
    for (const AddressKey& key : adoption.addresses) {
      std::string text = fmt::format("{} on {}", key.vip.prefix, key.interface);
      if (std::ranges::find(left, key) == left.end()) {
        taken.push_back(std::move(text));
      } else {
        adoption.done(std::unexpected(
            fmt::format("{} is not taken over; heraldctl why {} has the reason", text, adoption.service)));
        taken.clear();
        break;
      }
    }
    if (!taken.empty() || adoption.addresses.empty()) adoption.done(taken);
  }
}

// The caller has his answer before anything else happens, which may be the end.
void Operators::hand_over(OnDone done) {
  handover_.write(writer_, [this, done = std::move(done)](const Written& written) {
    if (!written) {
      log_.write(LogLevel::error, "no handover, because it could not be kept: " + written.error().text);
      return done(std::unexpected(written.error().text));
    }
    log_.write(LogLevel::notice, "handover: stopping, with everything left announced");
    done({});
    daemon_.tell(event::Handover{});
  });
}

// The loop settles before it sleeps, and not now: the client has to be waiting before it can be answered.
void Operators::probe(const ProbeRequest& request, std::uint64_t client) {
  std::vector<ProbeId> chosen = controller_.probes_of(request.service);
  if (request.probe)
    std::erase_if(chosen, [&](ProbeId id) { return controller_.probe(id).name != *request.probe; });
  const std::uint64_t ticket = probe_requests_.begin(client, chosen);
  for (const ProbeId id : chosen) daemon_.tell(event::ProbeNow{id, ticket, request.counts});
}

void Operators::probed(const effect::Probed& effect) {
  const auto answer = probe_requests_.take(effect, controller_.probe(effect.probe));
  if (answer && control_) control_->finish(answer->client, answer->reply);
}

void Operators::reloaded(std::uint64_t client, const Reloaded& reloaded) {
  if (control_) control_->finish(client, reload_reply(reloaded));
}

void Operators::publish(const nlohmann::ordered_json& parameters) {
  if (control_) control_->publish(parameters);
}

void Operators::remember(const effect::Remember& effect) {
  operations_.remember(effect, daemon_.clocks());
}

void Operators::keep() {
  if (!operations_.has_unkept()) return;
  const TimePoint now = loop_.now();
  if (now >= keep_at_) {
    operations_.flush(daemon_.clocks());
    keep_at_ = now + kKeepEvery;
  }
  if (operations_.has_unkept()) keep_timer_.set_time(keep_at_);
}

}  // namespace herald
