#include "sidecar/work/privileges.h"

#include <cap-ng.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "sidecar/os/fd.h"

namespace herald::work {
namespace {

// With nothing but what has been selected.
std::expected<void, std::string> become(const std::string& name) {
  errno = 0;
  const passwd* user = getpwnam(name.c_str());
  if (user == nullptr)
    return std::unexpected(errno == 0 ? "there is no user " + name : system_error_text("user " + name));
  const auto uid = static_cast<int>(user->pw_uid);
  const auto gid = static_cast<int>(user->pw_gid);
  constexpr auto kFlags = static_cast<capng_flags_t>(CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING);
  if (capng_change_id(uid, gid, kFlags) != 0) return std::unexpected(system_error_text("become " + name));
  return {};
}

}  // namespace

std::expected<void, std::string> give_up_privileges(const Privileges& privileges) {
  const bool is_root = geteuid() == 0;
  if (is_root && privileges.user == "root") return {};  // who asks for it gets it
  capng_get_caps_process();
  const bool keeps_raw = privileges.raw && capng_have_capability(CAPNG_PERMITTED, CAP_NET_RAW) != 0;
  capng_clear(CAPNG_SELECT_ALL);
  // The workers are programs that it runs: they get what is ambient, which has to be inheritable.
  constexpr auto kHeld = static_cast<capng_type_t>(CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_INHERITABLE);
  if (keeps_raw) capng_update(CAPNG_ADD, kHeld, CAP_NET_RAW);
  if (is_root && privileges.user) {
    if (auto became = become(*privileges.user); !became) return became;
  } else if (capng_apply(CAPNG_SELECT_CAPS) != 0) {
    return std::unexpected("capabilities cannot be dropped");
  }
  // For the workers, which are another program's start; they pass it on to no command.
  if (keeps_raw && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0) != 0)
    return std::unexpected(system_error_text("keep CAP_NET_RAW"));
  return no_new_privileges();
}

std::expected<void, std::string> no_new_privileges() {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return std::unexpected(system_error_text("no new privileges"));
  return {};
}

}  // namespace herald::work
