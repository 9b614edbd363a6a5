// What changed and why, for whoever asks later: the last transitions, also those of before this start.
//
// They are kept in memory and appended to one file, a JSON object a line. Nothing depends on the file: what cannot be
// written is said once and missing there until it can be, and lines that make no sense are skipped. It is written
// after a turn's effects were carried out and never synced, so that a slow disk holds up no withdrawal: a crash of
// heraldd loses nothing, one of the machine perhaps the last seconds. When it has grown too long it is written anew.
#pragma once

#include <deque>
#include <expected>
#include <filesystem>
#include <optional>
#include <string>

#include "sidecar/state/history_entry.h"

namespace herald {

class History {
 public:
  using Entries = std::deque<HistoryEntry>;  // newest last

  // Without a directory nothing is read and nothing written.
  explicit History(const std::optional<std::filesystem::path>& directory);

  // What was kept before. The error is a line for people, what of it is missing.
  [[nodiscard]] std::expected<void, std::string> load();
  void add(HistoryEntry entry);
  // Writes what was added. A line for people when that begins to fail, or works again.
  [[nodiscard]] std::optional<std::string> flush();

  [[nodiscard]] const Entries& entries() const { return entries_; }

  static constexpr std::size_t kMostEntries = 1000;
  static constexpr std::size_t kMostFileBytes = 1UL << 20U;

 private:
  [[nodiscard]] std::expected<void, std::string> append() const;
  [[nodiscard]] std::expected<void, std::string> rewrite();

  std::filesystem::path file_;  // empty: none
  Entries entries_;
  std::string pending_;  // lines that are not in the file yet
  std::size_t file_bytes_ = 0;
  bool added_ = false;  // since the last flush
  bool behind_ = true;  // the file has to be written anew
  bool failing_ = false;
};

// `history --json`: of one service, with herald's own coming and going; of all where `service` is empty.
[[nodiscard]] nlohmann::ordered_json history_report(const History::Entries& entries, std::string_view service,
                                                    const ClockPair& clocks);

}  // namespace herald
