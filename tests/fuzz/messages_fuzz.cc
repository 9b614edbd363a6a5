// Any bytes as a packet of orders and as one of reports, of workers and of herald-http: values that make the same bytes again, or an error.
#include "sidecar/work/http_message.h"
#include "sidecar/work/message.h"
#include "tests/fuzz/fuzz_input.h"

namespace {

using namespace herald;

template <typename Messages>
void check(const Messages& read, std::string_view packet) {
  if (!read) return fuzz::require(!read.error().empty());
  std::string again;
  for (const auto& message : *read) work::append(again, message);
  fuzz::require(again == packet);
  for (const auto& message : *read) {
    if constexpr (std::is_same_v<std::decay_t<decltype(message)>, work::Report>) {
      const auto* finished = std::get_if<work::Finished>(&message);
      if (finished == nullptr) continue;
      fuzz::require(finished->result.latency >= Duration{} && finished->ran.stalled >= Duration{});
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view packet = fuzz::text_of(data, size);
  check(work::read_orders(packet), packet);
  check(work::read_reports(packet), packet);
  check(work::read_http_orders(packet), packet);
  check(work::read_http_reports(packet), packet);
  return 0;
}
