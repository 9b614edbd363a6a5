// Any bytes as what a name server answers, to queries of several types.
#include <array>

#include "probes/dns_message.h"
#include "tests/fuzz/fuzz_input.h"

namespace {

using namespace herald;
using namespace herald::probes;

DnsQuery query_of(const char* text) {
  const auto query = parse_query(text, {});
  fuzz::require(query.has_value());
  return *query;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::array<DnsQuery, 4> kQueries{query_of("health.example.net A"), query_of("example.net SOA"),
                                                query_of("example.net ANY"),
                                                query_of("hostname.bind TXT CH")};
  const Bytes message(data, size);
  DnsExpect expect;
  expect.min_answers = 1;
  expect.answers = {"10.0.0.1"};
  expect.authenticated = false;
  expect.serial_at_least = 7;
  for (const DnsQuery& query : kQueries) {
    if (is_reply_to(query, 0x1234, message)) static_cast<void>(is_truncated(message));
    for (const DnsExpect& each : {DnsExpect{}, expect}) {
      const ProbeResult result = judge(query, each, message, std::chrono::milliseconds(1));
      fuzz::require(!result.detail.empty());
    }
  }
  return 0;
}
