// The keys of a `dns` probe, read and checked.
#pragma once

#include <cstdint>

#include "probes/dns_message.h"
#include "probes/target.h"

namespace herald {

class ObjectReader;

namespace probes {

enum class OnTruncation : std::uint8_t { tcp, pass, fail };

struct DnsSettings {
  Endpoint server;
  DnsQuery query;
  bool uses_tcp = false;
  std::uint32_t tries = 2;
  OnTruncation on_truncation = OnTruncation::tcp;
  DnsExpect expect;
};

// What is wrong is reported to `keys`.
[[nodiscard]] DnsSettings read_dns(ObjectReader& keys);

}  // namespace probes
}  // namespace herald
