// What changed and why, for whoever asks later: the last transitions, also those of before this start.
//
// They are kept in memory and appended to one file, a JSON object a line. Nothing depends on the file: what cannot be
// written is said once and missing there until it can be, and lines that make no sense are skipped. The Writer writes
// it, a piece at a time, with all that has been added meanwhile, and it is never synced: a crash of heraldd loses what was
// added in the last moments, one of the machine perhaps the last seconds. When it has grown too long, or more is waiting
// for the disk than the file may have, it is written anew.
#pragma once

#include <deque>
#include <expected>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "sidecar/state/history_entry.h"
#include "sidecar/state/writer.h"

namespace herald {

class History {
 public:
  using Entries = std::deque<HistoryEntry>;  // newest last

  // Without a directory nothing is read and nothing written. `say` is told, for people, when writing begins to fail, and
  // when it works again.
  History(const std::optional<std::filesystem::path>& directory, Writer& writer,
          std::function<void(const std::string&)> say);
  History(const History&) = delete;
  History& operator=(const History&) = delete;

  // What was kept before. The error is a line for people, what of it is missing.
  [[nodiscard]] std::expected<void, std::string> load();
  void add(HistoryEntry entry);
  // Has what was added written.
  void flush();

  [[nodiscard]] const Entries& entries() const { return entries_; }

  static constexpr std::size_t kMostEntries = 1000;
  static constexpr std::size_t kMostFileBytes = 1UL << 20U;

 private:
  [[nodiscard]] WriteOrder next_piece();
  [[nodiscard]] std::string whole() const;
  void written(const Written& written);

  std::filesystem::path file_;  // empty: none
  Entries entries_;
  Writer& writer_;
  std::function<void(const std::string&)> say_;
  std::string pending_;  // lines that nobody writes yet
  std::size_t file_bytes_ = 0;
  bool added_ = false;      // since the last piece
  bool behind_ = true;      // the file has to be written anew
  bool writing_ = false;    // a piece is being written, or about to be
  bool rewriting_ = false;  // and is all of it
  bool failing_ = false;
};

// `history --json`: of one service, with herald's own coming and going; of all where `service` is empty.
[[nodiscard]] nlohmann::ordered_json history_report(const History::Entries& entries, std::string_view service,
                                                    const ClockPair& clocks);

}  // namespace herald
