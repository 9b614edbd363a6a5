#include "sidecar/config/service.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "sidecar/config/announce.h"
#include "sidecar/config/fields.h"
#include "sidecar/text/address.h"
#include "sidecar/text/address_words.h"

namespace herald {

namespace {

// Enough to correct at once; the rest of a hostile file is not worth the memory.
constexpr std::size_t kMostErrors = 1000;
constexpr double kLargestPenalty = 1'000'000;

// Where something is, for errors elsewhere; `below` is the rest of the pointer.
std::string place_of(const ObjectReader& object, const std::string& below = "") {
  const std::string pointer = object.pointer() + below;
  return pointer.empty() ? object.file() : object.file() + ": " + pointer;
}

void read_require(ObjectReader& service, std::size_t gates, Require& out) {
  const nlohmann::json* value = service.value("require");
  if (value == nullptr) return;
  if (*value == "all" || *value == "any") {
    out.kind = *value == "all" ? Require::Kind::all : Require::Kind::any;
    return;
  }
  if (!value->is_object()) {
    service.fail("require", R"(must be "all", "any" or {"at_least": n}, not )" + shown(*value));
    return;
  }
  auto object = service.object("require");
  std::uint32_t count = 0;
  if (object->require("at_least") && object->read("at_least", count, 1, kMostProbes)) {
    out = {Require::Kind::at_least, count};
    if (count > gates)
      object->fail("at_least", fmt::format("{} gates are required, and there are {}", count, gates));
  }
  object->finish();
}

// The penalty decays by half each half_life, and max_suppress bounds how long a service may be held: so it
// never exceeds the ceiling, and a ceiling below `suppress` would damp nothing, silently.
void check_ceiling(ObjectReader& object, const Damping& damping) {
  const std::chrono::duration<double> half_life = damping.half_life;
  const std::chrono::duration<double> max_suppress = damping.max_suppress;
  const double ceiling = damping.reuse * std::exp2(max_suppress / half_life);
  if (ceiling >= damping.suppress) return;
  object.fail(
      "max_suppress",
      fmt::format("never suppresses: in {} with half_life {} a penalty above reuse {} can be at most {:.0f}, "
                  "and suppress is {}; make max_suppress longer",
                  to_string(damping.max_suppress), to_string(damping.half_life), damping.reuse, ceiling,
                  damping.suppress));
}

void read_damping(ObjectReader& service, std::optional<Damping>& out) {
  const nlohmann::json* value = service.value("damping");
  if (value != nullptr && *value == "off") return;
  auto object = service.object("damping");
  if (!object) return;
  const std::size_t errors_before = object->errors().size();
  Damping damping;
  object->read("half_life", damping.half_life, 1s, 24h);
  object->read("suppress", damping.suppress, 1, kLargestPenalty);
  object->read("reuse", damping.reuse, 1, kLargestPenalty);
  object->read("max_suppress", damping.max_suppress, 1s, 24h);
  object->finish();
  if (object->errors().size() != errors_before) return;
  if (damping.reuse >= damping.suppress) {
    object->fail("reuse",
                 fmt::format("{} must be below suppress, which is {}", damping.reuse, damping.suppress));
  } else {
    check_ceiling(*object, damping);
  }
  out = damping;
}

void read_unknown_limit(ObjectReader& service, std::optional<Duration>& limit) {
  const nlohmann::json* value = service.value("unknown_limit");
  if (value != nullptr && *value == "off") return;
  Duration read{};
  if (service.read("unknown_limit", read, 1s, 24h)) limit = read;
}

}  // namespace

void ServiceReader::read_list(ObjectReader& document) {
  document.each_object("services", [this](ObjectReader& service, std::size_t /*index*/) { read(service); });
}

void ServiceReader::read(ObjectReader& service) {
  if (is_full(service)) return;
  ServiceSpec spec;
  read_service_name(service, spec.name);
  read_vips(service, spec);
  const bool lever_known = read_announce(service, spec.announce, warnings_);
  read_drain(service, spec.drain);
  note_place(service, spec, lever_known);
  read_probes(service, spec.probes);
  const auto gates = std::ranges::count(spec.probes, Role::gate, &ProbeSpec::role);
  read_require(service, static_cast<std::size_t>(gates), spec.require);
  service.read("hold_down", spec.hold_down, 0s, 24h);
  read_damping(service, spec.damping);
  service.read("adopt_timeout", spec.adopt_timeout, 1s, 1h);
  read_unknown_limit(service, spec.unknown_limit);
  service.read("on_exit", spec.on_exit);
  service.finish();
  services_.push_back(std::move(spec));
}

void ServiceReader::note_place(const ObjectReader& service, const ServiceSpec& spec, bool lever_known) {
  places_.push_back({service.file(), service.pointer()});
  const bool removes =
      (lever_known && spec.announce.via == Via::loopback) || spec.announce.vip_on_down == VipOnDown::remove;
  for (const Vip& vip : spec.vips) {
    if (removes) removed_vips_.insert(vip.prefix);
  }
}

std::vector<ServiceSpec> ServiceReader::finish(const RouterSpec* router) {
  for (std::size_t index = 0; router != nullptr && index < services_.size(); ++index) {
    const auto& [file, pointer] = places_[index];
    if (errors_.size() < kMostErrors) fit_lever(services_[index].announce, *router, file, pointer, errors_);
  }
  check_needs();
  check_commands();
  return std::move(services_);
}

bool ServiceReader::is_full(ObjectReader& service) {
  if (stopped_) return true;
  if (services_.size() >= kMostServices) {
    service.fail("", fmt::format("more than {} services", kMostServices));
    stopped_ = true;
  } else if (errors_.size() >= kMostErrors) {
    service.fail("", "too many errors; what follows is not checked");
    stopped_ = true;
  }
  return stopped_;
}

void ServiceReader::read_service_name(ObjectReader& service, std::string& name) {
  if (!service.require("name") || !read_name(service, "name", name)) return;
  const auto [taken, is_new] = name_places_.emplace(name, place_of(service));
  if (!is_new) service.fail("name", fmt::format("\"{}\" is already the service at {}", name, taken->second));
}

void ServiceReader::read_vips(ObjectReader& service, ServiceSpec& spec) {
  std::vector<std::string> texts;
  if (!service.require("vips") || !service.read("vips", texts)) return;
  if (texts.empty() || texts.size() > kMostVips) {
    service.fail("vips", fmt::format("must be 1 to {} addresses, not {}", kMostVips, texts.size()));
    return;
  }
  for (std::size_t i = 0; i < texts.size(); ++i) {
    auto vip = parse_vip(texts[i]);
    if (!vip) {
      service.fail_element("vips", i, vip.error());
      continue;
    }
    const auto [taken, is_new] =
        vip_places_.emplace(vip->prefix, place_of(service, fmt::format("/vips/{}", i)));
    if (is_new) {
      spec.vips.push_back(*std::move(vip));
    } else {
      service.fail_element("vips", i, fmt::format("{} is already the VIP at {}", vip->prefix, taken->second));
    }
  }
}

void ServiceReader::read_probes(ObjectReader& service, std::vector<ProbeSpec>& probes) {
  if (!service.require("probes")) return;
  const nlohmann::json* value = service.value("probes");
  if (value->is_array() && (value->empty() || value->size() > kMostProbes)) {
    service.fail("probes", fmt::format("must be 1 to {} probes, not {}", kMostProbes, value->size()));
    return;
  }
  const std::size_t errors_before = errors_.size();
  std::map<std::string, std::size_t> indices;
  const bool is_array = service.each_object("probes", [&](ObjectReader& probe, std::size_t index) {
    ReadProbe read = probes_.read(probe, index);
    const auto [taken, is_new] = indices.emplace(read.spec.name, index);
    if (!is_new && !read.spec.type.empty()) {
      const char* key = probe.json().contains("name") ? "name" : "";
      probe.fail(key, fmt::format("\"{}\" is already the name of {}/probes/{}", read.spec.name,
                                  service.pointer(), taken->second));
    }
    note_needs(probe, read);
    probes.push_back(std::move(read.spec));
  });
  const bool has_gate = std::ranges::count(probes, Role::gate, &ProbeSpec::role) > 0;
  if (is_array && !has_gate && errors_.size() == errors_before) {
    service.fail("probes", R"(no probe has the role "gate", so nothing could take the service down)");
  }
}

void ServiceReader::note_needs(const ObjectReader& probe, const ReadProbe& read) {
  const SocketOptions& socket = read.spec.socket;
  // Bound to lo, a probe of an address that is gone fails at once; unbound, its packets leave for another
  // site.
  if (read.target && socket.bind_device != "lo") {
    needs_.push_back({*read.target, false, probe.file(), probe.pointer()});
  }
  if (const auto source = parse_address(socket.source)) {
    needs_.push_back({*source, true, probe.file(), probe.pointer()});
  }
  if (read.spec.type == "exec") commands_.push_back({read.spec.settings, probe.file(), probe.pointer()});
}

void ServiceReader::check_needs() {
  for (const auto& need : needs_) {
    const std::string address = to_string(need.address);
    const auto vip = vip_places_.find(fmt::format("{}/{}", address, need.address.prefix_length));
    if (vip == vip_places_.end() || !removed_vips_.contains(vip->first) || errors_.size() >= kMostErrors)
      continue;
    const std::string_view consequence =
        need.is_source
            ? "once removed, the probe could never pass again; use the node's own address"
            : "once removed, the probe would hear another site; probe 127.0.0.1 or the node's own address, "
              "or set \"bind_device\": \"lo\"";
    errors_.push_back({need.file, need.pointer,
                       fmt::format("the {} {} is a VIP that herald itself removes ({}): {}",
                                   need.is_source ? "source" : "target", address, vip->second, consequence)});
  }
}

// What a command does with a word, nobody knows: it is no error.
void ServiceReader::check_commands() {
  for (const Command& command : commands_) {
    for (const std::string& vip : removed_vips_) {
      const Address address = address_of(Vip{vip});
      if (!names_address(command.settings, address)) continue;
      warnings_.push_back(to_string(ConfigError{
          command.file, command.pointer + "/command",
          fmt::format(
              "names {}, a VIP that herald itself removes ({}): once removed, another site would answer; "
              "have it ask 127.0.0.1 or the node's own address",
              to_string(address), vip_places_.at(vip))}));
    }
  }
}

}  // namespace herald
