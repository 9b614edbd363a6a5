// Which path shows what, and with which words: the part of HTTP that is herald's. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sidecar/http/views.h"
#include "sidecar/work/http_message.h"

namespace herald::http {

// Of events, as they happen (event_streams.h); the rest is fetched.
inline constexpr std::string_view kEventsPath = "/events";

struct Wanted {
  work::HttpView view = work::HttpView::health;
  std::string name;  // of /service/NAME and /why/NAME.json
};

// `accept`: the header's value, or empty. None: there is nothing at that path.
[[nodiscard]] std::optional<Wanted> wanted_at(std::string_view path, std::string_view accept);
// Of what heraldd is asked.
[[nodiscard]] Views::Key key_of(const Wanted& wanted);

struct Answer {
  unsigned status = 200;
  std::string_view content_type = "text/plain; charset=utf-8";
  std::optional<std::string> text = std::nullopt;  // none: what heraldd has said, as it is
};
[[nodiscard]] Answer answer_to(const Wanted& wanted, const Views::Fetched& fetched);

}  // namespace herald::http
