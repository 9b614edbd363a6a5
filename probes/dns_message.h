// DNS messages of a probe: the query that it sends, and the verdict on an answer. Pure; ldns reads and writes
// the wire format, the sockets are the probe's.
//
// It refuses to look into what does not answer the query: another id, another question. Of what does, records that were not asked
// for are skipped, and ldns gets those that are compared alone, one by one and without pointers (dns_wire.h).
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "probes/dns_wire.h"
#include "sidecar/core/types.h"

namespace herald::probes {

struct DnsFlags {
  bool recursion_desired = true;
  bool dnssec_ok = false;
  bool asks_authenticated = false;  // the AD bit of the query
  bool edns = true;
  bool operator==(const DnsFlags&) const = default;
};

struct DnsQuery {
  std::vector<std::uint8_t> wire;  // with id 0
  std::uint16_t type = 0;
  std::uint16_t dns_class = 1;
};

// "health.example.net A", with a class at the end if it is not IN ("hostname.bind TXT CH"). The error is a
// line for people.
[[nodiscard]] std::expected<DnsQuery, std::string> parse_query(const std::string& text, DnsFlags flags);

// Data of a record in the one form that is compared: addresses and names canonical, strings quoted.
[[nodiscard]] std::expected<std::string, std::string> canonical_data(const DnsQuery& query,
                                                                     const std::string& text);

struct DnsExpect {
  std::vector<std::uint16_t> rcodes{0};
  std::uint32_t min_answers = 0;                   // of the type that was asked for
  std::vector<std::string> answers{};              // canonical_data() of what must be among them
  std::optional<bool> authoritative{};             // AA
  std::optional<bool> authenticated{};             // AD
  std::optional<std::uint32_t> serial_at_least{};  // of the SOA record, compared as RFC 1982 does
  bool operator==(const DnsExpect&) const = default;
};

[[nodiscard]] bool is_reply_to(const DnsQuery& query, std::uint16_t id, Bytes message);
// Of a message that is a reply.
[[nodiscard]] bool is_truncated(Bytes message);
// Whether it is what a server says that does not know EDNS: FORMERR, NOTIMP.
[[nodiscard]] bool refuses_edns(Bytes message);
// Of a message that is a reply. `latency` is for the text alone.
[[nodiscard]] ProbeResult judge(const DnsQuery& query, const DnsExpect& expect, Bytes message,
                                Duration latency);

}  // namespace herald::probes
