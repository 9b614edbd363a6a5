#include "sidecar/core/types.h"

#include <array>
#include <utility>

#include "sidecar/core/config.h"

namespace herald {
namespace {

template <typename Enum>
using Name = std::pair<Enum, std::string_view>;

constexpr std::array kVerdicts{
    Name<Verdict>{Verdict::pass, "pass"},
    Name<Verdict>{Verdict::warn, "warn"},
    Name<Verdict>{Verdict::fail, "fail"},
    Name<Verdict>{Verdict::inconclusive, "inconclusive"},
};

constexpr std::array kReasons{
    Name<Reason>{Reason::none, ""},
    Name<Reason>{Reason::timeout, "timeout"},
    Name<Reason>{Reason::refused, "refused"},
    Name<Reason>{Reason::reset, "reset"},
    Name<Reason>{Reason::unreachable, "unreachable"},
    Name<Reason>{Reason::tls, "tls"},
    Name<Reason>{Reason::protocol, "protocol"},
    Name<Reason>{Reason::status, "status"},
    Name<Reason>{Reason::header, "header"},
    Name<Reason>{Reason::body, "body"},
    Name<Reason>{Reason::json, "json"},
    Name<Reason>{Reason::too_large, "too_large"},
    Name<Reason>{Reason::rcode, "rcode"},
    Name<Reason>{Reason::answer, "answer"},
    Name<Reason>{Reason::latency, "latency"},
    Name<Reason>{Reason::expiry, "expiry"},
    Name<Reason>{Reason::resolve, "resolve"},
    Name<Reason>{Reason::local, "local"},
    Name<Reason>{Reason::late, "late"},
    Name<Reason>{Reason::inverted, "inverted"},
};

constexpr std::array kProbeStates{
    Name<ProbeState>{ProbeState::unknown, "unknown"}, Name<ProbeState>{ProbeState::rising, "rising"},
    Name<ProbeState>{ProbeState::up, "up"},           Name<ProbeState>{ProbeState::falling, "falling"},
    Name<ProbeState>{ProbeState::down, "down"},
};

constexpr std::array kHealths{
    Name<Health>{Health::unknown, "unknown"},
    Name<Health>{Health::healthy, "healthy"},
    Name<Health>{Health::degraded, "degraded"},
    Name<Health>{Health::unhealthy, "unhealthy"},
};

constexpr std::array kGradeNames{
    Name<Grade>{Grade::healthy, "healthy"},
    Name<Grade>{Grade::degraded, "degraded"},
    Name<Grade>{Grade::draining, "draining"},
};

constexpr std::array kAdminStates{
    Name<AdminState>{AdminState::automatic, "auto"},
    Name<AdminState>{AdminState::drain, "drain"},
    Name<AdminState>{AdminState::force, "force"},
};

constexpr std::array kVias{
    Name<Via>{Via::loopback, "loopback"},
    Name<Via>{Via::vtysh, "vtysh"},
    Name<Via>{Via::birdc, "birdc"},
};

constexpr std::array kServiceStates{
    Name<ServiceState>{ServiceState::adopting, "adopting"},
    Name<ServiceState>{ServiceState::withdrawn, "withdrawn"},
    Name<ServiceState>{ServiceState::announcing, "announcing"},
    Name<ServiceState>{ServiceState::announced, "announced"},
    Name<ServiceState>{ServiceState::draining, "draining"},
    Name<ServiceState>{ServiceState::withdrawing, "withdrawing"},
    Name<ServiceState>{ServiceState::held, "held"},
};

constexpr std::array kSubjects{
    Name<Subject>{Subject::state, "state"},
    Name<Subject>{Subject::health, "health"},
    Name<Subject>{Subject::admin, "admin"},
    Name<Subject>{Subject::probe, "probe"},
};

constexpr std::array kRoles{
    Name<Role>{Role::gate, "gate"},
    Name<Role>{Role::degrade, "degrade"},
    Name<Role>{Role::info, "info"},
};

constexpr std::array kPresets{
    Name<Preset>{Preset::azure, "azure"},
    Name<Preset>{Preset::aws, "aws"},
    Name<Preset>{Preset::gcp, "gcp"},
    Name<Preset>{Preset::generic, "generic"},
};

constexpr std::array kFallbackLevels{
    Name<FallbackLevel>{FallbackLevel::off, "off"},
    Name<FallbackLevel>{FallbackLevel::deny, "deny"},
    Name<FallbackLevel>{FallbackLevel::shutdown, "shutdown"},
};

constexpr std::array kStacks{
    Name<Stack>{Stack::frr, "frr"},
    Name<Stack>{Stack::bird, "bird"},
    Name<Stack>{Stack::none, "none"},
};

template <typename Enum, std::size_t Size>
std::string_view find_name(const std::array<Name<Enum>, Size>& names, Enum value) {
  for (const auto& [candidate, name] : names) {
    if (candidate == value) return name;
  }
  return "?";
}

}  // namespace

std::string_view name_of(Verdict verdict) {
  return find_name(kVerdicts, verdict);
}
std::string_view name_of(Reason reason) {
  return find_name(kReasons, reason);
}
std::string_view name_of(ProbeState state) {
  return find_name(kProbeStates, state);
}
std::string_view name_of(Health health) {
  return find_name(kHealths, health);
}
std::string_view name_of(Grade grade) {
  return find_name(kGradeNames, grade);
}
std::string_view name_of(AdminState state) {
  return find_name(kAdminStates, state);
}
std::string_view name_of(Via via) {
  return find_name(kVias, via);
}
std::string_view name_of(ServiceState state) {
  return find_name(kServiceStates, state);
}
std::string_view name_of(Subject subject) {
  return find_name(kSubjects, subject);
}
std::string_view name_of(Role role) {
  return find_name(kRoles, role);
}
std::string_view name_of(Preset preset) {
  return find_name(kPresets, preset);
}
std::string_view name_of(FallbackLevel level) {
  return find_name(kFallbackLevels, level);
}
std::string_view name_of(Stack stack) {
  return find_name(kStacks, stack);
}

std::optional<Reason> reason_from(std::string_view name) {
  for (const auto& [reason, candidate] : kReasons) {
    if (candidate == name && reason != Reason::none) return reason;
  }
  return std::nullopt;
}

}  // namespace herald
