#include "sidecar/ctl_text.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "sidecar/plain_text.h"
#include "sidecar/report.h"

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

std::string cut_to(const std::string& text, std::size_t used, const Look& look) {
  if (look.width == 0) return text;
  return cut(text, look.width > used ? look.width - used : 0);
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

std::string joined_at(const Report& object, const char* key) {
  std::string text;
  for (const Report& each : list_at(object, key)) {
    if (!each.is_string()) continue;
    text += (text.empty() ? "" : ", ") + printable(each.get_ref<const std::string&>());
  }
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

// ---- lines

std::string line(const std::string& text, const Look& look, Colour colour) {
  return painted(cut_to(text, 0, look), look, colour) + "\n";
}

std::string Table::text(const Look& look) const {
  std::vector<std::size_t> widths;
  for (const Row& row : rows_) {
    widths.resize(std::max(widths.size(), row.cells.size()));
    for (std::size_t i = 0; i < row.cells.size(); ++i)
      widths[i] = std::max(widths[i], columns(row.cells[i].text));
  }
  std::string out;
  for (const Row& row : rows_) {
    if (row.cells.empty()) {
      out += std::string(indent_ + 4, ' ') + painted(cut_to(row.note, indent_ + 4, look), look, row.colour) +
             "\n";
      continue;
    }
    std::size_t used = indent_;
    out.append(indent_, ' ');
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      const std::string text = cut_to(row.cells[i].text, used, look);
      out += painted(text, look, row.cells[i].colour);
      if (i + 1 == row.cells.size()) break;
      const std::size_t filled = used + widths[i] + 2;
      if (look.width != 0 && filled >= look.width) break;
      out.append(widths[i] + 2 - columns(text), ' ');
      used = filled;
    }
    out.erase(out.find_last_not_of(' ') + 1);
    out += '\n';
  }
  return out;
}

}  // namespace herald::ctl
