#include "probes/dns_words.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "probes/result.h"
#include "sidecar/text/address.h"
#include "sidecar/text/plain_text.h"

namespace herald::probes {
namespace {

constexpr std::size_t kLongestData = 4096;
constexpr std::size_t kMostNameBytes = 255;  // on the wire
constexpr std::size_t kMostLabelBytes = 63;

using NumberedWord = std::pair<std::uint16_t, std::string_view>;

constexpr std::array<NumberedWord, 12> kRcodes{{{0, "NOERROR"},
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

// Of IANA's registry, those that can be asked for: no OPT, no transfer of a zone, none that sign a message.
constexpr NumberedWord kTypes[]{
    {1, "A"},           {2, "NS"},          {3, "MD"},      {4, "MF"},      {5, "CNAME"},   {6, "SOA"},
    {7, "MB"},          {8, "MG"},          {9, "MR"},      {10, "NULL"},   {11, "WKS"},    {12, "PTR"},
    {13, "HINFO"},      {14, "MINFO"},      {15, "MX"},     {16, "TXT"},    {17, "RP"},     {18, "AFSDB"},
    {19, "X25"},        {20, "ISDN"},       {21, "RT"},     {22, "NSAP"},   {24, "SIG"},    {25, "KEY"},
    {26, "PX"},         {27, "GPOS"},       {28, "AAAA"},   {29, "LOC"},    {30, "NXT"},    {31, "EID"},
    {32, "NIMLOC"},     {33, "SRV"},        {34, "ATMA"},   {35, "NAPTR"},  {36, "KX"},     {37, "CERT"},
    {38, "A6"},         {39, "DNAME"},      {40, "SINK"},   {42, "APL"},    {43, "DS"},     {44, "SSHFP"},
    {45, "IPSECKEY"},   {46, "RRSIG"},      {47, "NSEC"},   {48, "DNSKEY"}, {49, "DHCID"},  {50, "NSEC3"},
    {51, "NSEC3PARAM"}, {52, "TLSA"},       {53, "SMIMEA"}, {55, "HIP"},    {58, "TALINK"}, {59, "CDS"},
    {60, "CDNSKEY"},    {61, "OPENPGPKEY"}, {62, "CSYNC"},  {63, "ZONEMD"}, {64, "SVCB"},   {65, "HTTPS"},
    {99, "SPF"},        {104, "NID"},       {105, "L32"},   {106, "L64"},   {107, "LP"},    {108, "EUI48"},
    {109, "EUI64"},     {255, "ANY"},       {256, "URI"},   {257, "CAA"},   {32769, "DLV"}};

constexpr std::array<NumberedWord, 5> kClasses{
    {{1, "IN"}, {3, "CH"}, {4, "HS"}, {254, "NONE"}, {255, "ANY"}}};

// The words of a record's data: '4' and '6' an address, 'n' a name, 'i' a number of 16 bits.
constexpr std::array<NumberedWord, 15> kForms{{{1, "4"},
                                               {2, "n"},
                                               {5, "n"},
                                               {7, "n"},
                                               {8, "n"},
                                               {9, "n"},
                                               {12, "n"},
                                               {15, "in"},
                                               {18, "in"},
                                               {21, "in"},
                                               {28, "6"},
                                               {33, "iiin"},
                                               {36, "in"},
                                               {39, "n"},
                                               {107, "in"}}};

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

bool is_number(std::string_view text, std::uint32_t most, std::uint32_t& number) {
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc{} && stop == end && number <= most;
}

// The number of a word, or of "TYPE65" (RFC 3597).
std::optional<std::uint16_t> number_of(std::span<const NumberedWord> words, const std::string& text,
                                       std::string_view generic) {
  const std::string upper = upper_case(text);
  const auto found = std::ranges::find(words, upper, &NumberedWord::second);
  if (found != words.end()) return found->first;
  std::uint32_t number = 0;
  if (!upper.starts_with(generic) ||
      !is_number(std::string_view(upper).substr(generic.size()), 65535, number)) {
    return std::nullopt;
  }
  return static_cast<std::uint16_t>(number);
}

// "\\." and "\\065" are one byte each.
std::size_t length_of_byte(std::string_view text) {
  if (text[0] != '\\') return 1;
  const bool is_digit = text.size() > 1 && text[1] >= '0' && text[1] <= '9';
  return is_digit ? 4 : 2;
}

bool is_dns_name(std::string_view text) {
  if (text == ".") return true;
  std::size_t label = 0;
  std::size_t whole = 1;
  while (!text.empty()) {
    const std::size_t length = length_of_byte(text);
    std::uint32_t byte = 0;
    if (length > text.size() || (length == 4 && !is_number(text.substr(1, 3), 255, byte))) return false;
    const bool is_end = text[0] == '.';
    if (is_end && label == 0) return false;
    label = is_end ? 0 : label + 1;
    ++whole;
    if (label > kMostLabelBytes) return false;
    text.remove_prefix(length);
  }
  return whole > 1 && whole + (label > 0 ? 1 : 0) <= kMostNameBytes;
}

// Types and classes that are no question of a health check: EDNS's own, transfers, signatures of messages.
bool can_be_asked(std::uint16_t type) {
  return type != 0 && type != 41 && (type < 249 || type > 252);
}

bool has_form(const std::string& word, char form) {
  std::uint32_t number = 0;
  if (form == 'i') return is_number(word, 65535, number);
  if (form == 'n') return is_dns_name(word);
  const auto address = parse_address(word);
  return address && address->family == (form == '4' ? AF_INET : AF_INET6);
}

}  // namespace

std::expected<DnsQuestion, std::string> parse_question(const std::string& text) {
  constexpr const char* kForm = R"(must be a name and a type, such as "health.example.net A")";
  const auto words = words_of(text);
  if (words.size() < 2 || words.size() > 3) return std::unexpected(kForm);
  const auto type = number_of(kTypes, words[1], "TYPE");
  if (!type || !can_be_asked(*type)) {
    return std::unexpected(
        fmt::format("{}; {} is not a type that can be asked for", kForm, printable(words[1], 60)));
  }
  const auto dns_class = words.size() == 3 ? number_of(kClasses, words[2], "CLASS") : 1;
  if (!dns_class || *dns_class == 0)
    return std::unexpected(fmt::format("{}; {} is not a class", kForm, printable(words[2], 60)));
  if (!is_dns_name(words[0]))
    return std::unexpected(fmt::format("{}; {} is not a name", kForm, printable(words[0], 60)));
  return DnsQuestion{words[0], *type, *dns_class};
}

std::optional<std::string> data_problem(std::uint16_t type, const std::string& text) {
  if (type == kDnsTypeAny) return "needs a query for one type, not ANY";
  if (text.size() > kLongestData) return "is too long";
  const auto words = words_of(text);
  const auto* const named = std::ranges::find(kTypes, type, &NumberedWord::first);
  const std::string problem =
      fmt::format("is not the data of a record of type {}",
                  named == std::end(kTypes) ? std::to_string(type) : std::string(named->second));
  if (words.empty()) return problem;
  const auto* const form = std::ranges::find(kForms, type, &NumberedWord::first);
  if (form == kForms.end() || words[0] == "\\#") return std::nullopt;  // RFC 3597: data as bytes
  if (words.size() != form->second.size() || !std::ranges::equal(words, form->second, has_form))
    return problem;
  return std::nullopt;
}

std::optional<std::uint16_t> parse_rcode(const std::string& name) {
  const std::string upper = upper_case(name);
  const auto* const found = std::ranges::find(kRcodes, upper, [](const auto& each) { return each.second; });
  return found == kRcodes.end() ? std::nullopt : std::optional(found->first);
}

std::string rcode_name(std::uint16_t rcode) {
  const auto* const found = std::ranges::find(kRcodes, rcode, [](const auto& each) { return each.first; });
  return found == kRcodes.end() ? fmt::format("RCODE{}", rcode) : std::string(found->second);
}

}  // namespace herald::probes
