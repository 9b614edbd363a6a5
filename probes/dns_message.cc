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
  std::vector<std::string> data;  // of the records of the type that was asked for
  std::optional<std::uint32_t> serial;
};

std::optional<DnsAnswer> read_answer(const DnsQuery& query, Bytes message) {
  ldns_pkt* read = nullptr;
  if (ldns_wire2pkt(&read, message.data(), message.size()) != LDNS_STATUS_OK) return std::nullopt;
  const LdnsPtr<ldns_pkt> packet(read);
  DnsAnswer answer;
  const unsigned extended = ldns_pkt_edns_extended_rcode(packet.get());
  answer.rcode = static_cast<std::uint16_t>(ldns_pkt_get_rcode(packet.get()) | extended << 4U);
  answer.authoritative = ldns_pkt_aa(packet.get());
  answer.authenticated = ldns_pkt_ad(packet.get());
  const ldns_rr_list* records = ldns_pkt_answer(packet.get());
  for (std::size_t i = 0; i < ldns_rr_list_rr_count(records); ++i) {
    ldns_rr* record = ldns_rr_list_rr(records, i);
    if (query.type != LDNS_RR_TYPE_ANY && ldns_rr_get_type(record) != query.type) continue;
    answer.data.push_back(data_text(record));
    if (!answer.serial) answer.serial = serial_of(record);
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
  if (answer.data.size() < expect.min_answers) {
    return fmt::format("{} answers, expected at least {}", answer.data.size(), expect.min_answers);
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
  ldns_pkt_set_edns_udp_size(packet.get(), kUdpSize);
  ldns_pkt_set_edns_do(packet.get(), flags.dnssec_ok);
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

std::optional<ProbeResult> judge(const DnsQuery& query, const DnsExpect& expect, Bytes message,
                                 Duration latency) {
  const auto answer = read_answer(query, message);
  if (!answer) return std::nullopt;
  if (std::ranges::find(expect.rcodes, answer->rcode) == expect.rcodes.end()) {
    return failed(Reason::rcode,
                  fmt::format("{}, expected {}", rcode_name(answer->rcode), rcode_names(expect.rcodes)));
  }
  if (auto failure = answer_failure(expect, *answer)) return failed(Reason::answer, std::move(*failure));
  return passed(fmt::format("{}, {} answer{} in {}", rcode_name(answer->rcode), answer->data.size(),
                            answer->data.size() == 1 ? "" : "s", in_milliseconds(latency)));
}

}  // namespace herald::probes
