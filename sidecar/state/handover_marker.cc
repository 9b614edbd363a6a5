#include "sidecar/state/handover_marker.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <string_view>
#include <system_error>

#include "sidecar/os/fd.h"
#include "sidecar/os/kept_file.h"

namespace herald {

std::expected<void, std::string> HandoverMarker::write() const {
  constexpr std::string_view kText =
      "heraldd " HERALD_VERSION " has handed over: what it announced stays, and the next heraldd adopts it\n";
  if (file_.empty()) return {};
  std::error_code error;
  std::filesystem::create_directories(file_.parent_path(), error);  // open() tells if it could not
  const Fd fd(::open(file_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640));
  leave_to_owner_of(file_.parent_path(), fd);
  if (fd && write_all(fd, kText)) return {};
  std::string problem = system_error_text(fmt::format("write {}", file_.native()));
  remove();
  return std::unexpected(std::move(problem));
}

void HandoverMarker::remove() const {
  ::unlink(file_.c_str());
}

bool HandoverMarker::exists() const {
  std::error_code ignored;
  return std::filesystem::exists(file_, ignored);
}

}  // namespace herald
