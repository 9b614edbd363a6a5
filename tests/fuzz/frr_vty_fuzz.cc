// Any bytes as what comes from bgpd's vty socket or from vtysh -E: the same answers however the bytes arrive, never more than
// there were lines, and a batch that ends whatever they say.
#include <array>

#include "sidecar/announce/frr/progress.h"
#include "sidecar/announce/frr/socket.h"
#include "sidecar/announce/frr/vtysh.h"
#include "tests/fuzz/fuzz_input.h"

namespace {

using namespace herald;
using fuzz::require;

std::vector<FrrAnswer> answers_in(std::string_view text, std::size_t step) {
  VtyAnswerReader reader;
  std::vector<FrrAnswer> answers;
  while (!text.empty()) {
    reader.feed(text.substr(0, step));
    text.remove_prefix(std::min(step, text.size()));
    while (auto answer = reader.next()) answers.push_back(std::move(*answer));
  }
  return answers;
}

FrrBatch batch() {
  using Kind = FrrLine::Kind;
  return {.lines = {{Kind::enter, "configure terminal", {0, 1}},
                    {Kind::enter, "route-map HERALD-a permit 10", {0}, "HERALD-a"},
                    {Kind::leave, "exit", {0}, "HERALD-a"},
                    {Kind::enter, "router bgp", {0, 1}},
                    {Kind::set, "network 10.99.0.1/32 route-map HERALD-a", {0}},
                    {Kind::set, "no network 10.99.0.2/32", {1}},
                    {Kind::tidy, "no route-map HERALD-b", {1}},
                    {Kind::leave, "exit", {0, 1}},
                    {Kind::leave, "end", {0, 1}}},
          .outcomes = RouteOutcomes(2)};
}

// Each reply is made of the next of these answers.
void carry_out(std::vector<FrrAnswer> answers) {
  constexpr int kMostSends = 20;
  FrrProgress progress(batch());
  int sends = 0;
  while (const auto send = progress.next()) {
    require(++sends < kMostSends);
    FrrReply reply;
    while (!answers.empty() && reply.answers.size() < send->lines.size()) {
      reply.answers.push_back(std::move(answers.back()));
      answers.pop_back();
      if (send->on_failure == OnFailure::stop && !reply.answers.back().goes_on()) break;
    }
    if (answers.empty()) reply.error = "closed by bgpd";
    progress.take(reply);
  }
  require(progress.outcomes().size() == 2);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  auto answers = answers_in(text, size + 1);
  require(answers == answers_in(text, 1) && answers == answers_in(text, 3));
  for (const FrrAnswer& answer : answers) require(!said(answer.text).empty());
  carry_out(std::move(answers));

  const std::vector<std::string> lines{"configure terminal", "router bgp", "network 10.99.0.1/32"};
  const FrrReply reply = parse_vtysh_echo(text, lines);
  require(reply.answers.size() <= lines.size() && reply.answers.empty() == reply.error.has_value());
  carry_out(reply.answers);
  return 0;
}
