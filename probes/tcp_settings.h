// The keys of a `tcp` probe.
#pragma once

#include <optional>
#include <string>

#include "probes/endpoint.h"
#include "probes/pattern.h"
#include "probes/tls_settings.h"
#include "sidecar/config/kinds.h"

namespace herald::probes {

struct TcpSettings final : SettingsOf<TcpSettings> {
  Endpoint endpoint;
  std::string send;
  std::string expect;
  std::optional<Pattern> expect_matches;
  std::optional<TlsSettings> tls;
  bool accepted = false;  // a connection passes once a process has accepted it

  [[nodiscard]] bool expects_answer() const { return !expect.empty() || expect_matches; }
  [[nodiscard]] bool only_connects() const { return send.empty() && !expects_answer() && !tls; }
  bool operator==(const TcpSettings&) const = default;
};

}  // namespace herald::probes
