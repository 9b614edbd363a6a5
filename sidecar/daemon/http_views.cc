#include "sidecar/daemon/http_views.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "sidecar/control/report.h"

namespace herald {
namespace {

using work::HttpView;

// What targets say is in it, and need not be UTF-8.
std::string dumped(const nlohmann::ordered_json& document) {
  return document.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

// See http/paths.cc. What the configuration has no more is no service that anybody asks for.
std::string services_text(const Snapshot& snapshot) {
  std::string text;
  for (const ServiceSnapshot& service : snapshot.services) {
    if (service.leaving) continue;
    const bool is_good = service.health == Health::healthy && service.state == ServiceState::announced;
    fmt::format_to(std::back_inserter(text), "{} {} {} {}\n", is_good ? 1 : 0, name_of(service.health),
                   name_of(service.state), service.name);
  }
  return text;
}

}  // namespace

std::unique_ptr<HttpViews::Families> HttpViews::families(seen::Format format) const {
  return std::make_unique<Families>(source_.seen(), source_.clocks(), format);
}

HttpViews::Made HttpViews::make(const work::HttpAsk& ask) const {
  Made made;
  made.ask = ask.ask;
  switch (ask.view) {
    case HttpView::health:
      made.text = "ok\n";
      break;
    case HttpView::metrics:
      made.families = families(seen::Format::prometheus);
      break;
    case HttpView::openmetrics:
      made.families = families(seen::Format::openmetrics);
      break;
    case HttpView::services:
      made.text = services_text(source_.seen());
      break;
    case HttpView::status:
      made.text = dumped(source_.status());
      break;
    case HttpView::why: {
      const auto report = why_report(source_.snapshot(), ask.about, source_.clocks());
      made.found = report.has_value();
      made.text = report ? dumped(*report) : report.error();
      break;
    }
    case HttpView::history:
      made.text = dumped(history_report(source_.history(), "", source_.clocks()));
      break;
  }
  return made;
}

work::HttpPart HttpViews::part(const work::HttpAsk& ask) {
  if (ask.from == 0) {
    std::erase_if(kept_, [&](const Made& made) { return made.ask == ask.ask; });
    kept_.push_back(make(ask));
    if (kept_.size() > kMostKept) kept_.pop_front();
  }
  const auto found = std::ranges::find(kept_, ask.ask, &Made::ask);
  if (found == kept_.end() || found->told != ask.from)
    return {.ask = ask.ask, .found = false, .next = {}, .text = "it was not fetched in time"};
  Made& made = *found;
  if (made.text.empty() && made.families && made.families->next) {
    seen::Page page =
        seen::metrics_page(made.families->sample, made.families->format, *made.families->next, kPartBytes);
    made.text = std::move(page.text);
    made.families->next = page.next;
  }
  work::HttpPart part{
      .ask = ask.ask, .found = made.found, .next = {}, .text = made.text.substr(0, kPartBytes)};
  made.text.erase(0, part.text.size());
  made.told += part.text.size();
  const bool goes_on = !made.text.empty() || (made.families && made.families->next);
  if (goes_on && !part.text.empty()) {
    part.next = made.told;
  } else {
    kept_.erase(found);
  }
  return part;
}

}  // namespace herald
