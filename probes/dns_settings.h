// The keys of a `dns` probe.
#pragma once

#include <cstdint>
#include <string>

#include "probes/dns_message.h"
#include "probes/endpoint.h"
#include "sidecar/config/kinds.h"

namespace herald::probes {

enum class OnTruncation : std::uint8_t { tcp, pass, fail };
[[nodiscard]] constexpr auto words_of(OnTruncation) {
  using enum OnTruncation;
  return std::to_array<Word<OnTruncation>>({{tcp, "tcp"}, {pass, "pass"}, {fail, "fail"}});
}

// Whether the query has EDNS: with `fallback` until the server shows that it does not know it.
enum class Edns : std::uint8_t { fallback, always, never };

struct DnsSettings final : SettingsOf<DnsSettings> {
  Endpoint server;
  std::string query;  // as written
  DnsFlags flags;
  Edns edns = Edns::fallback;
  bool uses_tcp = false;
  std::uint32_t tries = 2;
  OnTruncation on_truncation = OnTruncation::tcp;
  DnsExpect expect;  // its answers as written
  bool operator==(const DnsSettings&) const = default;
};

}  // namespace herald::probes
