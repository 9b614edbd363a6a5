// The fallback ladder alone: when it climbs, what it undoes, and what it leaves alone.
#include "sidecar/core/route/fallback.h"

#include <catch2/catch.hpp>

namespace herald::fallback_test {
namespace {

constexpr TimePoint kStart{std::chrono::hours(1)};
const Vip kA{"10.99.0.1/32"};
const Vip kB{"10.99.0.2/32"};
const std::string kOne = "10.1.1.4";
const std::string kTwo = "10.1.1.132";

using Steps = std::vector<FallbackStep>;
using Kind = VipStanding::Kind;

// A router with two Route Servers and another peer, which goes on advertising A to those that are not kept from it.
struct LadderBench {
  explicit LadderBench(FallbackLevel level) : ladder(spec_of(level)) {
    view.reachable = true;
    for (const std::string& peer : {kOne, kTwo, std::string("10.9.9.9")})
      view.peers.push_back({peer, "Established", true});
    view.peers.push_back({"10.1.1.5", std::string(kNotConfigured), false});
  }

  static RouterSpec spec_of(FallbackLevel level) {
    RouterSpec spec;
    spec.stack = Stack::frr;
    spec.fallback = level;
    spec.fallback_after = 5s;
    spec.peers = {kOne, kTwo, "10.1.1.5"};
    return spec;
  }

  // One read that shows this standing of A; returns what is sent then.
  Steps read(Kind kind) {
    RouterRoute& route = view.routes[kA];
    route = {};
    route.in_rib = kind == Kind::stale;
    for (const RouterPeer& peer : view.peers) {
      const PeerFallback held = view.fallback[peer.address];
      if (peer.established && !held.shut && (obeys ? !held.denied.contains(kA) : true))
        route.advertised_to.push_back(peer.address);
    }
    std::erase_if(view.fallback, [](const auto& entry) { return entry.second == PeerFallback{}; });
    news = ladder.judge(std::vector<VipStanding>{{kA, kind}}, view, sequence + 1, now);
    const Steps steps = ladder.plan(view, ++sequence, now);
    sent.insert(sent.end(), steps.begin(), steps.end());
    for (const FallbackStep& step : steps) {
      if (step.peer.empty()) view.fallback_remains = false;
      if (takes && !step.peer.empty()) view.fallback[step.peer] = step.wanted;
    }
    if (!steps.empty()) ladder.finished(sequence);
    return steps;
  }
  // Reads every half second.
  void go_on(Kind kind, Duration duration) {
    for (const TimePoint end = now + duration; now < end; now += 500ms) read(kind);
  }

