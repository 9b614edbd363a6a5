// What is announced without anybody who checks it is withdrawn: `heraldd --withdraw`, for when a heraldd was killed and
// none follows (packaging/herald.service, packaging/herald-withdraw.service).
//
// It needs no daemon, probes nothing and knows the configuration and the marks of ownership alone: the addresses of the
// loopback lever and the routes of the others go, leftovers too; VIPs under routes stay, for late packets, and nothing of a
// service with `on_exit: keep` is touched. `--vips` says that nobody will see to anything any more (a package that is
// removed): then these go, too, VIPs after their routes, or at the end of its time where those cannot be withdrawn. It
// announces nothing, and refuses to act beside a heraldd that runs.
//
//   looking and reading -> withdrawing -> looking and reading ... until nothing is left (0) or its time is over (1)
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sidecar/announce/levers.h"
#include "sidecar/announce/loopback.h"
#include "sidecar/core/config.h"
#include "sidecar/core/route/route_plan.h"
#include "sidecar/os/log.h"
#include "sidecar/os/loop.h"
#include "sidecar/os/namespace_lock.h"

namespace herald {

class Withdrawal {
 public:
  enum class Vips : std::uint8_t { stay, go };  // those under routes

  Withdrawal(Loop& loop, Log& log, Config config, Vips vips,
             std::vector<std::filesystem::path> template_dirs);
  Withdrawal(const Withdrawal&) = delete;
  Withdrawal& operator=(const Withdrawal&) = delete;

  // The exit code; the error is a line for people.
  [[nodiscard]] std::expected<int, std::string> run();

 private:
  [[nodiscard]] bool is_kept(const ServiceSpec& service) const;
  [[nodiscard]] bool has_routes() const;
  void look();
  void read();
  void on_view(const RouterView& view);
  void withdraw(const std::vector<RouteStep>& steps);
  void finish_part();
  void let_vips_go();
  void finish_with_vips();
  void give_up();

  Loop& loop_;
  Log& log_;
  Config config_;
  Vips vips_;
  std::vector<DesiredAddress> addresses_;  // of services that are kept: hold; of the others: absent
  std::vector<std::size_t> last_;          // of them: those that go once the routes are gone
  std::vector<DesiredRoute> routes_;
  std::optional<LoopbackLever> lever_;
  std::optional<NamespaceLock> lock_;
  bool addresses_left_ = true;
  bool routes_left_ = true;
  std::string trouble_;
  std::unique_ptr<RouterLever> router_;
  Source look_again_;
  Source read_again_;
  Source deadline_;
};

}  // namespace herald
