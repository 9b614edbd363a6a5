#include "sidecar/state/history.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <expected>
#include <nlohmann/json.hpp>
#include <utility>

#include "sidecar/os/fd.h"
#include "sidecar/os/kept_file.h"

namespace herald {
namespace {

using nlohmann::ordered_json;

constexpr mode_t kMode = 0640;

std::string failure_to(const char* what, const std::filesystem::path& path) {
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
  if (!fd || ::fstat(fd.get(), &status) != 0) return std::unexpected(failure_to("read", path));
  if (!S_ISREG(status.st_mode)) return std::unexpected(fmt::format("{} is no regular file", path.native()));
  std::string text(std::min(most, static_cast<std::size_t>(status.st_size)), '\0');
  const off_t begin = status.st_size - static_cast<off_t>(text.size());
  const ssize_t count = ::pread(fd.get(), text.data(), text.size(), begin);
  if (count < 0) return std::unexpected(failure_to("read", path));
  text.resize(static_cast<std::size_t>(count));
  if (begin > 0) text.erase(0, std::min(text.find('\n'), text.size() - 1) + 1);  // a line that was cut
  return text;
}

}  // namespace

History::History(const std::optional<std::filesystem::path>& directory, Writer& writer,
                 std::function<void(const std::string&)> say)
    : file_(directory ? *directory / "history.jsonl" : std::filesystem::path()),
      writer_(writer),
      say_(std::move(say)) {}

std::expected<void, std::string> History::load() {
  if (file_.empty()) return {};
  const auto text = read_end(file_, kMostFileBytes);
  if (!text) return std::unexpected(text.error() + "; the history begins anew");
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
  return std::unexpected(fmt::format("{} line{} of {} make no sense and are left out of the history", junk,
                                     junk == 1 ? "" : "s", file_.native()));
}

void History::add(HistoryEntry entry) {
  if (!file_.empty() && !behind_) pending_ += line_of(entry);
  entries_.push_back(std::move(entry));
  if (entries_.size() > kMostEntries) entries_.pop_front();
  added_ = true;
  if (pending_.size() <= kMostFileBytes) return;
  pending_ = std::string();  // entries_ has what of it is to be kept
  behind_ = true;
}

void History::flush() {
  if (!added_ || writing_ || file_.empty()) return;
  writing_ = true;
  writer_.write(
      {.make = [this] { return next_piece(); }, .done = [this](const Written& done) { written(done); }});
}

WriteOrder History::next_piece() {
  added_ = false;
  rewriting_ = behind_ || file_bytes_ + pending_.size() > kMostFileBytes;
  behind_ = false;
  std::string text = std::exchange(pending_, {});
  if (rewriting_) {
    text = whole();
    file_bytes_ = 0;
  }
  file_bytes_ += text.size();
  return {.kind = rewriting_ ? WriteOrder::Kind::replace : WriteOrder::Kind::append,
          .file = file_,
          .text = std::move(text),
          .mode = kMode};
}

std::string History::whole() const {
  std::string text;
  for (const HistoryEntry& entry : entries_) text += line_of(entry);
  // Half of what it may have, so that it is not written anew for every line.
  if (text.size() > kMostFileBytes / 2) text.erase(0, text.find('\n', text.size() - kMostFileBytes / 2) + 1);
  return text;
}

void History::written(const Written& written) {
  writing_ = false;
  if (!written) {
    behind_ = true;
    pending_.clear();
    if (!rewriting_) added_ = true;  // perhaps the file is gone, or no file: at once anew
  }
  const bool failed = !written && rewriting_;
  if (failed && !std::exchange(failing_, true)) say_("the history cannot be kept: " + written.error().text);
  if (written && std::exchange(failing_, false)) say_("the history is kept again");
  if (!failed) flush();
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
