// What changed, for people: see ctl/render.h.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "sidecar/ctl/render.h"

namespace herald::ctl {
namespace {

constexpr std::array kGood{"up", "healthy", "announced", "auto", "Established"};
constexpr std::array kBad{"down", "unhealthy", "withdrawn", "force"};

Colour colour_of(const std::string& word) {
  if (std::ranges::find(kGood, word) != kGood.end()) return Colour::good;
  return std::ranges::find(kBad, word) != kBad.end() ? Colour::bad : Colour::doubtful;
}

std::string subject_text(const Report& transition) {
  const std::string service = text_at(transition, "service");
  const std::string probe = text_at(transition, "probe");
  if (const std::string peer = text_at(transition, "peer"); !peer.empty()) return "peer " + peer;
  if (service.empty()) return "heraldd";
  return probe.empty() ? service : service + "/" + probe;
}

std::string lasted_text(const Report& transition) {
  if (is_null_at(transition, "lasted_ms")) return {};
  return "after " + span_text(std::chrono::milliseconds(count_at(transition, "lasted_ms")));
}

std::vector<Cell> cells_of(const Report& transition, WallTime now) {
  const auto at = time_at(transition, "at");
  return {{at ? precise_clock_text(*at, now) : ""},
          {subject_text(transition), Colour::strong},
          {change_text(transition), colour_of(text_at(transition, "to"))},
          {lasted_text(transition)},
          {text_at(transition, "reason")}};
}

// Blanks up to a usual width, so that lines that come one by one stand below each other nevertheless.
Cell padded(Cell cell, std::size_t width) {
  if (cell.text.size() < width) cell.text.resize(width, ' ');
  return cell;
}

}  // namespace

std::string change_text(const Report& transition) {
  const std::string from = text_at(transition, "from");
  std::string to = text_at(transition, "to");
  if (from.empty()) return to;
  const char* admin = text_at(transition, "subject") == "admin" ? "admin " : "";
  return fmt::format("{}{} -> {}", admin, from, to);
}

std::string render_history(const Report& history, const Look& look) {
  const WallTime now = time_at(history, "at").value_or(WallTime{});
  const Report& transitions = list_at(history, "transitions");
  if (transitions.empty()) return line("nothing has changed yet", look);
  Table table;
  for (const Report& transition : transitions) table.add(cells_of(transition, now));
  return table.text(look);
}

std::string render_transition(const Report& transition, WallTime now, const Look& look) {
  std::vector<Cell> cells = cells_of(transition, now);
  constexpr std::array<std::size_t, 4> kWidths{12, 16, 26, 12};
  for (std::size_t i = 0; i < kWidths.size(); ++i) cells[i] = padded(std::move(cells[i]), kWidths[i]);
  Table table;
  table.add(std::move(cells));
  return table.text(look);
}

}  // namespace herald::ctl
