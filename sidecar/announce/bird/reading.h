// One reading of BIRD by birdc: its protocols, its tables, what it exported to each established peer, and what it has
// loaded of herald's file. One birdc at a time; starting again or cancelling drops what is under way.
#pragma once

#include <deque>
#include <expected>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/announce/bird/include.h"
#include "sidecar/announce/bird/view.h"
#include "sidecar/announce/router/command.h"
#include "sidecar/core/config.h"
#include "sidecar/core/route/router_view.h"

namespace herald {

class BirdReading {
 public:
  using OnView = std::function<void(RouterView)>;

  BirdReading(Loop& loop, RouterSpec spec, std::vector<Vip> vips)
      : spec_(std::move(spec)), vips_(std::move(vips)), command_(loop) {}

  // `refusal`: why BIRD could not be told the last change, where protocols were disabled in its place.
  void start(OnView on_view, std::optional<std::string> refusal);
  void cancel();  // `on_view` is not called then

 private:
  // Takes the answer; the error is the reason to give up.
  using Take = std::function<std::expected<void, std::string>(const std::string& text)>;
  struct Question {
    std::string command;
    Take take;
  };

  void ask_routes(std::string command, std::function<void(const Vip&)> on_route);
  void plan_questions();
  // The peer of this protocol, where the answer says that its session has ended.
  [[nodiscard]] bool note_ended(const std::string& protocol, std::string_view answer);
  void next();
  void finish();
  void judge_peers();
  // peer: null where BIRD has none of that address.
  void note_without_session(const std::string& route_server, const BirdPeer* peer);
  void judge_owned();
  void judge_trial();
  [[nodiscard]] std::optional<std::string> trouble() const;

  RouterSpec spec_;
  std::vector<Vip> vips_;
  OnView on_view_;
  std::optional<std::string> refusal_;
  RouterView view_;
  BirdRoutes file_;
  BirdProtocols protocols_;
  std::set<Vip> loaded_;          // what BIRD has from protocols of herald's
  std::optional<Duration> undo_;  // an operator's `configure timeout` ends by then
  std::deque<Question> questions_;
  Command command_;
};

}  // namespace herald
