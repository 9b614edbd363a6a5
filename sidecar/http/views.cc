#include "sidecar/http/views.h"

#include <algorithm>

namespace herald::http {

std::optional<Views::Waiter> Views::await(const Key& key, Ready ready) {
  if (!fetching_.contains(key) && !has_room(key.first)) return std::nullopt;
  const auto [found, is_first] = fetching_.try_emplace(key);
  Fetching& fetching = found->second;
  const Waiter waiter = ++last_waiter_;
  fetching.waiting.emplace(waiter, std::move(ready));
  if (is_first) {
    fetching.fetched.number = ++last_ask_;
    ask_({last_ask_, key.first, key.second, 0});
  }
  return waiter;
}

// Those that have a name may be as many as somebody thinks of; the others are few, and come through.
bool Views::has_room(work::HttpView view) const {
  const auto named = std::ranges::count_if(
      fetching_, [](const auto& entry) { return entry.first.first == work::HttpView::why; });
  return view != work::HttpView::why || static_cast<std::size_t>(named) < kMostNamed;
}

// What was asked for is asked for: it comes, and is for nobody.
void Views::drop(Waiter waiter) {
  for (auto& [key, fetching] : fetching_) fetching.waiting.erase(waiter);
}

bool Views::take(work::HttpPart part) {
  const auto found = std::ranges::find_if(
      fetching_, [&](const auto& entry) { return entry.second.fetched.number == part.ask; });
  if (found == fetching_.end()) return false;
  Fetched& fetched = found->second.fetched;
  fetched.found = part.found;
  fetched.text += part.text;
  const bool is_too_long = fetched.text.size() > kMostBytes;
  if (part.next && !is_too_long) {
    ask_({part.ask, found->first.first, found->first.second, *part.next});
    return true;
  }
  const auto ended = fetching_.extract(found);  // who is answered may come again
  for (const auto& [waiter, ready] : ended.mapped().waiting)
    ready(is_too_long ? nullptr : &ended.mapped().fetched);
  return true;
}

}  // namespace herald::http
