// What heraldd says to herald-http of what there is to see (work/http_message.h). A view is of one moment: it is made when its
// first part is asked for, kept, and handed out in parts, so that heraldd goes on with other things between two of them.
//
// Who asks is a stranger: for parts in another order than they come there is none, and of kMostKept views that are being fetched
// the oldest goes. What the source's functions refer to outlives this.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "sidecar/core/snapshot.h"
#include "sidecar/seen/exposition.h"
#include "sidecar/seen/metrics.h"
#include "sidecar/state/history.h"
#include "sidecar/text/clocks.h"
#include "sidecar/work/http_message.h"

namespace herald {

class HttpViews {
 public:
  static constexpr std::size_t kMostKept = 8;
  static constexpr std::size_t kPartBytes = std::size_t{256} << 10U;

  struct Source {
    std::function<Snapshot()> seen;      // without records, see ControlSource
    std::function<Snapshot()> snapshot;  // with them
    std::function<ClockPair()> clocks;
    std::function<nlohmann::ordered_json()> status;
    std::function<const History::Entries&()> history;
  };
  explicit HttpViews(Source source) : source_(std::move(source)) {}

  [[nodiscard]] work::HttpPart part(const work::HttpAsk& ask);
  // Who asked is gone.
  void forget() { kept_.clear(); }

 private:
  // A snapshot whose metrics are told family by family.
  struct Families {
    Families(Snapshot seen, const ClockPair& clocks, seen::Format told)
        : snapshot(std::move(seen)), sample(snapshot, clocks), format(told) {}
    Snapshot snapshot;
    seen::Sample sample;
    seen::Format format;
    std::optional<std::size_t> next = 0;
  };
  struct Made {
    std::uint64_t ask = 0;
    bool found = true;
    std::string text;  // what is not told yet
    std::unique_ptr<Families> families;
    std::uint64_t told = 0;  // bytes
  };

  [[nodiscard]] Made make(const work::HttpAsk& ask) const;
  [[nodiscard]] std::unique_ptr<Families> families(seen::Format format) const;

  Source source_;
  std::deque<Made> kept_;  // oldest first
};

}  // namespace herald
