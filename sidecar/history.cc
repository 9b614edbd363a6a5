#include "sidecar/history.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <expected>
#include <nlohmann/json.hpp>
#include <utility>

#include "sidecar/fd.h"
#include "sidecar/plain_text.h"

namespace herald {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;
using std::chrono::milliseconds;
using namespace std::chrono_literals;

constexpr std::string_view kHerald = "herald";
constexpr std::size_t kLongestReason = 300;
constexpr mode_t kMode = 0640;

std::chrono::sys_time<milliseconds> wall_time(TimePoint when, const ClockPair& clocks) {
  return std::chrono::floor<milliseconds>(
      clocks.wall + std::chrono::duration_cast<std::chrono::system_clock::duration>(when - clocks.core));
}

std::string failed(const char* what, const std::filesystem::path& path) {
  return system_error_text(fmt::format("{} {}", what, path.native()));
}

std::string line_of(const HistoryEntry& entry) {
  constexpr int kCompact = -1;
  return to_json(entry).dump(kCompact, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

// Of a regular file its last bytes; whatever else is there is not read, or it might not end.
std::expected<std::string, std::string> read_end(const std::filesystem::path& path, std::size_t most) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd && errno == ENOENT) return std::string();
  struct stat status{};
  if (!fd || ::fstat(fd.get(), &status) != 0) return std::unexpected(failed("read", path));
  if (!S_ISREG(status.st_mode)) return std::unexpected(fmt::format("{} is no regular file", path.native()));
  std::string text(std::min(most, static_cast<std::size_t>(status.st_size)), '\0');
  const off_t begin = status.st_size - static_cast<off_t>(text.size());
  const ssize_t count = ::pread(fd.get(), text.data(), text.size(), begin);
  if (count < 0) return std::unexpected(failed("read", path));
  text.resize(static_cast<std::size_t>(count));
  if (begin > 0) text.erase(0, std::min(text.find('\n'), text.size() - 1) + 1);  // a line that was cut
  return text;
}

}  // namespace

// ---- entries

HistoryEntry entry_of(const effect::Transition& transition, const ClockPair& clocks) {
  return {.at = wall_time(transition.at, clocks),
          .subject = std::string(name_of(transition.subject)),
          .service = transition.service,
          .probe = transition.probe,
          .from = transition.from,
          .to = transition.to,
          .reason = cut(printable(transition.reason), kLongestReason),
          .lasted = std::chrono::floor<milliseconds>(transition.lasted)};
}

HistoryEntry entry_of_herald(std::string to, std::string reason, const ClockPair& clocks) {
  return {.at = wall_time(clocks.core, clocks),
          .subject = std::string(kHerald),
          .service = {},
          .probe = {},
          .from = {},
          .to = std::move(to),
          .reason = std::move(reason),
          .lasted = std::nullopt};
}

ordered_json to_json(const HistoryEntry& entry) {
  const auto lasted =
      static_cast<std::uint64_t>(std::max<std::int64_t>(entry.lasted.value_or(0ms).count(), 0));
  return {{"at", to_rfc3339(TimePoint{}, {TimePoint{}, entry.at})},
          {"subject", entry.subject},
          {"service", entry.service},
          {"probe", entry.probe},
          {"from", entry.from},
          {"to", entry.to},
          {"reason", entry.reason},
          {"lasted_ms", entry.lasted ? ordered_json(lasted) : ordered_json(nullptr)}};
}

std::optional<HistoryEntry> read_entry(std::string_view line) {
  const json object = json::parse(line, nullptr, false);
  const auto text = [&](const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  if (!object.is_object()) return std::nullopt;
  const auto at = parse_rfc3339(text("at"));
  if (!at || text("subject").empty() || text("to").empty()) return std::nullopt;
  HistoryEntry entry{*at,          text("subject"), text("service"), text("probe"),
                     text("from"), text("to"),      text("reason"),  std::nullopt};
  const auto lasted = object.find("lasted_ms");
  if (lasted != object.end() && lasted->is_number_integer())
    entry.lasted = milliseconds(lasted->get<std::int64_t>());
  return entry;
}

// ---- the file

History::History(const std::optional<std::filesystem::path>& directory)
    : file_(directory ? *directory / "history.jsonl" : std::filesystem::path()) {}

std::string History::load() {
  if (file_.empty()) return {};
  const auto text = read_end(file_, kMostFileBytes);
  if (!text) return text.error() + "; the history begins anew";
  std::size_t junk = 0;
  for (std::size_t begin = 0; begin < text->size();) {
    const std::size_t end = std::min(text->find('\n', begin), text->size());
    if (auto entry = read_entry(std::string_view(*text).substr(begin, end - begin))) {
      entries_.push_back(*std::move(entry));
      if (entries_.size() > kMostEntries) entries_.pop_front();
    } else {
      ++junk;
    }
    begin = end + 1;
  }
  behind_ = junk > 0 || text->empty() || text->back() != '\n';
  file_bytes_ = text->size();
  if (junk == 0) return {};
  return fmt::format("{} line{} of {} make no sense and are left out of the history", junk,
                     junk == 1 ? "" : "s", file_.native());
}

void History::add(HistoryEntry entry) {
  if (!file_.empty() && !behind_) pending_ += line_of(entry);
  entries_.push_back(std::move(entry));
  if (entries_.size() > kMostEntries) entries_.pop_front();
  added_ = true;
}

std::string History::flush() {
  if (!std::exchange(added_, false) || file_.empty()) return {};
  if (file_bytes_ + pending_.size() > kMostFileBytes) behind_ = true;
  std::string problem = behind_ ? rewrite() : append();
  if (!problem.empty() && !behind_) problem = rewrite();
  file_bytes_ += std::exchange(pending_, {}).size();
  behind_ = !problem.empty();
  const bool failed_before = std::exchange(failing_, behind_);
  if (failed_before == failing_) return {};
  return failing_ ? fmt::format("the history cannot be kept: {}", problem) : "the history is kept again";
}

std::string History::append() const {
  const Fd fd(::open(file_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  return fd && write_all(fd, pending_) ? "" : failed("write", file_);
}

std::string History::rewrite() {
  std::error_code error;
  std::filesystem::create_directories(file_.parent_path(), error);  // open() tells if it could not
  const std::filesystem::path fresh = file_.native() + ".new";
  std::string text;
  for (const HistoryEntry& entry : entries_) text += line_of(entry);
  // Half of what it may have, so that it is not written anew for every line.
  if (text.size() > kMostFileBytes / 2) text.erase(0, text.find('\n', text.size() - kMostFileBytes / 2) + 1);
  const Fd fd(
      ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, kMode));
  std::string problem = fd && write_all(fd, text) ? "" : failed("write", fresh);
  if (problem.empty() && ::rename(fresh.c_str(), file_.c_str()) != 0) problem = failed("replace", file_);
  if (!problem.empty()) ::unlink(fresh.c_str());
  pending_.clear();
  file_bytes_ = text.size();
  return problem;
}

ordered_json history_report(const History::Entries& entries, std::string_view service,
                            const ClockPair& clocks) {
  ordered_json report{{"version", HERALD_VERSION},
                      {"at", to_rfc3339(clocks.core, clocks)},
                      {"transitions", ordered_json::array()}};
  for (const HistoryEntry& entry : entries) {
    if (service.empty() || entry.service == service || entry.service.empty())
      report["transitions"].push_back(to_json(entry));
  }
  return report;
}

}  // namespace herald
