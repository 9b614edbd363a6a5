#include "sidecar/daemon/hands.h"

#include <cap-ng.h>

#include <utility>

#include "sidecar/state/writer_process.h"

namespace herald {
namespace {

bool may_change_addresses() {
  capng_get_caps_process();
  return capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN) != 0;
}

// The writer's rights: files are all that it is for. Where a filter has no capset(2), as in herald.service, it keeps them.
void keep_nothing_but_files() {
  constexpr auto kHeld = static_cast<capng_type_t>(CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_INHERITABLE);
  capng_get_caps_process();
  capng_updatev(CAPNG_DROP, kHeld, CAP_NET_ADMIN, CAP_NET_RAW, CAP_SYS_ADMIN, -1);
  (void)capng_apply(CAPNG_SELECT_CAPS);
}

std::expected<std::optional<NamespaceLock>, std::string> take_place() {
  if (!may_change_addresses()) {
    return std::unexpected(
        "heraldd may not change addresses: it needs CAP_NET_ADMIN, which its unit gives it. Run it as root");
  }
  return NamespaceLock::take();
}

}  // namespace

Hands real_hands(Loop& loop, const std::filesystem::path& state_dir, TemplateDirs dirs) {
  return {.levers = make_levers(loop, std::move(dirs)),
          .writer = std::make_unique<WriterProcess>(loop, keep_nothing_but_files),
          .state = StateFile(state_dir),
          .keeps_in = state_dir,
          .take_place = take_place};
}

Hands dry_run_hands(Loop& loop, const std::filesystem::path& state_dir, TemplateDirs dirs) {
  return {.levers = make_dry_run_levers(loop, std::move(dirs)),
          .writer = std::make_unique<PretendingWriter>(loop),
          .state = StateFile(state_dir),
          .keeps_in = std::nullopt,
          .take_place = [] { return std::expected<std::optional<NamespaceLock>, std::string>(); },
          .pretend = true,
          .would = "dry run, would: "};
}

}  // namespace herald
