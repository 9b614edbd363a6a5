#include "probes/dns_edns.h"

namespace herald::probes {
namespace {

// So many answers to queries without it after a silence, and it is no accident.
constexpr std::uint32_t kMostSilent = 2;

}  // namespace

EdnsChoice::~EdnsChoice() {
  if (!is_settled_ && is_single_ && may_fall_back()) memory_.silent = sent_edns_ ? 1 : 0;
}

void EdnsChoice::choose(bool is_plain) {
  is_plain_ = is_plain;
  sent_edns_ = sent_edns_ || !is_plain;
}

void EdnsChoice::begin() {
  const bool was_silent = is_single_ && memory_.silent > 0;
  choose(wanted_ == Edns::never || (may_fall_back() && (memory_.is_plain || was_silent)));
}

// Silence may be a lost packet, or a server that drops what it does not know.
void EdnsChoice::try_again() {
  if (is_doubtful()) choose(!is_plain_);
}

void EdnsChoice::refuse() {
  is_refused_ = true;
  choose(true);
}

void EdnsChoice::take_reply() {
  settle();
  const bool is_after_silence = may_fall_back() && is_plain_ && !is_refused_;
  if (is_after_silence) ++memory_.silent;
  if (!is_plain_) memory_.silent = 0;
  if (is_refused_ || memory_.silent >= kMostSilent) memory_.is_plain = true;
}

}  // namespace herald::probes
