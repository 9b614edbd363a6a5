#include "sidecar/ctl/text.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "sidecar/text/clocks.h"
#include "sidecar/text/plain_text.h"

namespace herald::ctl {
namespace {

const Report* find(const Report& object, const char* key) {
  const auto found = object.find(key);  // end() where it is no object
  return found == object.end() ? nullptr : &*found;
}

// A view of a constant that outlives every report.
const Report& empty_list() {
  static const Report kEmpty = Report::array();
  return kEmpty;
}
const Report& empty_object() {
  static const Report kEmpty = Report::object();
  return kEmpty;
}

std::string_view code_of(Colour colour) {
  switch (colour) {
    case Colour::good:
      return "\x1b[32m";
    case Colour::doubtful:
      return "\x1b[33m";
    case Colour::bad:
      return "\x1b[31m";
    case Colour::strong:
      return "\x1b[1m";
    case Colour::plain:
      break;
  }
  return {};
}

std::string painted(std::string text, const Look& look, Colour colour) {
  const std::string_view code = look.colour && !text.empty() ? code_of(colour) : std::string_view{};
  return code.empty() ? text : fmt::format("{}{}\x1b[0m", code, text);
}

// How much further in a wrapped text goes on.
constexpr std::size_t kHang = 4;
// A column with less than this is none to wrap a text in.
constexpr std::size_t kLeastColumn = 24;

// The first piece of `text` of at most `room` columns, broken at a blank where there is one; it is taken off, with the
// blank.
std::string_view take_piece(std::string_view& text, std::size_t room) {
  std::size_t end = start_of(text, room).size();
  std::size_t next = end;
  if (end < text.size()) {
    const std::size_t blank = text.rfind(' ', end);
    if (blank != std::string_view::npos && blank > 0) end = next = blank;
    next = std::min(text.find_first_not_of(' ', next), text.size());
  }
  const std::string_view piece = text.substr(0, end);
  text.remove_prefix(next);
  return piece;
}

// `text` from column `begin` on; what does not fit goes on in column `hang` of the lines below.
std::string wrapped(std::string_view text, std::size_t begin, std::size_t hang, const Look& look,
                    Colour colour) {
  if (look.width == 0 || begin + columns(text) <= look.width) return painted(std::string(text), look, colour);
  // On a terminal too narrow for any of this, the terminal wraps.
  const auto room = [&](std::size_t from) {
    return from + kHang < look.width ? look.width - from : text.size();
  };
  std::string out = painted(std::string(take_piece(text, room(begin))), look, colour);
  while (!text.empty())
    out += "\n" + std::string(hang, ' ') + painted(std::string(take_piece(text, room(hang))), look, colour);
  return out;
}

std::tm local(WallTime when) {
  const std::time_t seconds = std::chrono::floor<std::chrono::seconds>(when).time_since_epoch().count();
  std::tm fields{};
  ::localtime_r(&seconds, &fields);
  return fields;
}

}  // namespace

// ---- values

std::string text_at(const Report& object, const char* key) {
  const Report* value = find(object, key);
  return value != nullptr && value->is_string() ? printable(value->get_ref<const std::string&>())
                                                : std::string();
}

std::uint64_t count_at(const Report& object, const char* key) {
  const Report* value = find(object, key);
  return value != nullptr && value->is_number_unsigned() ? value->get<std::uint64_t>() : 0;
}

double number_at(const Report& object, const char* key) {
  const Report* value = find(object, key);
  return value != nullptr && value->is_number() ? value->get<double>() : 0;
}

std::optional<bool> flag_at(const Report& object, const char* key) {
  const Report* value = find(object, key);
  return value != nullptr && value->is_boolean() ? std::optional(value->get<bool>()) : std::nullopt;
}

const Report& list_at(const Report& object, const char* key) {
  const Report* value = find(object, key);
  return value != nullptr && value->is_array() ? *value : empty_list();
}

const Report& object_at(const Report& object, const char* key) {
  const Report* value = find(object, key);
  return value != nullptr && value->is_object() ? *value : empty_object();
}

bool is_null_at(const Report& object, const char* key) {
  const Report* value = find(object, key);
  return value == nullptr || value->is_null();
}

std::vector<std::string> texts_at(const Report& object, const char* key) {
  std::vector<std::string> texts;
  for (const Report& each : list_at(object, key)) {
    if (each.is_string()) texts.push_back(printable(each.get_ref<const std::string&>()));
  }
  return texts;
}

std::string joined_at(const Report& object, const char* key) {
  std::string text;
  for (const std::string& each : texts_at(object, key)) text += (text.empty() ? "" : ", ") + each;
  return text;
}

// ---- times

std::optional<WallTime> time_at(const Report& object, const char* key) {
  return parse_rfc3339(text_at(object, key));
}

std::string span_text(std::chrono::milliseconds span) {
  const auto milliseconds = std::max<std::int64_t>(span.count(), 0);
  const auto seconds = milliseconds / 1000;
  if (seconds < 10) return fmt::format("{}.{}s", seconds, milliseconds % 1000 / 100);
  if (seconds < 60) return fmt::format("{}s", seconds);
  if (seconds < 3600) return fmt::format("{}m", seconds / 60);
  if (seconds < 86400) return fmt::format("{}h {}m", seconds / 3600, seconds % 3600 / 60);
  return fmt::format("{}d {}h", seconds / 86400, seconds % 86400 / 3600);
}

std::string clock_text(WallTime when, WallTime now) {
  const std::tm then = local(when);
  const std::tm today = local(now);
  const bool same_day = then.tm_year == today.tm_year && then.tm_yday == today.tm_yday;
  return same_day ? fmt::format("{:%H:%M:%S}", then) : fmt::format("{:%Y-%m-%d %H:%M:%S}", then);
}

std::string precise_clock_text(WallTime when, WallTime now) {
  const auto part = when - std::chrono::floor<std::chrono::seconds>(when);
  return fmt::format("{}.{:03}", clock_text(when, now), part.count());
}

std::string moment_text(const Report& object, const char* key, WallTime now) {
  const auto when = time_at(object, key);
  return when ? fmt::format("{}, {} ago", clock_text(*when, now), span_text(now - *when)) : std::string();
}

// ---- lines

std::string line(const std::string& text, const Look& look, Colour colour) {
  const std::size_t indent = std::min(text.find_first_not_of(' '), text.size());
  return std::string(indent, ' ') +
         wrapped(std::string_view(text).substr(indent), indent, indent + kHang, look, colour) + "\n";
}

std::vector<std::size_t> Table::widths() const {
  std::vector<std::size_t> widths;
  for (const Row& row : rows_) {
    widths.resize(std::max(widths.size(), row.cells.size()));
    for (std::size_t i = 0; i < row.cells.size(); ++i)
      widths[i] = std::max(widths[i], columns(row.cells[i].text));
  }
  return widths;
}

std::string Table::row_text(const Row& row, const std::vector<std::size_t>& widths, const Look& look) const {
  const std::size_t hang = indent_ + kHang;
  std::string out(indent_, ' ');
  std::size_t at = indent_;  // the column that is written next
  for (std::size_t i = 0; i < row.cells.size(); ++i) {
    const Cell& cell = row.cells[i];
    const std::size_t width = columns(cell.text);
    const bool is_last = i + 1 == row.cells.size();
    const bool fits = look.width == 0 || at + width <= look.width;
    const bool wraps = is_last && at + kLeastColumn <= look.width;
    if (!fits && !wraps && at > hang) {
      out.erase(out.find_last_not_of(' ') + 1);
      out += "\n" + std::string(hang, ' ');
      at = hang;
    }
    out += wrapped(cell.text, at, at, look, cell.colour);
    if (is_last) break;
    out.append(widths[i] + 2 - width, ' ');
    at += widths[i] + 2;
  }
  out.erase(out.find_last_not_of(' ') + 1);
  return out + "\n";
}

std::string Table::text(const Look& look) const {
  const std::vector<std::size_t> widths = this->widths();
  const std::size_t hang = indent_ + kHang;
  std::string out;
  for (const Row& row : rows_) {
    out += row.cells.empty()
               ? std::string(hang, ' ') + wrapped(row.note, hang, hang + kHang, look, row.colour) + "\n"
               : row_text(row, widths, look);
  }
  return out;
}

}  // namespace herald::ctl
