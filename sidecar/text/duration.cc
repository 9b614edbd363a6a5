#include "sidecar/text/duration.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace herald {

namespace {

struct Unit {
  std::string_view name;
  std::int64_t nanoseconds;
};

// Largest first: to_string() takes the first that divides, parse_duration() the one whose name matches whole.
constexpr std::array<Unit, 5> kUnits{{{"d", 86'400'000'000'000},
                                      {"h", 3'600'000'000'000},
                                      {"m", 60'000'000'000},
                                      {"s", 1'000'000'000},
                                      {"ms", 1'000'000}}};

// Every unit is a whole number of these many parts, so six digits after the point are always exact.
constexpr std::size_t kFractionDigits = 6;
constexpr std::int64_t kFractionParts = 1'000'000;

bool all_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::optional<std::int64_t> parse_digits(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// "5" after the point is 500000 parts of a unit.
std::optional<std::int64_t> parse_fraction(std::string_view digits) {
  if (!all_digits(digits) || digits.size() > kFractionDigits) return std::nullopt;
  std::string padded(digits);
  padded.resize(kFractionDigits, '0');
  return parse_digits(padded);
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  const std::size_t unit_at = text.find_first_not_of("0123456789.");
  if (unit_at == std::string_view::npos) return std::nullopt;
  const auto unit =
      std::ranges::find_if(kUnits, [&](const Unit& each) { return each.name == text.substr(unit_at); });
  if (unit == kUnits.end()) return std::nullopt;
  const std::string_view number = text.substr(0, unit_at);
  const std::size_t point = number.find('.');
  const std::string_view whole_digits = number.substr(0, point);
  if (!all_digits(whole_digits)) return std::nullopt;
  const auto whole = parse_digits(whole_digits);
  const auto parts = point == std::string_view::npos ? 0 : parse_fraction(number.substr(point + 1));
  if (!whole || !parts) return std::nullopt;
  // The fraction is less than one unit, so leaving room for one keeps the sum in range.
  if (*whole >= std::numeric_limits<std::int64_t>::max() / unit->nanoseconds) return std::nullopt;
  return Duration(*whole * unit->nanoseconds + *parts * (unit->nanoseconds / kFractionParts));
}

std::string to_string(Duration duration) {
  const std::int64_t count = duration.count();
  if (count == 0) return "0s";
  for (const auto& unit : kUnits) {
    if (count % unit.nanoseconds == 0) return fmt::format("{}{}", count / unit.nanoseconds, unit.name);
  }
  // Not a whole number of milliseconds: up to six digits after the point.
  const std::uint64_t size =
      count < 0 ? 0 - static_cast<std::uint64_t>(count) : static_cast<std::uint64_t>(count);
  std::string text = fmt::format("{}{}.{:06}", count < 0 ? "-" : "", size / 1'000'000, size % 1'000'000);
  text.erase(text.find_last_not_of('0') + 1);
  return text + "ms";
}

}  // namespace herald
