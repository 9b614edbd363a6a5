// A DNS message as bytes: its records found, and their data written without pointers, before any library sees it.
//
// It refuses to follow without end: a message of 65 KB can hold 30,000 pointers that lead through each other, and a library that
// parses the whole of it follows them all for each name. Here each record is looked at once, the names of those that were not
// asked for are skipped, and at most kMostPointers are followed for a message. Views of it must not outlive the message.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace herald::probes {

using Bytes = std::span<const std::uint8_t>;

// Of all names of a message together: as many as real records of two names each have room for in 65 KB.
inline constexpr std::size_t kMostPointers = 8192;

struct DnsRecord {
  std::uint16_t type = 0;
  std::uint16_t dns_class = 0;
  std::size_t owner_at = 0;
  std::size_t data_at = 0;
  std::size_t data_size = 0;
};

struct DnsMessage {
  Bytes bytes;
  std::uint16_t rcode = 0;  // with what OPT adds
  bool authoritative = false;
  bool authenticated = false;
  std::vector<DnsRecord> answers;  // of the type that was asked for
};

// One field of a record's data: a name, bytes of a fixed size, a string with its length before it, or all that is left.
enum class DnsField : std::uint8_t { name, fixed, string, rest };
struct DnsFieldShape {
  DnsField field = DnsField::rest;
  std::size_t size = 0;  // of `fixed`
};
// The data of a type, field by field.
struct DnsShape {
  std::vector<DnsFieldShape> fields;  // that are always there
  std::optional<DnsFieldShape> more;  // what may follow, as often as it likes; none: nothing
};

// `type` is that of the answers that are wanted, or ANY. The error is what is wrong, for people.
[[nodiscard]] std::expected<DnsMessage, std::string> read_message(Bytes message, std::uint16_t type);

// The data of a record with its names in full; its owner has to be a name. `pointers_left` is what the message may still cost.
[[nodiscard]] std::expected<std::vector<std::uint8_t>, std::string> flat_data(const DnsMessage& message,
                                                                              const DnsRecord& record,
                                                                              const DnsShape& shape,
                                                                              std::size_t& pointers_left);

}  // namespace herald::probes
