#include "sidecar/http/accept.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>
#include <string>

namespace herald::http {
namespace {

std::string lower_and_trimmed(std::string_view text) {
  const auto is_blank = [](char each) { return each == ' ' || each == '\t'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char each) { return static_cast<char>(std::tolower(each)); });
  return lower;
}

// Takes what stands before the next `mark`, and the mark.
std::string take_part(std::string_view& text, char mark) {
  const std::string_view part = text.substr(0, text.find(mark));
  text.remove_prefix(std::min(text.size(), part.size() + 1));
  return lower_and_trimmed(part);
}

// Of "q=0.5"; what is no such number counts for nothing.
double quality_of(std::string_view text) {
  double quality = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), quality);
  const bool is_good =
      error == std::errc{} && end == text.data() + text.size() && quality >= 0 && quality <= 1;
  return is_good ? quality : 0;
}

struct Range {
  std::string type;
  std::string version;
  double quality = 1;
};

Range parse_range(std::string_view text) {
  Range range;
  range.type = take_part(text, ';');
  while (!text.empty()) {
    const std::string parameter = take_part(text, ';');
    if (parameter.starts_with("version=")) range.version = parameter.substr(8);
    if (parameter.starts_with("q=")) range.quality = quality_of(std::string_view(parameter).substr(2));
  }
  return range;
}

}  // namespace

bool prefers_openmetrics(std::string_view accept) {
  double open = 0;
  double plain = 0;
  while (!accept.empty()) {
    std::string_view rest = accept.substr(0, accept.find(','));
    accept.remove_prefix(std::min(accept.size(), rest.size() + 1));
    const Range range = parse_range(rest);
    if (range.type == "application/openmetrics-text" && (range.version.empty() || range.version == "1.0.0"))
      open = std::max(open, range.quality);
    if (range.type == "text/plain") plain = std::max(plain, range.quality);
  }
  return open > 0 && open >= plain;
}

}  // namespace herald::http
