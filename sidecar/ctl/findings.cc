#include "sidecar/ctl/findings.h"

#include <fmt/format.h>

#include <algorithm>

#include "sidecar/text/plain_text.h"

namespace herald::ctl {
namespace {

constexpr std::size_t kSeverityWidth = 9;  // "warning" and two blanks
constexpr std::size_t kLabelWidth = 5;     // "why", "fix" and two blanks

Colour colour_of(Severity severity) {
  switch (severity) {
    case Severity::error:
      return Colour::bad;
    case Severity::warning:
      return Colour::doubtful;
    case Severity::note:
      break;
  }
  return Colour::plain;
}

std::string counted(const std::vector<Finding>& findings, Severity severity) {
  const auto count = std::ranges::count(findings, severity, &Finding::severity);
  return fmt::format("{} {}{}", count, name_of(severity), count == 1 ? "" : "s");
}

std::string explanation(std::string_view label, const std::string& text, const Look& look) {
  if (text.empty()) return {};
  return line(fmt::format("{:<{}}{:<{}}{}", "", kSeverityWidth, label, kLabelWidth, printable(text)), look);
}

}  // namespace

std::string render_findings(const std::vector<Finding>& findings, const Look& terminal) {
  Look look = terminal;
  look.width = 0;  // a fix that is cut off mends nothing
  std::string text;
  for (const Finding& each : findings) {
    text += line(fmt::format("{:<{}}{}", name_of(each.severity), kSeverityWidth, printable(each.what)), look,
                 colour_of(each.severity));
    text += explanation("why", each.why, look) + explanation("fix", each.fix, look);
  }
  return text + line(fmt::format("{}, {}, {}", counted(findings, Severity::error),
                                 counted(findings, Severity::warning), counted(findings, Severity::note)),
                     look, Colour::strong);
}

Report findings_report(const std::vector<Finding>& findings) {
  Report report = Report::array();
  for (const Finding& each : findings) {
    report.push_back({{"severity", name_of(each.severity)},
                      {"check", each.check},
                      {"what", each.what},
                      {"why", each.why},
                      {"fix", each.fix}});
  }
  return report;
}

}  // namespace herald::ctl