  FallbackLadder ladder;
  RouterView view;
  TimePoint now = kStart;
  std::uint64_t sequence = 0;
  bool takes = true;  // what it is told shows in the next read
  bool obeys = true;  // and keeps the route from the peer
  std::vector<Vip> news;
  Steps sent;
};

const PeerFallback kDenied{{kA}};
const Steps kDenyBoth{{kTwo, kDenied}, {kOne, kDenied}};
const Steps kLiftBoth{{kTwo, {}}, {kOne, {}}};

}  // namespace

TEST_CASE("fallback off: it is said that it is overdue, and nothing is sent") {
  LadderBench bench(FallbackLevel::off);
  bench.go_on(Kind::stale, 5s);
  CHECK_FALSE(bench.ladder.is_overdue(kA));
  REQUIRE(bench.ladder.next_read());
  CHECK(*bench.ladder.next_read() == kStart + 5s);
  bench.read(Kind::stale);
  CHECK(bench.ladder.is_overdue(kA));
  CHECK(bench.news == std::vector{kA});
  CHECK_FALSE(bench.ladder.next_read());
  bench.go_on(Kind::stale, 60s);
  CHECK(bench.news.empty());  // once
  CHECK(bench.sent.empty());
  bench.read(Kind::free);
  CHECK_FALSE(bench.ladder.is_overdue(kA));
  CHECK_FALSE(bench.ladder.is_active());
}

TEST_CASE("fallback deny: to every Route Server that the router has, after the time, and until it is gone") {
  LadderBench bench(FallbackLevel::deny);
  bench.go_on(Kind::stale, 5s);
  CHECK(bench.sent.empty());
  CHECK(bench.read(Kind::stale) == kDenyBoth);
  CHECK(bench.news == std::vector{kA});
  bench.go_on(Kind::stale, 60s);
  CHECK(bench.sent.size() == 2);
  CHECK(bench.ladder.is_denied(kA));
  CHECK(bench.read(Kind::free) == kLiftBoth);
  bench.go_on(Kind::free, 10s);
  CHECK(bench.sent.size() == 4);
  CHECK(bench.view.fallback.empty());
}

TEST_CASE("fallback: time in which it was not advertised, or not known, does not count") {
  LadderBench bench(FallbackLevel::deny);
  const Kind between = GENERATE(Kind::unsure, Kind::free);
  for (int time = 0; time < 5; ++time) {
    bench.go_on(Kind::stale, 4s);
    bench.read(between);
    bench.go_on(Kind::stale, 4s);
    bench.ladder.blind();
  }
  bench.view.peers.clear();  // nobody is sent it
  bench.go_on(Kind::stale, 20s);
  CHECK(bench.sent.empty());
}

TEST_CASE("fallback: what is not known any more leaves what stands") {
  LadderBench bench(FallbackLevel::deny);
  bench.go_on(Kind::stale, 6s);
  bench.go_on(Kind::unsure, 60s);
  CHECK(bench.sent == kDenyBoth);
}

TEST_CASE("fallback: a read of before a denial was lifted does not bring it back") {
  LadderBench bench(FallbackLevel::deny);
  bench.go_on(Kind::stale, 6s);
  const RouterView before = bench.view;
  CHECK(bench.read(Kind::free) == kLiftBoth);
  // The VIP moves on, and is judged anew before the router was read again.
  bench.ladder.judge(std::vector<VipStanding>{{kA, Kind::unsure}}, before, bench.sequence, bench.now);
  CHECK_FALSE(bench.ladder.is_denied(kA));
  CHECK(bench.read(Kind::stale).empty());  // it has not been advertised for long enough
}

TEST_CASE("fallback: a denial that is refused is tried again with back-off, and told to be overdue") {
  LadderBench bench(FallbackLevel::deny);
  bench.takes = false;
  bench.go_on(Kind::stale, 15s);
  CHECK(bench.sent.size() >= 4);
  CHECK(bench.sent.size() <= 20);
  CHECK(bench.ladder.is_overdue(kA));
  CHECK(bench.ladder.is_denied(kA));
}

TEST_CASE(
    "fallback shutdown: only where the denial does not help, after as long again, session first to return") {
  LadderBench bench(FallbackLevel::shutdown);
  const PeerFallback shut{{kA}, true};
  SECTION("it helps") {
    bench.go_on(Kind::stale, 60s);
    CHECK(bench.sent == kDenyBoth);
  }
  SECTION("it does not") {
    bench.obeys = false;
    bench.go_on(Kind::stale, 10s);
    CHECK(bench.sent == kDenyBoth);
    CHECK(bench.read(Kind::stale) == Steps{{kTwo, shut}, {kOne, shut}});
    CHECK(bench.ladder.shut() == std::set{kOne, kTwo});
    bench.go_on(Kind::stale, 60s);
    CHECK(bench.sent.size() == 4);
    CHECK(bench.read(Kind::free) == kLiftBoth);
    CHECK(bench.ladder.shut().empty());
  }
}

TEST_CASE("fallback of an earlier life: kept while it is needed, then undone, whatever the key says") {
  const FallbackLevel level = GENERATE(FallbackLevel::off, FallbackLevel::deny, FallbackLevel::shutdown);
  LadderBench bench(level);
  bench.view.fallback[kOne] = {{kA}, true};
  bench.view.fallback[kTwo] = kDenied;
  const bool keeps_shut = level == FallbackLevel::shutdown;
  bench.read(Kind::unsure);
  CHECK(bench.sent == (keeps_shut ? Steps{} : Steps{{kOne, kDenied}}));
  bench.sent.clear();
  bench.go_on(Kind::stale, 20s);
  CHECK(bench.sent.empty());
  CHECK(bench.read(Kind::free) == kLiftBoth);
}

TEST_CASE("fallback of an earlier life: of what is not configured any more nothing stays, nor remains") {
  LadderBench bench(FallbackLevel::off);
  bench.view.fallback[kOne] = {{kB}};
  bench.view.fallback["10.9.9.9"] = {{}, false, false};  // somebody has deleted half of it
  bench.view.fallback_remains = true;
  CHECK(bench.read(Kind::free) == Steps{{kOne, {}}, {"10.9.9.9", {}}});
  CHECK(bench.read(Kind::free) == Steps{{"", {}}});
  bench.go_on(Kind::free, 10s);
  CHECK(bench.sent.size() == 3);
}

TEST_CASE("fallback in words") {
  CHECK(to_string(FallbackStep{kOne, {{kA, kB}}}) == "fallback: deny 10.99.0.1/32, 10.99.0.2/32 to 10.1.1.4");
  CHECK(to_string(FallbackStep{kOne, {{kA}, true}}) ==
        "fallback: shut down the session with 10.1.1.4, deny 10.99.0.1/32");
  CHECK(to_string(FallbackStep{kOne, {}}) == "fallback: lift everything toward 10.1.1.4");
  CHECK(to_string(FallbackStep{}) == "fallback: remove what is not in use any more");
}

}  // namespace herald::fallback_test
