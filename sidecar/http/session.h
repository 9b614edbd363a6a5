// One connection of heraldd's: where it says to listen, and what it is asked for. With its end nobody listens any more.
//
//   prepared   addresses that are taken already and accept nobody; those that are not free are tried again for kTakenPatience,
//              for who has them may be a herald-http that is about to end.
//   used       servers.
//
// The Loop outlives it; it is not destroyed from a callback of its own but `on_end`.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/http/listener.h"
#include "sidecar/http/server.h"
#include "sidecar/http/views.h"
#include "sidecar/os/loop.h"
#include "sidecar/work/channel.h"

namespace herald::http {

class Session {
 public:
  static constexpr Duration kTakenPatience = std::chrono::seconds(2);

  Session(Loop& loop, Fd connection, std::function<void(const std::string& why)> on_end);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() = default;

 private:
  using Servers = std::map<std::string, std::unique_ptr<Server>>;
  struct Preparing {
    std::uint64_t ticket = 0;
    std::vector<std::string> listen;
    TimePoint until{};
  };

  void hear(std::string_view packet);
  void on(const work::HttpPrepare& order);
  void on(const work::HttpUse& order);
  void on(const work::HttpForget& order);
  void on(const work::HttpPart& order);
  void on(const work::HttpPing& order);
  void on(const work::HttpEvent& order);
  void prepare();
  // None: it is prepared.
  [[nodiscard]] std::optional<ListenFailure> prepare(const std::string& listen);
  void report(const work::HttpReport& report);
  void end(std::string why);

  Loop& loop_;
  std::function<void(const std::string&)> on_end_;
  Views views_;
  Preparing preparing_;
  Servers prepared_;
  Servers used_;
  Source again_;
  Source ended_;
  work::Channel channel_;
};

}  // namespace herald::http
