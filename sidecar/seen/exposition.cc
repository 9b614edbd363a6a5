#include "sidecar/seen/exposition.h"

#include <fmt/format.h>

#include <array>
#include <iterator>

namespace herald::seen {
namespace {

constexpr std::string_view kTotal = "_total";
constexpr std::string_view kInfo = "_info";

// Canonical numbers of OpenMetrics: a series is the same in both formats.
constexpr std::array<std::string_view, Histogram::kEdges.size() + 1> kEdgeLabels{
    R"(le="0.0001")", R"(le="0.0003")", R"(le="0.001")", R"(le="0.003")", R"(le="0.01")",
    R"(le="0.03")",   R"(le="0.1")",    R"(le="0.3")",   R"(le="1.0")",   R"(le="3.0")",
    R"(le="10.0")",   R"(le="30.0")",   R"(le="+Inf")"};

// OpenMetrics names the family without what its samples have behind it.
std::string_view family_of(const Head& head, Format format) {
  std::string_view name = head.name;
  if (format == Format::prometheus) return name;
  if (head.type == Type::counter && name.ends_with(kTotal)) name.remove_suffix(kTotal.size());
  if (head.type == Type::info && name.ends_with(kInfo)) name.remove_suffix(kInfo.size());
  return name;
}

std::string_view type_of(const Head& head, Format format) {
  return head.type == Type::info && format == Format::prometheus ? "gauge" : name_of(head.type);
}

}  // namespace

std::string_view content_type(Format format) {
  return format == Format::prometheus ? "text/plain; version=0.0.4; charset=utf-8"
                                      : "application/openmetrics-text; version=1.0.0; charset=utf-8";
}

void add_label(std::string& labels, std::string_view name, std::string_view value) {
  if (!labels.empty()) labels += ',';
  labels += name;
  labels += "=\"";
  for (const char character : value) {
    if (character == '\\' || character == '"') labels += '\\';
    if (character == '\n') {
      labels += "\\n";
    } else {
      labels += character;
    }
  }
  labels += '"';
}

std::string label(std::string_view name, std::string_view value) {
  std::string labels;
  add_label(labels, name, value);
  return labels;
}

void Text::begin_family() {
  if (is_begun_) return;
  is_begun_ = true;
  const std::string_view family = family_of(head_, format_);
  fmt::format_to(std::back_inserter(text_), "# HELP {} {}\n# TYPE {} {}\n", family, head_.help, family,
                 type_of(head_, format_));
}

void Text::name(std::string_view suffix, std::string_view labels) {
  begin_family();
  text_ += head_.name;
  text_ += suffix;
  if (!labels.empty()) {
    text_ += '{';
    text_ += labels;
    text_ += '}';
  }
  text_ += ' ';
}

void Text::sample(std::string_view labels, std::uint64_t value) {
  name("", labels);
  const fmt::format_int digits(value);
  text_.append(digits.data(), digits.size());
  text_ += '\n';
}

void Text::sample(std::string_view labels, double value) {
  name("", labels);
  fmt::format_to(std::back_inserter(text_), "{}\n", value);
}

void Text::histogram(std::string_view labels, const Histogram& histogram) {
  std::uint64_t below = 0;
  std::string with_edge;
  for (std::size_t edge = 0; edge < kEdgeLabels.size(); ++edge) {
    below += histogram.buckets()[edge];
    with_edge.assign(labels);
    if (!labels.empty()) with_edge += ',';
    with_edge += kEdgeLabels[edge];
    name("_bucket", with_edge);
    const fmt::format_int digits(below);
    text_.append(digits.data(), digits.size());
    text_ += '\n';
  }
  name("_sum", labels);
  fmt::format_to(std::back_inserter(text_), "{}\n", std::chrono::duration<double>(histogram.sum()).count());
  name("_count", labels);
  fmt::format_to(std::back_inserter(text_), "{}\n", below);
}

void Text::end() {
  if (format_ == Format::openmetrics) text_ += "# EOF\n";
}

}  // namespace herald::seen
