#include "sidecar/control/probe_requests.h"

#include <catch2/catch.hpp>

namespace probe_requests_test {

using namespace herald;

TEST_CASE("a request is answered once, when the last of its attempts has ended, in the order of the probes") {
  ProbeRequests requests;
  const auto one = requests.begin(5, {ProbeId{2}, ProbeId{1}});
  const auto two = requests.begin(6, {ProbeId{1}});
  CHECK(one != two);
  ProbeSpec first;
  first.name = "first";
  ProbeSpec second;
  second.name = "second";
  const ProbeResult pass{Verdict::pass, Reason::none, "ok", Duration{}};
  CHECK_FALSE(requests.take({one, ProbeId{2}, pass}, second));
  const auto answer = requests.take({one, ProbeId{1}, pass}, first);
  REQUIRE(answer);
  CHECK(answer->client == 5);
  REQUIRE(answer->reply["results"].size() == 2);
  CHECK(answer->reply["results"][0]["name"] == "first");
  CHECK(answer->reply["results"][1]["name"] == "second");
  CHECK_FALSE(requests.take({one, ProbeId{1}, pass}, first));
  CHECK(requests.take({two, ProbeId{1}, pass}, first)->client == 6);
}

}  // namespace probe_requests_test
