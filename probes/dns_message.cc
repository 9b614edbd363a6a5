#include "probes/dns_message.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <ldns/ldns.h>

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <utility>

#include "probes/dns_words.h"
#include "probes/result.h"
#include "sidecar/text/plain_text.h"

namespace herald::probes {
namespace {

constexpr std::size_t kHeaderSize = 12;
constexpr std::size_t kTypeAndClassSize = 4;
// What every path carries without fragments (the DNS flag day of 2020).
constexpr std::uint16_t kUdpSize = 1232;
constexpr std::size_t kLongestData = 4096;
constexpr std::size_t kMostShown = 4;
constexpr std::size_t kMostCompared = 2000;

struct FreeLdns {
  void operator()(ldns_pkt* packet) const noexcept { ldns_pkt_free(packet); }
  void operator()(ldns_rr* record) const noexcept { ldns_rr_free(record); }
  void operator()(ldns_rdf* data) const noexcept { ldns_rdf_deep_free(data); }
  void operator()(char* text) const noexcept { LDNS_FREE(text); }
  void operator()(std::uint8_t* bytes) const noexcept { LDNS_FREE(bytes); }
};
template <typename T>
using LdnsPtr = std::unique_ptr<T, FreeLdns>;

std::uint8_t lower(std::uint8_t byte) {
  return byte >= 'A' && byte <= 'Z' ? static_cast<std::uint8_t>(byte + ('a' - 'A')) : byte;
}

// Names in it become lower case, in place.
std::string data_text(ldns_rr* record) {
  ldns_rr2canonical(record);
  std::string text;
  for (std::size_t i = 0; i < ldns_rr_rd_count(record); ++i) {
    const LdnsPtr<char> part(ldns_rdf2str(ldns_rr_rdf(record, i)));
    if (!text.empty()) text += ' ';
    if (part) text += part.get();
  }
  return text;
}

DnsFieldShape shape_of(ldns_rdf_type type) {
  switch (type) {
    case LDNS_RDF_TYPE_DNAME:
      return {DnsField::name, 0};
    case LDNS_RDF_TYPE_STR:
      return {DnsField::string, 0};
    case LDNS_RDF_TYPE_INT8:
    case LDNS_RDF_TYPE_ALG:
      return {DnsField::fixed, 1};
    case LDNS_RDF_TYPE_INT16:
    case LDNS_RDF_TYPE_TYPE:
    case LDNS_RDF_TYPE_CLASS:
    case LDNS_RDF_TYPE_CERT_ALG:
      return {DnsField::fixed, 2};
    case LDNS_RDF_TYPE_A:
    case LDNS_RDF_TYPE_INT32:
    case LDNS_RDF_TYPE_TIME:
    case LDNS_RDF_TYPE_PERIOD:
      return {DnsField::fixed, 4};
    case LDNS_RDF_TYPE_AAAA:
      return {DnsField::fixed, 16};
    default:  // no type has a name after one of these
      return {DnsField::rest, 0};
  }
}

DnsShape shape_of_type(std::uint16_t type) {
  const ldns_rr_descriptor* descriptor = ldns_rr_descript(type);
  DnsShape shape;
  const std::size_t least = ldns_rr_descriptor_minimum(descriptor);
  const bool has_more = ldns_rr_descriptor_maximum(descriptor) > least;
  for (std::size_t i = 0; i < least; ++i) {
    shape.fields.push_back(shape_of(ldns_rr_descriptor_field_type(descriptor, i)));
    if (shape.fields.back().field == DnsField::rest) return shape;
  }
  if (has_more) shape.more = shape_of(ldns_rr_descriptor_field_type(descriptor, least));
  return shape;
}

// Reads one record that holds no pointer.
std::expected<LdnsPtr<ldns_rr>, std::string> record_of(const DnsRecord& record,
                                                       const std::vector<std::uint8_t>& data) {
  if (data.size() > UINT16_MAX) return std::unexpected("a record in it is too long");
  const auto high = [](std::size_t number) { return static_cast<std::uint8_t>(number >> 8U); };
  const auto low = [](std::size_t number) { return static_cast<std::uint8_t>(number & 0xFFU); };
  std::vector<std::uint8_t> wire{0,  // the root owns it, and its TTL is 0
                                 high(record.type),
                                 low(record.type),
                                 high(record.dns_class),
                                 low(record.dns_class),
                                 0,
                                 0,
                                 0,
                                 0,
                                 high(data.size()),
                                 low(data.size())};
  wire.insert(wire.end(), data.begin(), data.end());
  ldns_rr* read = nullptr;
  std::size_t at = 0;
  const ldns_status status = ldns_wire2rr(&read, wire.data(), wire.size(), &at, LDNS_SECTION_ANSWER);
  if (status != LDNS_STATUS_OK) return std::unexpected(ldns_get_errorstr_by_id(status));
  return LdnsPtr<ldns_rr>(read);
}

std::optional<std::uint32_t> serial_of(const ldns_rr* record) {
  constexpr std::size_t kSerialIndex = 2;
  if (ldns_rr_get_type(record) != LDNS_RR_TYPE_SOA || ldns_rr_rd_count(record) <= kSerialIndex)
    return std::nullopt;
  return ldns_rdf2native_int32(ldns_rr_rdf(record, kSerialIndex));
}

struct DnsAnswer {
  std::uint16_t rcode = 0;
  bool authoritative = false;
  bool authenticated = false;
  std::size_t count = 0;          // of records of the type that was asked for
  std::vector<std::string> data;  // theirs, where it is asked for
  std::optional<std::uint32_t> serial;
};

std::expected<DnsAnswer, std::string> read_answer(const DnsQuery& query, const DnsExpect& expect,
                                                  Bytes bytes) {
  const auto message = read_message(bytes, query.type);
  if (!message) return std::unexpected(message.error());
  DnsAnswer answer{
      message->rcode, message->authoritative, message->authenticated, message->answers.size(), {}, {}};
  if (!expect.answers.empty() && answer.count > kMostCompared)
    return std::unexpected(
        fmt::format("it has {} records to compare, and at most {} are", answer.count, kMostCompared));
  DnsShape shape = shape_of_type(query.type);
  std::size_t pointers_left = kMostPointers;
  for (const DnsRecord& record : message->answers) {
    if (query.type == LDNS_RR_TYPE_ANY) shape = shape_of_type(record.type);
    const auto data = flat_data(*message, record, shape, pointers_left);
    if (!data) return std::unexpected(data.error());
    const bool wants_serial = expect.serial_at_least && !answer.serial;
    if (expect.answers.empty() && !wants_serial) continue;
    const auto read = record_of(record, *data);
    if (!read) return std::unexpected(read.error());
    if (wants_serial) answer.serial = serial_of(read->get());
    if (!expect.answers.empty()) answer.data.push_back(data_text(read->get()));
  }
  return answer;
}

std::string shown(const std::vector<std::string>& data) {
  if (data.empty()) return "none";
  std::string text =
      fmt::format("{}", fmt::join(std::span(data).first(std::min(data.size(), kMostShown)), ", "));
  return printable(text, 160) + (data.size() > kMostShown ? ", ..." : "");
}

std::string rcode_names(const std::vector<std::uint16_t>& rcodes) {
  std::string text;
  for (const auto rcode : rcodes) text += (text.empty() ? "" : " or ") + rcode_name(rcode);
  return text;
}

// RFC 1982: serials go round, and the one that is less than half a turn ahead is the later one.
bool is_before(std::uint32_t serial, std::uint32_t reference) {
  return static_cast<std::int32_t>(serial - reference) < 0;
}

std::optional<std::string> answer_failure(const DnsExpect& expect, const DnsAnswer& answer) {
  if (answer.count < expect.min_answers) {
    return fmt::format("{} answers, expected at least {}", answer.count, expect.min_answers);
  }
  for (const auto& expected : expect.answers) {
    if (std::ranges::find(answer.data, expected) != answer.data.end()) continue;
    return fmt::format("no answer {}; answers: {}", printable(expected, 60), shown(answer.data));
  }
  if (expect.authoritative && *expect.authoritative != answer.authoritative) {
    return answer.authoritative ? "the answer is authoritative (AA)" : "the answer is not authoritative (AA)";
  }
  if (expect.authenticated && *expect.authenticated != answer.authenticated) {
    return answer.authenticated ? "the answer is authenticated (AD)" : "the answer is not authenticated (AD)";
  }
  if (!expect.serial_at_least) return std::nullopt;
  if (!answer.serial) return "no SOA record";
  if (!is_before(*answer.serial, *expect.serial_at_least)) return std::nullopt;
  return fmt::format("serial {}, expected at least {}", *answer.serial, *expect.serial_at_least);
}

}  // namespace

std::expected<DnsQuery, std::string> parse_query(const std::string& text, DnsFlags flags) {
  const auto question = parse_question(text);
  if (!question) return std::unexpected(question.error());
  DnsQuery query;
  query.type = question->type;
  query.dns_class = question->dns_class;
  ldns_rdf* name = ldns_dname_new_frm_str(question->name.c_str());
  if (name == nullptr) return std::unexpected(printable(question->name, 60) + " is not a name");
  const std::uint16_t bits = flags.recursion_desired ? LDNS_RD : 0;
  const LdnsPtr<ldns_pkt> packet(ldns_pkt_query_new(name, static_cast<ldns_rr_type>(query.type),
                                                    static_cast<ldns_rr_class>(query.dns_class), bits));
  if (!packet) return std::unexpected("no memory");
  ldns_pkt_set_ad(packet.get(), flags.asks_authenticated);
  if (flags.edns) ldns_pkt_set_edns_udp_size(packet.get(), kUdpSize);
  ldns_pkt_set_edns_do(packet.get(), flags.edns && flags.dnssec_ok);
  std::uint8_t* bytes = nullptr;
  std::size_t size = 0;
  if (ldns_pkt2wire(&bytes, packet.get(), &size) != LDNS_STATUS_OK)
    return std::unexpected("cannot be written as a query");
  const LdnsPtr<std::uint8_t> owned(bytes);
  query.wire.assign(bytes, bytes + size);
  std::fill_n(query.wire.begin(), 2, std::uint8_t{0});
  return query;
}

std::expected<std::string, std::string> canonical_data(const DnsQuery& query, const std::string& text) {
  if (query.type == LDNS_RR_TYPE_ANY) return std::unexpected("needs a query for one type, not ANY");
  if (text.size() > kLongestData) return std::unexpected("is too long");
  const LdnsPtr<char> type(ldns_rr_type2str(static_cast<ldns_rr_type>(query.type)));
  const LdnsPtr<char> its_class(ldns_rr_class2str(static_cast<ldns_rr_class>(query.dns_class)));
  const LdnsPtr<ldns_rdf> root(ldns_dname_new_frm_str("."));
  const std::string line = fmt::format(". 0 {} {} {}", its_class.get(), type.get(), text);
  ldns_rr* record = nullptr;
  const ldns_status status = ldns_rr_new_frm_str(&record, line.c_str(), 0, root.get(), nullptr);
  const LdnsPtr<ldns_rr> owned(record);
  if (status != LDNS_STATUS_OK || ldns_rr_rd_count(record) == 0) {
    return std::unexpected(fmt::format("is not the data of a record of type {}", type.get()));
  }
  return data_text(record);
}

bool is_reply_to(const DnsQuery& query, std::uint16_t id, Bytes message) {
  if (message.size() < kHeaderSize) return false;
  const bool same_id = message[0] == id >> 8U && message[1] == (id & 0xFFU);
  const bool is_reply = (message[2] & 0x80U) != 0;
  if (!same_id || !is_reply) return false;
  const unsigned questions = message[4] * 256U + message[5];
  // A server that could not read the query may leave the question out of its refusal.
  if (questions == 0) return (message[3] & 0x0FU) != 0;
  if (questions != 1) return false;
  // Both questions follow the header, and a first name cannot be compressed. Lengths of labels are below 'A'.
  const Bytes wire(query.wire);
  const auto end_of_name = std::ranges::find(wire.subspan(kHeaderSize), 0);
  const auto name_size = static_cast<std::size_t>(end_of_name - wire.subspan(kHeaderSize).begin()) + 1;
  if (message.size() < kHeaderSize + name_size + kTypeAndClassSize) return false;
  const Bytes rest = message.subspan(kHeaderSize);
  return std::ranges::equal(wire.subspan(kHeaderSize, name_size), rest.first(name_size), {}, lower, lower) &&
         std::ranges::equal(wire.subspan(kHeaderSize + name_size, kTypeAndClassSize),
                            rest.subspan(name_size, kTypeAndClassSize));
}

bool is_truncated(Bytes message) {
  return (message[2] & 0x02U) != 0;
}

bool refuses_edns(Bytes message) {
  const unsigned rcode = message[3] & 0x0FU;
  return rcode == LDNS_RCODE_FORMERR || rcode == LDNS_RCODE_NOTIMPL;
}

ProbeResult judge(const DnsQuery& query, const DnsExpect& expect, Bytes message, Duration latency) {
  const auto answer = read_answer(query, expect, message);
  if (!answer) return failed(Reason::protocol, "the answer cannot be read: " + answer.error());
  if (std::ranges::find(expect.rcodes, answer->rcode) == expect.rcodes.end()) {
    return failed(Reason::rcode,
                  fmt::format("{}, expected {}", rcode_name(answer->rcode), rcode_names(expect.rcodes)));
  }
  if (auto failure = answer_failure(expect, *answer)) return failed(Reason::answer, std::move(*failure));
  return passed(fmt::format("{}, {} answer{} in {}", rcode_name(answer->rcode), answer->count,
                            answer->count == 1 ? "" : "s", in_milliseconds(latency)));
}

}  // namespace herald::probes
