#include "sidecar/config/probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "sidecar/config/fields.h"
#include "sidecar/text/near_name.h"

namespace herald {

namespace {

constexpr Duration kShortestInterval = 10ms;
constexpr Duration kLongestInterval = 1h;
constexpr Duration kShortestTimeout = 1ms;
constexpr Duration kShortestStall = 20ms;  // it is looked so often
constexpr std::uint32_t kMostConsecutive = 100;
constexpr std::uint32_t kLargestWindow = 1000;
constexpr double kMostJitter = 0.5;

// A value that is present and wrong counts as not said, so that it is reported once and not compared with
// others.
void read_time(ObjectReader& object, std::string_view key, std::optional<Duration>& out, Duration least) {
  if (object.value(key) == nullptr) return;
  Duration value{};
  const bool valid = object.read(key, value, least, kLongestInterval);
  out = valid ? std::optional(value) : std::nullopt;
}

// A time, or the word for none.
void read_time_or(ObjectReader& object, std::string_view key, std::string_view none,
                  std::optional<Duration>& out, Duration least) {
  const nlohmann::json* value = object.value(key);
  if (value == nullptr) return;
  if (*value == none) {
    out.reset();
    return;
  }
  read_time(object, key, out, least);
}

std::optional<double> parse_percent(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool percent = error == std::errc{} && std::string_view(end, text.data() + text.size()) == "%";
  return percent ? std::optional(number / 100) : std::nullopt;
}

void read_jitter(ObjectReader& object, double& out) {
  const nlohmann::json* value = object.value("jitter");
  if (value == nullptr) return;
  std::optional<double> jitter;
  if (value->is_number()) jitter = value->get<double>();
  if (value->is_string()) jitter = parse_percent(value->get_ref<const std::string&>());
  // Written so that NaN fails too.
  if (jitter && *jitter >= 0 && *jitter <= kMostJitter) {
    out = *jitter;
  } else {
    object.fail("jitter",
                fmt::format(R"(must be a number from 0 to {} or a string from "0%" to "{}%", not {})",
                            kMostJitter, kMostJitter * 100, shown(*value)));
  }
}

void read_window(ObjectReader& object, std::optional<Window>& out) {
  auto window = object.object("window");
  if (!window) return;
  Window value;
  window->require("fail");
  window->require("of");
  const bool has_fail = window->read("fail", value.fail, 1, kLargestWindow);
  const bool has_of = window->read("of", value.of, 1, kLargestWindow);
  window->finish();
  if (!has_fail || !has_of) return;
  if (value.fail > value.of) {
    window->fail("fail",
                 fmt::format("{} failures cannot be among the last {} attempts", value.fail, value.of));
    return;
  }
  out = value;
}

// Whether a failed attempt can have this reason; the others warn or are inconclusive and never count against
// it.
bool can_fail(Reason reason) {
  switch (reason) {
    case Reason::none:
    case Reason::latency:
    case Reason::expiry:
    case Reason::resolve:
    case Reason::local:
    case Reason::late:
      return false;
    default:
      return true;
  }
}

std::vector<std::string> failure_names() {
  std::vector<std::string> names;
  for (const auto& [reason, word] : words_of(Reason{})) {
    if (can_fail(reason)) names.emplace_back(word);
  }
  return names;
}

void read_hard_fail(ObjectReader& object, std::vector<Reason>& out) {
  std::vector<std::string> names;
  if (!object.read("hard_fail", names)) return;
  const auto candidates = failure_names();
  if (names.size() > candidates.size()) {
    object.fail("hard_fail", fmt::format("more than the {} reasons that there are", candidates.size()));
    return;
  }
  std::vector<Reason> reasons;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto reason = from_name<Reason>(names[i]);
    const bool known = reason && *reason != Reason::none;
    if (known && can_fail(*reason)) {
      if (std::ranges::find(reasons, *reason) == reasons.end()) reasons.push_back(*reason);
    } else if (known) {
      object.fail_element("hard_fail", i, shown(names[i]) + " is never the reason of a failure");
    } else {
      const std::string all = fmt::format("; reasons are {}", fmt::join(candidates, ", "));
      object.fail_element("hard_fail", i,
                          shown(names[i]) + " is no reason" + did_you_mean(names[i], candidates, all));
    }
  }
  out = std::move(reasons);
}

void check_families(ObjectReader& probe, const ReadProbe& read) {
  const auto source = parse_address(read.spec.socket.source);
  if (!source || !read.target || source->family == read.target->family) return;
  const char* key = probe.json().contains("source") ? "source" : "";
  probe.fail(key, fmt::format("the source {} and the target {} are not of the same family",
                              to_string(*source), to_string(*read.target)));
}

}  // namespace

void ProbeReader::read_defaults(ObjectReader& defaults) {
  defaults_place_ = {defaults.file(), defaults.pointer(), ""};
  read_shared(defaults, defaults_);
  defaults.finish();
}

