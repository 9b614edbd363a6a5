#include "sidecar/announce/frr/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace herald {
namespace {

// Each costs a call of vtysh, 25 ms and more.
constexpr int kMostRefusals = 4;
// In one call: a quarter of what execve(2) takes with lines of this length, and half a second of vtysh.
constexpr std::size_t kMostLines = 4000;

bool is_gone_already(const FrrLine& line, const FrrAnswer& answer) {
  return line.text.starts_with("no network ") && answer.text.contains("Can't find static route");
}

}  // namespace

std::optional<FrrProgress::Send> FrrProgress::next() {
  const bool carry_on = refusals_ > kMostRefusals;
  if (carry_on) give_up_definitions();
  sent_ = open_at(at_);
  bool has_work = false;
  for (sent_until_ = at_; sent_until_ < lines_.size() && sent_.size() < kMostLines; ++sent_until_) {
    if (!is_wanted(sent_until_)) continue;
    const FrrLine::Kind kind = lines_[sent_until_].kind;
    has_work = has_work || kind == FrrLine::Kind::set || kind == FrrLine::Kind::tidy ||
               !lines_[sent_until_].map.empty();
    sent_.push_back(sent_until_);
  }
  if (!has_work) return std::nullopt;
  Send send{.lines = {}, .on_failure = carry_on ? OnFailure::carry_on : OnFailure::stop};
  send.lines.reserve(sent_.size());
  for (const std::size_t index : sent_) send.lines.push_back(lines_[index].text);
  return send;
}

void FrrProgress::take(const FrrReply& reply) {
  const std::size_t answered = std::min(reply.answers.size(), sent_.size());
  bool done = true;
  for (std::size_t i = 0; i < answered; ++i) done = judge(sent_[i], reply.answers[i]);
  if (reply.error) {
    // The transport is out of order: what it did not answer, and what was not sent yet, has to wait.
    for (std::size_t i = answered; i < sent_.size(); ++i) fail(sent_[i], *reply.error);
    for (std::size_t index = sent_until_; index < lines_.size(); ++index) fail(index, *reply.error);
    at_ = lines_.size();
  } else if (reply.blind || answered == sent_.size()) {
    at_ = sent_until_;
  } else {
    ++refusals_;
    const std::size_t last = answered > 0 ? sent_[answered - 1] : sent_.front();
    const bool loses_block =
        !done && (lines_[last].kind == FrrLine::Kind::enter || !lines_[last].map.empty());
    at_ = std::max(at_, loses_block ? after_block(last) : last + 1);
  }
}

bool FrrProgress::is_wanted(std::size_t index) const {
  return std::ranges::any_of(lines_[index].steps,
                             [&](std::size_t step) { return outcomes_[step].has_value(); });
}

// The `enter` lines of the blocks that `index` is in.
std::vector<std::size_t> FrrProgress::open_at(std::size_t index) const {
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < index; ++i) {
    if (lines_[i].kind == FrrLine::Kind::enter) open.push_back(i);
    if (lines_[i].kind == FrrLine::Kind::leave) open.pop_back();
  }
  return open;
}

// Behind the end of the block that `index` enters or is in.
std::size_t FrrProgress::after_block(std::size_t index) const {
  std::size_t depth = lines_[index].kind == FrrLine::Kind::enter ? 0 : 1;
  for (; index < lines_.size(); ++index) {
    if (lines_[index].kind == FrrLine::Kind::enter) ++depth;
    if (lines_[index].kind == FrrLine::Kind::leave && --depth == 0) return index + 1;
  }
  return index;
}

// When failures are not seen any more, a map might stay unfinished and still be named.
void FrrProgress::give_up_definitions() {
  for (std::size_t index = at_; index < lines_.size(); ++index) {
    if (!lines_[index].map.empty()) fail(index, "not sent: too much before it was refused");
  }
}

bool FrrProgress::judge(std::size_t index, const FrrAnswer& answer) {
  const FrrLine& line = lines_[index];
  const bool ok =
      answer.status == kFrrSuccess || answer.status == kFrrSuccessDaemon || is_gone_already(line, answer);
  if (!ok) fail(index, fmt::format("bgpd refused \"{}\": {}", line.text, said(answer.text)));
  if (ok && line.kind == FrrLine::Kind::leave && !line.map.empty() && is_wanted(index))
    defined_.insert(line.map);
  return ok;
}

void FrrProgress::fail(std::size_t index, const std::string& error) {
  if (lines_[index].kind == FrrLine::Kind::tidy || lines_[index].kind == FrrLine::Kind::leave) return;
  for (const std::size_t step : lines_[index].steps) {
    if (outcomes_[step]) outcomes_[step] = std::unexpected(error);
  }
}

}  // namespace herald
