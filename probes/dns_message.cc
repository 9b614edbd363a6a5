#include "probes/dns_message.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <ldns/ldns.h>

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <utility>

#include "probes/result.h"

namespace herald::probes {
namespace {

constexpr std::size_t kHeaderSize = 12;
constexpr std::size_t kTypeAndClassSize = 4;
// What every path carries without fragments (the DNS flag day of 2020).
constexpr std::uint16_t kUdpSize = 1232;
constexpr std::size_t kLongestData = 4096;
constexpr std::size_t kMostShown = 4;

constexpr std::array<std::pair<std::uint16_t, std::string_view>, 12> kRcodes{{{0, "NOERROR"},
                                                                              {1, "FORMERR"},
                                                                              {2, "SERVFAIL"},
                                                                              {3, "NXDOMAIN"},
                                                                              {4, "NOTIMP"},
                                                                              {5, "REFUSED"},
                                                                              {6, "YXDOMAIN"},
                                                                              {7, "YXRRSET"},
                                                                              {8, "NXRRSET"},
                                                                              {9, "NOTAUTH"},
                                                                              {10, "NOTZONE"},
                                                                              {16, "BADVERS"}}};

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

std::string rcode_name(std::uint16_t rcode) {
  const auto* const found = std::ranges::find(kRcodes, rcode, [](const auto& each) { return each.first; });
  return found == kRcodes.end() ? fmt::format("RCODE{}", rcode) : std::string(found->second);
}

std::string upper_case(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
  });
  return text;
}

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  std::size_t at = 0;
  while ((at = text.find_first_not_of(" \t", at)) != std::string::npos) {
    const std::size_t end = std::min(text.find_first_of(" \t", at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
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
  constexpr const char* kForm = R"(must be a name and a type, such as "health.example.net A")";
  const auto words = words_of(text);
  if (words.size() < 2 || words.size() > 3) return std::unexpected(kForm);
  DnsQuery query;
  const ldns_rr_type type = ldns_get_rr_type_by_name(words[1].c_str());
  if (type == 0 || type == LDNS_RR_TYPE_OPT || type == LDNS_RR_TYPE_AXFR || type == LDNS_RR_TYPE_IXFR) {
    return std::unexpected(
        fmt::format("{}; {} is not a type that can be asked for", kForm, printable(words[1], 60)));
  }
  query.type = static_cast<std::uint16_t>(type);
  const ldns_rr_class its_class =
      words.size() == 3 ? ldns_get_rr_class_by_name(words[2].c_str()) : LDNS_RR_CLASS_IN;
  if (its_class == 0)
    return std::unexpected(fmt::format("{}; {} is not a class", kForm, printable(words[2], 60)));
  query.dns_class = static_cast<std::uint16_t>(its_class);

  ldns_rdf* name = ldns_dname_new_frm_str(words[0].c_str());
  if (name == nullptr)
    return std::unexpected(fmt::format("{}; {} is not a name", kForm, printable(words[0], 60)));
  const std::uint16_t bits = flags.recursion_desired ? LDNS_RD : 0;
  const LdnsPtr<ldns_pkt> packet(ldns_pkt_query_new(name, type, its_class, bits));
  if (!packet) return std::unexpected("no memory");
  ldns_pkt_set_ad(packet.get(), flags.asks_authenticated);
  ldns_pkt_set_edns_udp_size(packet.get(), kUdpSize);
  ldns_pkt_set_edns_do(packet.get(), flags.dnssec_ok);
  std::uint8_t* bytes = nullptr;
  std::size_t size = 0;
  if (ldns_pkt2wire(&bytes, packet.get(), &size) != LDNS_STATUS_OK) return std::unexpected(kForm);
  const LdnsPtr<std::uint8_t> owned(bytes);
  query.wire.assign(bytes, bytes + size);
  std::fill_n(query.wire.begin(), 2, std::uint8_t{0});
  return query;
}

bool is_soa(const DnsQuery& query) {
  return query.type == LDNS_RR_TYPE_SOA;
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

std::optional<std::uint16_t> parse_rcode(const std::string& name) {
  const std::string upper = upper_case(name);
  const auto* const found = std::ranges::find(kRcodes, upper, [](const auto& each) { return each.second; });
  return found == kRcodes.end() ? std::nullopt : std::optional(found->first);
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
