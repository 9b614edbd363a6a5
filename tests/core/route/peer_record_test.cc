#include "sidecar/core/route/peer_record.h"

#include <catch2/catch.hpp>

namespace herald::peer_record_test {
namespace {

using namespace std::chrono_literals;

using Changes = std::vector<PeerRecord::Change>;
using Kind = PeerRecord::Change::Kind;

constexpr TimePoint kSeen{std::chrono::hours(1)};
const std::string kOne = "10.1.1.4";
const std::string kOther = "10.1.1.132";

RouterPeer up(const std::string& address, const std::string& session = "1") {
  return {address, "Established", true, session};
}

RouterPeer down(const std::string& address, const std::string& state = "Active") {
  return {address, state, false, "1"};
}

TEST_CASE("peer record: what is so at first was so before, and is no change") {
  PeerRecord record;
  CHECK(record.seen({up(kOne), down(kOther)}, kSeen).empty());
  CHECK(record.seen({up(kOne), down(kOther, "Connect")}, kSeen + 1s).empty());
}

TEST_CASE("peer record: lost and back") {
  PeerRecord record;
  (void)record.seen({up(kOne), up(kOther)}, kSeen);
  CHECK(record.seen({down(kOne), up(kOther)}, kSeen + 5s) ==
        Changes{{kOne, Kind::lost, "Established", "Active", 5s}});
  CHECK(record.seen({up(kOne, "2"), up(kOther)}, kSeen + 7s) ==
        Changes{{kOne, Kind::back, "Active", "Established", 2s}});
  CHECK(record.seen({up(kOne, "3"), up(kOther)}, kSeen + 8s).empty());
  CHECK(record.entries().at(kOne).losses == 1);
  CHECK(record.entries().at(kOne).since == kSeen + 7s);
  CHECK(record.entries().at(kOther).losses == 0);
  CHECK(record.entries().at(kOther).since == kSeen);
}

TEST_CASE("peer record: a peer that is configured no more, and one that is new") {
  PeerRecord record;
  (void)record.seen({up(kOne), down(kOther)}, kSeen);
  CHECK(record.seen({}, kSeen + 3s) == Changes{{kOne, Kind::lost, "Established", "not configured", 3s}});
  CHECK(record.seen({down(kOther)}, kSeen + 4s).empty());
  CHECK(record.seen({up(kOne), down(kOther)}, kSeen + 5s) ==
        Changes{{kOne, Kind::back, "not configured", "Established", 0s}});
}

}  // namespace
}  // namespace herald::peer_record_test
