#include "sidecar/work/message.h"

#include <catch2/catch.hpp>

#include "tests/work/packets.h"

namespace message_test {

using namespace herald;
using namespace herald::work;

namespace {

ProbeSpec spec() {
  ProbeSpec spec;
  spec.name = "front";
  spec.type = "http";
  spec.socket = {"127.0.0.1", "lo", 7};
  spec.target = "127.0.0.1:80";
  spec.settings = std::string("{\"url\": \"http://a\0b/\"}", 22);
  return spec;
}

std::string orders() {
  return packet_of<Order>({Put{ProbeId{3}, spec()}, Try{9, spec()}, Start{ProbeId{3}, RunId{~0ULL}},
                           Cancel{RunId{5}}, Vips{{"10.99.0.1", "fd00::1"}}, Hold{ProbeId{3}, true}});
}

std::string words() {
  const Ran ran{TimePoint{5s}, TimePoint{6s}, 10ms};
  return packet_of<Report>(
      {Hello{77, "0.1.0"}, Tried{9, std::nullopt}, Tried{10, "no such file"},
       Finished{RunId{5}, {Verdict::warn, Reason::latency, "200 in 1 s", 1s, 1800000000}, ran},
       Cancelled{RunId{6}, "connecting", ran}, Held{ProbeId{3}, HeldChange::ended, "the target closed it"}});
}

}  // namespace

TEST_CASE("messages: orders are read as they were said") {
  const auto read = read_orders(orders());
  REQUIRE(read);
  REQUIRE(read->size() == 6);
  CHECK(std::get<Put>((*read)[0]).probe == ProbeId{3});
  CHECK(std::get<Put>((*read)[0]).spec == spec());
  CHECK(std::get<Try>((*read)[1]).ticket == 9);
  CHECK(std::get<Start>((*read)[2]).run == RunId{~0ULL});
  CHECK(std::get<Cancel>((*read)[3]).run == RunId{5});
  CHECK(std::get<Vips>((*read)[4]).addresses == std::vector<std::string>{"10.99.0.1", "fd00::1"});
  CHECK(std::get<Hold>((*read)[5]).probe == ProbeId{3});
  CHECK(std::get<Hold>((*read)[5]).is_wanted);
  CHECK(read_orders("")->empty());
}

TEST_CASE("messages: words are read as they were said") {
  const auto read = read_reports(words());
  REQUIRE(read);
  REQUIRE(read->size() == 6);
  CHECK(std::get<Hello>((*read)[0]).network_namespace == 77);
  CHECK(std::get<Hello>((*read)[0]).version == "0.1.0");
  CHECK_FALSE(std::get<Tried>((*read)[1]).problem);
  CHECK(std::get<Tried>((*read)[2]).problem == "no such file");
  const Finished& finished = std::get<Finished>((*read)[3]);
  CHECK(finished.result == ProbeResult{Verdict::warn, Reason::latency, "200 in 1 s", 1s, 1800000000});
  CHECK(finished.ran == Ran{TimePoint{5s}, TimePoint{6s}, 10ms});
  CHECK(std::get<Cancelled>((*read)[4]).stage == "connecting");
  const Held& held = std::get<Held>((*read)[5]);
  CHECK(held.probe == ProbeId{3});
  CHECK(held.change == HeldChange::ended);
  CHECK(held.text == "the target closed it");
}

TEST_CASE("messages: a packet that was cut anywhere is none, but where a message ends") {
  for (const bool are_words : {false, true}) {
    const std::string whole = are_words ? words() : orders();
    std::size_t good = 0;
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const std::string_view part = std::string_view(whole).substr(0, size);
      good += are_words ? read_reports(part).has_value() : read_orders(part).has_value();
    }
    CHECK(good == 6);  // nothing, and each beginning of whole messages
  }
}

TEST_CASE("messages: what is no value of its type is refused") {
  const Ran ran{TimePoint{5s}, TimePoint{6s}, 0ms};
  const auto finished = [&](ProbeResult result, Ran its_ran) {
    return read_reports(packet_of<Report>({Finished{RunId{5}, std::move(result), its_ran}})).has_value();
  };
  CHECK(finished({}, ran));
  CHECK_FALSE(finished({Verdict{4}, Reason::none, "", {}}, ran));
  CHECK_FALSE(finished({Verdict::pass, Reason{200}, "", {}}, ran));
  CHECK_FALSE(finished({}, {TimePoint::min(), TimePoint{6s}, 0ms}));
  CHECK_FALSE(finished({}, {TimePoint{5s}, TimePoint::max(), 0ms}));
  CHECK_FALSE(finished({}, {TimePoint{5s}, TimePoint{6s}, -1ms}));
  CHECK_FALSE(read_reports("\x7f"));
  std::string tried = packet_of<Report>({Tried{9, std::nullopt}});
  tried.back() = '\x02';
  CHECK_FALSE(read_reports(tried));
  std::string longer = packet_of<Report>({Cancelled{RunId{5}, "", ran}});
  longer[9] = '\xff';  // the length of its text
  longer[12] = '\xff';
  CHECK_FALSE(read_reports(longer));
  CHECK_FALSE(read_reports(packet_of<Report>({Held{ProbeId{3}, HeldChange{3}, ""}})));
  std::string hold = packet_of<Order>({Hold{ProbeId{3}, true}});
  hold.back() = '\x02';
  CHECK_FALSE(read_orders(hold));
}

}  // namespace message_test
