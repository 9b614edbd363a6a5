// Words of DNS as a configuration has them: names, types, classes, response codes, and data of records as in a zone file.
//
// It knows the forms of the data that checks are about; data of other types is left to ldns, when the probe is made.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>

namespace herald::probes {

constexpr std::uint16_t kDnsTypeSoa = 6;
constexpr std::uint16_t kDnsTypeAny = 255;

struct DnsQuestion {
  std::string name;
  std::uint16_t type = 0;
  std::uint16_t dns_class = 1;
};

// "health.example.net A", with a class at the end if it is not IN ("hostname.bind TXT CH"). The error is a
// line for people.
[[nodiscard]] std::expected<DnsQuestion, std::string> parse_question(const std::string& text);

// Why `text` cannot be the data of a record of this type, or none. The answer goes on after the data itself.
[[nodiscard]] std::optional<std::string> data_problem(std::uint16_t type, const std::string& text);

// "NOERROR" or "nxdomain" gives its number.
[[nodiscard]] std::optional<std::uint16_t> parse_rcode(const std::string& name);
[[nodiscard]] std::string rcode_name(std::uint16_t rcode);

}  // namespace herald::probes
