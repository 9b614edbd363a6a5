// What heraldctl's pictures are made of: values out of a report, times, colours, tables.
//
// A report is data of another process: what is missing or of another type reads as empty, and no text reaches
// the terminal without printable().
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace herald::ctl {

using Report = nlohmann::ordered_json;
using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;

[[nodiscard]] std::string text_at(const Report& object, const char* key);
[[nodiscard]] std::uint64_t count_at(const Report& object, const char* key);
[[nodiscard]] double number_at(const Report& object, const char* key);
[[nodiscard]] std::optional<bool> flag_at(const Report& object, const char* key);  // none: not known
[[nodiscard]] const Report& list_at(const Report& object, const char* key);
[[nodiscard]] const Report& object_at(const Report& object, const char* key);
[[nodiscard]] bool is_null_at(const Report& object, const char* key);  // absent too
// The texts of a list, fit to be shown; what is none is left out.
[[nodiscard]] std::vector<std::string> texts_at(const Report& object, const char* key);
// "10.1.1.4, 10.1.1.132"
[[nodiscard]] std::string joined_at(const Report& object, const char* key);

// "2026-11-23T10:00:00.123Z"
[[nodiscard]] std::optional<WallTime> time_at(const Report& object, const char* key);
// "0.4s", "42s", "3m", "2h 5m", "3d 4h"
[[nodiscard]] std::string span_text(std::chrono::milliseconds span);
// Local time: "10:00:00" on the day of `now`, else "2026-11-22 10:00:00".
[[nodiscard]] std::string clock_text(WallTime when, WallTime now);
// The same with milliseconds, for what happens in quick succession: "10:00:00.123".
[[nodiscard]] std::string precise_clock_text(WallTime when, WallTime now);
// "10:00:00, 3m ago"; empty where it is no time.
[[nodiscard]] std::string moment_text(const Report& object, const char* key, WallTime now);

enum class Colour : std::uint8_t { plain, good, doubtful, bad, strong };

struct Look {
  bool colour = false;
  std::size_t width = 0;  // columns of the terminal; 0: nothing is wrapped
};

struct Cell {
  std::string text;
  Colour colour = Colour::plain;
};

// A line break at the end. What is wider than the look goes on below, further in than it begins: the end of an
// explanation is worth as much as its beginning.
[[nodiscard]] std::string line(const std::string& text, const Look& look, Colour colour = Colour::plain);

// Columns as wide as their widest cell, two blanks between; the last one is not filled up. It is wrapped in its column
// where that has room; what else does not fit goes on below.
class Table {
 public:
  explicit Table(std::size_t indent = 0) : indent_(indent) {}
  void add(std::vector<Cell> cells) { rows_.push_back({std::move(cells), {}, Colour::plain}); }
  // A line of its own below the last row.
  void add_note(std::string text, Colour colour) { rows_.push_back({{}, std::move(text), colour}); }
  [[nodiscard]] std::string text(const Look& look) const;

 private:
  struct Row {
    std::vector<Cell> cells;
    std::string note;
    Colour colour;
  };
  [[nodiscard]] std::vector<std::size_t> widths() const;
  [[nodiscard]] std::string row_text(const Row& row, const std::vector<std::size_t>& widths,
                                     const Look& look) const;

  std::size_t indent_;
  std::vector<Row> rows_;
};

}  // namespace herald::ctl
