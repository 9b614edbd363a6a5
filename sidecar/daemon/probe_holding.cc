// Connections that are kept to targets (`hold`), seen from heraldd: each in the worker that runs the probe's attempts, and in no
// other. What a worker says of one that is not its own is dropped.
#include <algorithm>
#include <utility>

#include "sidecar/daemon/probe_runner.h"
#include "sidecar/text/plain_text.h"

namespace herald {

void ProbeRunner::hold(ProbeId id, bool is_wanted) {
  Known& known = known_.at(id);
  known.spec.hold = is_wanted;
  if (!is_wanted) let_go(id, known);
}

void ProbeRunner::hold_only(std::span<const ProbeId> ids) {
  for (auto& [id, known] : known_) {
    if (std::ranges::find(ids, id) == ids.end()) hold(id, false);
  }
}

void ProbeRunner::let_go(ProbeId id, Known& known) {
  const auto slot = std::exchange(known.held_in, std::nullopt);
  if (slot && slots_[*slot].channel)
    work::append(slots_[*slot].channel->next(), work::Order(work::Hold{id, false}));
}

// An attempt of it begins there.
void ProbeRunner::hold_in(SlotId slot, ProbeId id) {
  Known& known = known_.at(id);
  if (!known.spec.hold || known.held_in == slot) return;
  let_go(id, known);
  known.held_in = slot;
  work::append(slots_[slot].channel->next(), work::Order(work::Hold{id, true}));
}

// Its worker has ended, or makes it anew.
void ProbeRunner::lose_held(ProbeId id, Known& known, std::string why) {
  if (std::exchange(known.held_in, std::nullopt)) told_.held({id, work::HeldChange::failed, std::move(why)});
}

void ProbeRunner::hear(SlotId id, const work::Held& word) {
  const auto known = known_.find(word.probe);
  if (known == known_.end() || known->second.held_in != id) return;
  told_.held({word.probe, word.change, printable(word.text)});
}

}  // namespace herald
