#include "sidecar/core/route/peer_record.h"

#include <utility>

namespace herald {

std::vector<PeerRecord::Change> PeerRecord::seen(const std::vector<RouterPeer>& peers, TimePoint now) {
  std::vector<Change> changes;
  Entries entries;
  for (const RouterPeer& peer : peers) {
    Entry entry{peer, now};
    const auto before = entries_.find(peer.address);
    if (before != entries_.end()) {
      entry.since = before->second.since;
      entry.losses = before->second.losses;
    }
    if (auto change = change_of(peer, before == entries_.end() ? nullptr : &before->second, now)) {
      if (change->kind == Change::Kind::lost) ++entry.losses;
      changes.push_back(std::move(*change));
      entry.since = now;
    }
    entries.insert_or_assign(peer.address, std::move(entry));
  }
  for (const auto& [address, before] : entries_) {
    if (entries.contains(address) || !before.last.established) continue;
    changes.push_back(
        {address, Change::Kind::lost, before.last.state, std::string(kNotConfigured), now - before.since});
  }
  entries_ = std::move(entries);
  is_first_ = false;
  return changes;
}

std::optional<PeerRecord::Change> PeerRecord::change_of(const RouterPeer& peer, const Entry* before,
                                                        TimePoint now) const {
  using Kind = Change::Kind;
  if (before == nullptr) {
    if (is_first_ || !peer.established) return std::nullopt;
    return Change{peer.address, Kind::back, std::string(kNotConfigured), peer.state, {}};
  }
  const RouterPeer& last = before->last;
  if (peer.established == last.established) return std::nullopt;
  const Kind kind = peer.established ? Kind::back : Kind::lost;
  return Change{peer.address, kind, last.state, peer.state, now - before->since};
}

}  // namespace herald
