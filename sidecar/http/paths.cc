#include "sidecar/http/paths.h"

#include <algorithm>

#include "sidecar/http/accept.h"
#include "sidecar/seen/exposition.h"

namespace herald::http {
namespace {

using work::HttpView;

constexpr std::size_t kLongestName = 256;
constexpr std::string_view kServicePath = "/service/";
constexpr std::string_view kWhyPath = "/why/";
constexpr std::string_view kJson = ".json";
constexpr std::string_view kIsJson = "application/json";

std::optional<Wanted> named(HttpView view, std::string_view name) {
  if (name.empty() || name.size() > kLongestName) return std::nullopt;
  return Wanted{view, std::string(name)};
}

std::string_view take_word(std::string_view& text, char mark) {
  const std::string_view part = text.substr(0, text.find(mark));
  text.remove_prefix(std::min(text.size(), part.size() + 1));
  return part;
}

// A line a service: "1 healthy announced web", 1 where that is what it should be.
Answer answer_of_service(std::string_view said, std::string_view name) {
  while (!said.empty()) {
    std::string_view line = take_word(said, '\n');
    const bool is_good = take_word(line, ' ') == "1";
    const std::string_view health = take_word(line, ' ');
    const std::string_view state = take_word(line, ' ');
    if (line != name) continue;
    Answer answer{.status = is_good ? 200U : 503U};
    answer.text.emplace(health).append(", ").append(state).append("\n");
    return answer;
  }
  return {.status = 404, .text = "there is no such service\n"};
}

}  // namespace

std::optional<Wanted> wanted_at(std::string_view path, std::string_view accept) {
  if (path == "/healthz") return Wanted{HttpView::health, ""};
  if (path == "/metrics")
    return Wanted{prefers_openmetrics(accept) ? HttpView::openmetrics : HttpView::metrics, ""};
  if (path == "/status.json") return Wanted{HttpView::status, ""};
  if (path == "/history.json") return Wanted{HttpView::history, ""};
  if (path.starts_with(kServicePath)) return named(HttpView::services, path.substr(kServicePath.size()));
  if (path.starts_with(kWhyPath) && path.ends_with(kJson) && path.size() > kWhyPath.size() + kJson.size()) {
    path.remove_suffix(kJson.size());
    return named(HttpView::why, path.substr(kWhyPath.size()));
  }
  return std::nullopt;
}

// All services are told of at once: who asks for one that is not there costs heraldd nothing.
Views::Key key_of(const Wanted& wanted) {
  return {wanted.view, wanted.view == HttpView::why ? wanted.name : ""};
}

Answer answer_to(const Wanted& wanted, const Views::Fetched& fetched) {
  if (!fetched.found) return {.status = 404, .text = fetched.text + "\n"};
  switch (wanted.view) {
    case HttpView::metrics:
      return {.content_type = seen::content_type(seen::Format::prometheus)};
    case HttpView::openmetrics:
      return {.content_type = seen::content_type(seen::Format::openmetrics)};
    case HttpView::status:
    case HttpView::why:
    case HttpView::history:
      return {.content_type = kIsJson};
    case HttpView::services:
      return answer_of_service(fetched.text, wanted.name);
    case HttpView::health:
      break;
  }
  return {};
}

}  // namespace herald::http
