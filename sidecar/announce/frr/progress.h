// One batch on its way to bgpd: what to send next, and what came of each step. Pure: the lever carries the lines.
//
// Where bgpd refuses a line, the run stops there. The steps of that line have failed, and the rest is sent again from
// the next line on that still makes sense, with the blocks around it opened anew:
//   - "no network" of a network that is not there is no failure, it is what was wished;
//   - nothing of a block is sent that could not be entered, and no `network` line whose map could not be defined: an
//     undefined map denies the route without a word, half a map announces it with the wrong attributes.
// After kMostRefusals it stops asking line by line and lets the transport carry on; what failed then, the next read
// shows.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sidecar/announce/frr/lines.h"
#include "sidecar/announce/frr/transport.h"

namespace herald {

class FrrProgress {
 public:
  struct Send {
    std::vector<std::string> lines;
    OnFailure on_failure = OnFailure::stop;
  };

  explicit FrrProgress(FrrBatch batch)
      : lines_(std::move(batch.lines)), outcomes_(std::move(batch.outcomes)) {}

  // None: there is nothing more to send.
  [[nodiscard]] std::optional<Send> next();
  // The reply to the last next().
  void take(const FrrReply& reply);

  [[nodiscard]] const RouteOutcomes& outcomes() const { return outcomes_; }
  [[nodiscard]] const std::set<std::string>& defined() const { return defined_; }  // maps, whole

 private:
  [[nodiscard]] bool is_wanted(std::size_t index) const;
  [[nodiscard]] std::vector<std::size_t> open_at(std::size_t index) const;
  [[nodiscard]] std::size_t after_block(std::size_t index) const;
  void give_up_definitions();
  // False where bgpd did not do it.
  bool judge(std::size_t index, const FrrAnswer& answer);
  void fail(std::size_t index, const std::string& error);

  std::vector<FrrLine> lines_;
  RouteOutcomes outcomes_;
  std::set<std::string> defined_;
  std::size_t at_ = 0;             // lines before it are dealt with
  std::size_t sent_until_ = 0;     // the first that is not in `sent_` yet
  std::vector<std::size_t> sent_;  // what the last next() sent: indices of lines
  int refusals_ = 0;
};

}  // namespace herald
