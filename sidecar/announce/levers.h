// The levers, where they are made: by the configuration which stack's, and by one decision for real or for a dry run. Whoever
// pulls them does not see which.
#pragma once

#include <expected>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sidecar/announce/address_lever.h"
#include "sidecar/announce/router/lever.h"
#include "sidecar/core/config.h"
#include "sidecar/os/loop.h"

namespace herald {

// It outlives what it has made. Everything takes what it needs out of the configuration, which may go.
class Levers {
 public:
  Levers() = default;
  Levers(const Levers&) = delete;
  Levers& operator=(const Levers&) = delete;
  virtual ~Levers() = default;

  // The error is a line for people.
  [[nodiscard]] virtual std::expected<std::unique_ptr<AddressLever>, std::string> addresses(
      const std::vector<ServiceSpec>& services) = 0;
  // By `router.stack`; none for `none`. `leaving`: VIPs that the configuration has no more; reads cover them, too.
  [[nodiscard]] virtual std::unique_ptr<RouterLever> router(const Config& config,
                                                            std::span<const Vip> leaving) = 0;
  // What is wrong with the templates that the levers of `config` need, a line each.
  [[nodiscard]] virtual std::vector<std::string> template_problems(const Config& config) const = 0;
};

using TemplateDirs = std::vector<std::filesystem::path>;

[[nodiscard]] std::unique_ptr<Levers> make_levers(Loop& loop, TemplateDirs dirs);
// They look and read for real and only pretend to act.
[[nodiscard]] std::unique_ptr<Levers> make_dry_run_levers(Loop& loop, TemplateDirs dirs);

// One alone, for real.
[[nodiscard]] std::unique_ptr<RouterLever> make_router_lever(
    Loop& loop, const Config& config, std::span<const std::filesystem::path> template_dirs,
    std::span<const Vip> leaving = {});

}  // namespace herald
