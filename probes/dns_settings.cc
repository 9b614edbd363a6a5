#include "probes/dns_settings.h"

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "probes/dns_words.h"
#include "sidecar/config/json_reader.h"

namespace herald::probes {
namespace {

constexpr std::uint16_t kDnsPort = 53;
constexpr std::uint32_t kMostTries = 10;
constexpr std::size_t kMostExpectedAnswers = 100;
constexpr std::uint32_t kMostAnswers = 1000;

void read_rcodes(ObjectReader& keys, std::vector<std::uint16_t>& out) {
  const auto* value = keys.value("rcode");
  if (value == nullptr) return;
  const auto list = value->is_array() ? *value : nlohmann::json::array({*value});
  out.clear();
  for (const auto& each : list) {
    const auto rcode = each.is_string() ? parse_rcode(each.get<std::string>()) : std::nullopt;
    if (rcode) {
      out.push_back(*rcode);
    } else {
      keys.fail("rcode",
                R"(must be a response code such as "NOERROR" or "NXDOMAIN", or a list of them, not )" +
                    shown(each));
    }
  }
  if (list.empty()) keys.fail("rcode", "must not be empty");
}

void read_answers(ObjectReader& keys, std::uint16_t type, std::vector<std::string>& out) {
  if (!keys.read("answers", out)) return;
  if (out.size() > kMostExpectedAnswers) {
    return keys.fail("answers", fmt::format("must be at most {}", kMostExpectedAnswers));
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (const auto problem = data_problem(type, out[i])) {
      keys.fail_element("answers", i, shown(out[i]) + " " + *problem);
    }
  }
}

void read_flag(ObjectReader& keys, std::string_view key, std::optional<bool>& out) {
  bool flag = false;
  if (keys.read(key, flag)) out = flag;
}

void read_expect(ObjectReader& keys, std::uint16_t type, DnsExpect& expect) {
  auto object = keys.object("expect");
  if (!object) return;
  read_rcodes(*object, expect.rcodes);
  object->read("min_answers", expect.min_answers, 0, kMostAnswers);
  read_answers(*object, type, expect.answers);
  read_flag(*object, "authoritative", expect.authoritative);
  read_flag(*object, "authenticated", expect.authenticated);
  std::uint32_t serial = 0;
  if (object->read("serial_at_least", serial, 0, UINT32_MAX)) {
    expect.serial_at_least = serial;
    if (type != kDnsTypeSoa) object->fail("serial_at_least", "needs a query of type SOA");
  }
  object->finish();
}

// None where the question is wrong, or missing.
std::optional<DnsQuestion> read_question(ObjectReader& keys, DnsSettings& settings) {
  const auto expect = keys.json().find("expect");
  settings.flags.asks_authenticated =
      expect != keys.json().end() && expect->is_object() && expect->contains("authenticated");
  keys.read("recursion_desired", settings.flags.recursion_desired);
  keys.read("dnssec_ok", settings.flags.dnssec_ok);
  if (!keys.require("query") || !keys.read("query", settings.query)) return std::nullopt;
  auto question = parse_question(settings.query);
  if (question) return *std::move(question);
  keys.fail("query", question.error());
  return std::nullopt;
}

// What is asked for by a flag of EDNS is not asked for without it.
void read_edns(ObjectReader& keys, DnsSettings& settings) {
  if (settings.flags.dnssec_ok) settings.edns = Edns::always;
  const auto* value = keys.value("edns");
  if (value == nullptr) return;
  const bool is_flag = value->is_boolean();
  if (!is_flag && *value != "fallback") return keys.fail("edns", R"(must be true, false or "fallback")");
  settings.edns = !is_flag ? Edns::fallback : value->get<bool>() ? Edns::always : Edns::never;
  if (settings.flags.dnssec_ok && settings.edns != Edns::always)
    keys.fail("edns", "must be true with dnssec_ok");
}

DnsSettings read_dns(ObjectReader& keys) {
  DnsSettings settings;
  std::string text;
  if (keys.require("server") && keys.read("server", text)) {
    auto server = parse_endpoint(text, kDnsPort);
    if (!server) keys.fail("server", server.error());
    if (server) settings.server = std::move(*server);
  }
  const auto question = read_question(keys, settings);
  read_edns(keys, settings);
  std::size_t choice = 0;
  if (keys.read_choice("transport", choice, {"udp", "tcp"})) settings.uses_tcp = choice == 1;
  keys.read("on_truncation", settings.on_truncation);
  keys.read("tries", settings.tries, 1, kMostTries);
  if (question) {
    read_expect(keys, question->type, settings.expect);
  } else {  // what depends on it would only be reported wrongly
    static_cast<void>(keys.value("expect"));
  }
  return settings;
}

}  // namespace

CheckedProbe check_dns(ObjectReader& keys) {
  auto settings = std::make_unique<DnsSettings>(read_dns(keys));
  const Listens listens = settings->uses_tcp ? Listens::tcp : Listens::udp;
  return {literal_of(settings->server.host), to_string(settings->server), std::move(settings), listens};
}

}  // namespace herald::probes
