#include "sidecar/announce/bird/change.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "sidecar/announce/router/owned_file.h"
#include "sidecar/text/duration.h"

namespace herald {
namespace {

constexpr Duration kBetweenPolls = std::chrono::milliseconds(20);

// BIRD names the file as bird.conf does, perhaps relative to itself; and what is one file for both may have two
// names, when BIRD runs in a container.
bool is_same_file(const std::string& blamed, const std::string& include) {
  std::error_code error;
  const std::filesystem::path path(blamed);
  if (path.is_absolute() && std::filesystem::exists(path, error))
    return std::filesystem::equivalent(path, include, error);
  return path.filename() == std::filesystem::path(include).filename();
}

}  // namespace

void BirdChange::start(std::vector<RouteStep> steps, OnApplied on_applied) {
  steps_ = std::move(steps);
  outcomes_.assign(steps_.size(), {});
  on_applied_ = std::move(on_applied);
  rescued_.clear();
  write();
}

void BirdChange::write() {
  auto former = read_owned_file(spec_.bird.include);
  if (!former) return fail(former.error());
  former_ = std::move(*former);
  routes_ = parse_bird_include(former_.value_or(""));
  for (std::size_t index = 0; index < steps_.size(); ++index) {
    const RouteStep& step = steps_[index];
    if (!step.policy) {
      routes_.erase(step.vip);
    } else if (auto route = bird_route(*step.policy, spec_.as)) {
      routes_.insert_or_assign(step.vip, std::move(*route));
    } else {
      outcomes_[index] = std::unexpected(route.error());
    }
  }
  const std::string text = render_bird_include(routes_);
  if (text != former_) {
    if (const auto replaced = replace_owned_file(spec_.bird.include, text); !replaced)
      return rescue(replaced.error());
  }
  send("configure status", &BirdChange::on_trial);
}

// A BIRD that does not know the question is older than the answer could be needed for.
void BirdChange::on_trial(const BirdReply& reply) {
  if (reply.code == BirdCode::unconfirmed) return rescue(bird_trial_reason());
  send("configure check", &BirdChange::on_checked);
}

void BirdChange::send(std::string command, OnReply on_reply) {
  std::vector<std::string> argv{spec_.bird.birdc, "-v", "-s", spec_.bird.socket, std::move(command)};
  command_.run(std::move(argv), spec_.bird.timeout, [this, on_reply](auto text) {
    const auto reply = text ? parse_bird_reply(*text) : std::unexpected(text.error());
    if (!reply) return fail(reply.error());
    (this->*on_reply)(*reply);
  });
}

void BirdChange::on_checked(const BirdReply& reply) {
  if (reply.code == BirdCode::configuration_error) return on_refused(reply.text);
  if (reply.code != BirdCode::configuration_ok) return fail(reply.complaint());
  send("configure", &BirdChange::on_configured);
}

void BirdChange::on_configured(const BirdReply& reply) {
  switch (reply.code) {
    case BirdCode::reconfigured:
      return succeed();
    case BirdCode::in_progress:
    case BirdCode::queued:
      deadline_ = Loop::clock() + spec_.bird.timeout;
      return later(kBetweenPolls, &BirdChange::ask_status);
    case BirdCode::configuration_error:  // somebody wrote a file since the check
      return on_refused(reply.text);
    default:
      return fail(reply.complaint());
  }
}

void BirdChange::ask_status() {
  send("show status", &BirdChange::on_status);
}

void BirdChange::on_status(const BirdReply& reply) {
  if (reply.code != BirdCode::status) return fail(reply.complaint());
  if (!reply.text.contains("Reconfiguration")) return succeed();
  // Accepted all the same, and a second `configure` would only be queued behind it.
  if (Loop::clock() >= deadline_)
    return fail(fmt::format("birdc: {} still after {}", reply.text, to_string(spec_.bird.timeout)));
  later(kBetweenPolls, &BirdChange::ask_status);
}

void BirdChange::on_refused(const std::string& text) {
  const auto blamed = blamed_file(text);
  if (!blamed) return rescue(text);
  if (!is_same_file(*blamed, spec_.bird.include)) return rescue(text + ": not herald's file");
  std::string reason = text;
  const auto restored = replace_owned_file(spec_.bird.include, former_ ? *former_ : render_bird_include({}));
  if (!restored) reason += "; " + restored.error();
  rescue(std::move(reason));
}

void BirdChange::rescue(std::string reason) {
  reason_ = std::move(reason);
  to_rescue_.clear();
  for (std::size_t index = 0; index < steps_.size(); ++index) {
    const RouteStep& step = steps_[index];
    if (!step.policy || (outcomes_[index] && disabled_.contains(step.vip))) to_rescue_.push_back(index);
  }
  next_rescue();
}

void BirdChange::next_rescue() {
  if (to_rescue_.empty()) return fail(reason_);
  const RouteStep& step = steps_[to_rescue_.front()];
  send(fmt::format("{} '{}'", step.policy ? "enable" : "disable", bird_protocol(step.vip)),
       &BirdChange::on_rescued);
}

void BirdChange::on_rescued(const BirdReply& reply) {
  const std::size_t index = to_rescue_.front();
  const Vip& vip = steps_[index].vip;
  to_rescue_.pop_front();
  switch (reply.code) {
    case BirdCode::disabled:
    case BirdCode::already_disabled:
      rescued_.insert(index);
      disabled_.insert(vip);
      rescue_reason_ = reason_;
      break;
    case BirdCode::enabled:
    case BirdCode::already_enabled:
      rescued_.insert(index);
      disabled_.erase(vip);
      break;
    default:
      reason_ += "; " + reply.complaint();
  }
  next_rescue();
}

void BirdChange::succeed() {
  rescue_reason_.reset();
  std::erase_if(disabled_,
                [this](const Vip& vip) { return !routes_.contains(vip); });  // gone with their protocols
  if (disabled_.empty()) return finish();
  // BIRD 2.0.12 has done so already; whether that stays so nobody says.
  send(fmt::format("enable '{}'", bird_protocol(*disabled_.begin())), &BirdChange::on_enabled);
}

void BirdChange::on_enabled(const BirdReply& /*reply*/) {
  // Any refusal shows in the next reading: the protocol is down there.
  disabled_.erase(disabled_.begin());
  succeed();
}

void BirdChange::fail(const std::string& reason) {
  for (std::size_t index = 0; index < steps_.size(); ++index) {
    if (outcomes_[index] && !rescued_.contains(index)) outcomes_[index] = std::unexpected(reason);
  }
  // From the loop also when nothing had to be asked.
  later(Duration::zero(), &BirdChange::finish);
}

void BirdChange::later(Duration delay, void (BirdChange::*what)()) {
  timer_ = loop_->timer_at(Loop::clock() + delay, [this, what] { (this->*what)(); });
}

void BirdChange::finish() {
  const OnApplied on_applied = std::exchange(on_applied_, nullptr);
  on_applied(std::exchange(outcomes_, {}));
}

}  // namespace herald
