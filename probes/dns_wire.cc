#include "probes/dns_wire.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "probes/dns_words.h"

namespace herald::probes {
namespace {

constexpr std::size_t kMessageHeader = 12;
constexpr std::size_t kQuestionTail = 4;
constexpr std::size_t kRecordTail = 10;  // type, class, TTL, length
constexpr std::uint16_t kTypeOpt = 41;
constexpr std::size_t kLongestWireName = 255;

constexpr const char* kCutOff = "it ends in the middle of a record";

std::uint16_t number_at(Bytes bytes, std::size_t at) {
  return static_cast<std::uint16_t>(bytes[at] << 8U | bytes[at + 1]);
}

// The end of the name at `at`, for which no pointer has to be followed; none where there is none.
std::optional<std::size_t> skip_name(Bytes message, std::size_t at) {
  while (at < message.size()) {
    const std::uint8_t length = message[at];
    if (length == 0) return at + 1;
    if (length >= 0xC0) return at + 2 <= message.size() ? std::optional(at + 2) : std::nullopt;
    if (length > 63) return std::nullopt;
    at += 1U + length;
  }
  return std::nullopt;
}

// Appends the name at `at`, whole, and gives its end there.
std::expected<std::size_t, std::string> expand_name(Bytes message, std::size_t at, std::size_t& pointers_left,
                                                    std::vector<std::uint8_t>& out) {
  std::optional<std::size_t> end;
  const std::size_t start = out.size();
  while (at < message.size()) {
    const std::uint8_t length = message[at];
    if (length >= 0xC0) {
      if (at + 2 > message.size()) break;
      if (pointers_left == 0)
        return std::unexpected(fmt::format("its names lead through more than {} pointers", kMostPointers));
      --pointers_left;
      const std::size_t target = number_at(message, at) & 0x3FFFU;
      if (!end) end = at + 2;
      if (target >= at) return std::unexpected("a pointer in it does not lead backward");
      at = target;
      continue;
    }
    if (length > 63 || at + 1 + length > message.size()) break;
    out.insert(out.end(), message.begin() + static_cast<std::ptrdiff_t>(at),
               message.begin() + static_cast<std::ptrdiff_t>(at + 1 + length));
    if (out.size() - start > kLongestWireName) return std::unexpected("a name in it is too long");
    at += 1U + length;
    if (length == 0) return end.value_or(at);
  }
  return std::unexpected("a name in it has no end");
}

// Reads the record at `at` and moves on to the next one.
std::expected<DnsRecord, std::string> read_record(Bytes message, std::size_t& at) {
  const auto name_end = skip_name(message, at);
  if (!name_end || *name_end + kRecordTail > message.size()) return std::unexpected(kCutOff);
  DnsRecord record{number_at(message, *name_end), number_at(message, *name_end + 2), at,
                   *name_end + kRecordTail, number_at(message, *name_end + 8)};
  at = record.data_at + record.data_size;
  if (at > message.size()) return std::unexpected(kCutOff);
  return record;
}

}  // namespace

std::expected<DnsMessage, std::string> read_message(Bytes message, std::uint16_t type) {
  if (message.size() < kMessageHeader) return std::unexpected("it is shorter than its header");
  DnsMessage read{message,
                  static_cast<std::uint16_t>(message[3] & 0x0FU),
                  (message[2] & 0x04U) != 0,
                  (message[3] & 0x20U) != 0,
                  {}};
  std::size_t at = kMessageHeader;
  for (unsigned left = number_at(message, 4); left > 0; --left) {
    const auto end = skip_name(message, at);
    if (!end || *end + kQuestionTail > message.size()) return std::unexpected(kCutOff);
    at = *end + kQuestionTail;
  }
  const unsigned answers = number_at(message, 6);
  const unsigned others = number_at(message, 8) + number_at(message, 10);
  for (unsigned i = 0; i < answers + others; ++i) {
    const std::size_t begin = at;
    const auto record = read_record(message, at);
    if (!record) return std::unexpected(record.error());
    const bool is_wanted = type == kDnsTypeAny || record->type == type;
    if (i < answers && is_wanted) read.answers.push_back(*record);
    // The first byte of its TTL is what an extended response code has on top.
    const bool is_opt = i >= answers && record->type == kTypeOpt && message[begin] == 0;
    if (is_opt) read.rcode = static_cast<std::uint16_t>(read.rcode | message[record->data_at - 6] << 4U);
  }
  return read;
}

std::expected<std::vector<std::uint8_t>, std::string> flat_data(const DnsMessage& message,
                                                                const DnsRecord& record,
                                                                const DnsShape& shape,
                                                                std::size_t& pointers_left) {
  std::vector<std::uint8_t> data;
  const auto owner_end = expand_name(message.bytes, record.owner_at, pointers_left, data);
  if (!owner_end) return std::unexpected(owner_end.error());
  data.clear();
  std::size_t at = record.data_at;
  const std::size_t end = record.data_at + record.data_size;
  // Names are read in what comes before the record's end alone; pointers lead backward.
  const Bytes bytes = message.bytes.first(end);
  for (std::size_t index = 0; at < end || index < shape.fields.size(); ++index) {
    const auto wanted = index < shape.fields.size() ? std::optional(shape.fields[index]) : shape.more;
    if (!wanted) return std::unexpected("a record in it is longer than its type has it");
    if (at == end && wanted->field != DnsField::rest)
      return std::unexpected("a record in it is shorter than its type has it");
    if (wanted->field == DnsField::name) {
      const auto next = expand_name(bytes, at, pointers_left, data);
      if (!next) return std::unexpected(next.error());
      at = *next;
      continue;
    }
    const std::size_t size = wanted->field == DnsField::fixed    ? wanted->size
                             : wanted->field == DnsField::string ? 1U + bytes[at]
                                                                 : end - at;
    if (size > end - at) return std::unexpected("a record in it is shorter than its type has it");
    data.insert(data.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at),
                bytes.begin() + static_cast<std::ptrdiff_t>(at + size));
    at += size;
  }
  return data;
}

}  // namespace herald::probes