ReadProbe ProbeReader::read(ObjectReader& probe, std::size_t index) {
  const std::size_t errors_before = errors_.size();
  ReadProbe result;
  ProbeSpec& spec = result.spec;
  const ProbeKindCheck* kind = kind_of(probe, spec.type);
  spec.name = fmt::format("{}-{}", spec.type, index);
  read_name(probe, "name", spec.name);

  SharedKeys keys = defaults_;
  read_shared(probe, keys);
  spec.role = keys.role;
  spec.timing = timing_of(probe, keys);
  spec.thresholds = std::move(keys.thresholds);
  spec.socket = std::move(keys.socket);
  spec.events = keys.events;
  spec.overlap = overlap_of(probe, keys, spec.timing);

  // What nobody has asked for until now is of the type.
  spec.settings = probe.unread().dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);

  // Without a type, nobody can tell which of the remaining keys are wrong.
  if (kind == nullptr) return result;
  CheckedProbe checked = kind->check(probe);
  if (checked.listens == Listens::tcp) {
    spec.accept_stall = keys.accept_stall;
  } else if (probe.json().contains("accept_stall")) {
    probe.fail("accept_stall", "has no effect on a target that is no TCP port");
  }
  if (checked.can_hold) {
    spec.hold = keys.hold;
  } else if (probe.json().contains("hold")) {
    probe.fail("hold", "has no effect on a probe that is neither tcp nor http");
  }
  probe.finish();
  if (errors_.size() != errors_before) return result;
  result.target = parse_address(checked.target);
  spec.target = std::move(checked.endpoint);
  spec.listens = checked.listens;
  check_families(probe, result);
  return result;
}

void ProbeReader::read_shared(ObjectReader& object, SharedKeys& keys) {
  read_time(object, "interval", keys.interval, kShortestInterval);
  read_time(object, "fast_interval", keys.fast_interval, kShortestInterval);
  read_time(object, "down_interval", keys.down_interval, kShortestInterval);
  read_time(object, "timeout", keys.timeout, kShortestTimeout);
  read_jitter(object, keys.jitter);
  object.read("rise", keys.thresholds.rise, 1, kMostConsecutive);
  object.read("fall", keys.thresholds.fall, 1, kMostConsecutive);
  read_window(object, keys.thresholds.window);
  object.read("role", keys.role);
  read_hard_fail(object, keys.thresholds.hard_fail);
  object.read("invert", keys.thresholds.invert);
  read_address(object, "source", keys.socket.source);
  read_interface(object, "bind_device", keys.socket.bind_device);
  object.read("events", keys.events);
  object.read("overlap", keys.overlap.is_on);
  read_time_or(object, "suspect", "auto", keys.overlap.suspect, kShortestTimeout);
  read_time_or(object, "accept_stall", "off", keys.accept_stall, kShortestStall);
  object.read("hold", keys.hold);
  object.read("mark", keys.socket.mark, 1, std::numeric_limits<std::uint32_t>::max());
}

// What `defaults` says may be too long for a probe of a short timeout, and is then what `auto` is at most.
Overlap ProbeReader::overlap_of(ObjectReader& probe, const SharedKeys& keys, const ProbeTiming& timing) {
  Overlap overlap = keys.overlap;
  if (!overlap.is_on) return {};
  if (overlap.suspect && *overlap.suspect >= timing.timeout) {
    if (probe.json().contains("suspect")) {
      probe.fail("suspect",
                 fmt::format("{} is not shorter than timeout, which is {}: the attempt would be over",
                             to_string(*overlap.suspect), to_string(timing.timeout)));
    } else {
      overlap.suspect = timing.timeout / 2;
    }
  }
  return overlap;
}

ProbeTiming ProbeReader::timing_of(ObjectReader& probe, const SharedKeys& keys) {
  ProbeTiming timing;
  timing.interval = keys.interval.value_or(timing.interval);
  timing.fast_interval = keys.fast_interval.value_or(std::min(timing.fast_interval, timing.interval));
  timing.down_interval = keys.down_interval.value_or(timing.interval);
  timing.timeout = keys.timeout.value_or(std::min(timing.timeout, timing.interval));
  timing.jitter = keys.jitter;
  // One attempt is in flight at a time, so a longer deadline would only lengthen the interval.
  check_within_interval(probe, "timeout", timing.timeout, timing.interval);
  check_within_interval(probe, "fast_interval", timing.fast_interval, timing.interval);
  return timing;
}

void ProbeReader::check_within_interval(ObjectReader& probe, const char* key, Duration value,
                                        Duration interval) {
  if (value <= interval) return;
  if (probe.json().contains(key)) {
    probe.fail(key,
               fmt::format("{} is longer than interval, which is {}", to_string(value), to_string(interval)));
    return;
  }
  if (probe.json().contains("interval")) {
    probe.fail("interval", fmt::format("{} is shorter than {}, which is {} by `defaults`",
                                       to_string(interval), key, to_string(value)));
    return;
  }
  // Every probe that leaves both alone would say the same.
  const ConfigError error{
      defaults_place_.file, defaults_place_.pointer + "/" + key,
      fmt::format("{} is longer than interval, which is {}", to_string(value), to_string(interval))};
  if (std::ranges::find(errors_, error) == errors_.end()) errors_.push_back(error);
}

const ProbeKindCheck* ProbeReader::kind_of(ObjectReader& probe, std::string& type) {
  if (!probe.require("type") || !probe.read("type", type)) return nullptr;
  const auto kind = std::ranges::find(kinds_, type, &ProbeKindCheck::type);
  if (kind != kinds_.end()) return &*kind;
  std::vector<std::string> types;
  for (const auto& each : kinds_) types.emplace_back(each.type);
  probe.fail("type", fmt::format("{} is not a probe type (this release has {}){}", shown(type),
                                 fmt::join(types, ", "), did_you_mean(type, types)));
  return nullptr;
}

}  // namespace herald
