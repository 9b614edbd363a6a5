// The verdict on an answer, without a server. The keys are tested in http_settings_test.cc.
#include "probes/http_expect.h"

#include <catch2/catch.hpp>

namespace http_expect_test {

using namespace herald;
using namespace herald::probes;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

Pattern pattern(const std::string& text) {
  return *Pattern::compile(text);
}

HttpAnswer answer(std::uint32_t status, std::string body = "") {
  HttpAnswer answer;
  answer.status = status;
  answer.body = std::move(body);
  answer.latency = 1200us;
  return answer;
}

std::string said(const HttpExpect& expect, const HttpAnswer& answer) {
  const ProbeResult result = judge(expect, answer);
  const std::string reason = result.reason == Reason::none ? "" : " " + std::string(name_of(result.reason));
  return std::string(name_of(result.verdict)) + reason + ": " + result.detail;
}

}  // namespace

TEST_CASE("http expect: statuses are sets with a text") {
  const StatusSet set{{{200, 200}, {300, 399}}};
  CHECK(set.contains(200));
  CHECK_FALSE(set.contains(201));
  CHECK(set.contains(399));
  CHECK(to_string(set) == "200, 300-399");
}

TEST_CASE("http expect: without a wish, 2xx is well") {
  CHECK(said({}, answer(204)) == "pass: 204 in 1.2 ms");
  CHECK(said({}, answer(503, "busy\n")) == "fail status: 503, expected 200-299: \"busy\\n\"");
}

TEST_CASE("http expect: one header that matches is enough, whatever its case") {
  HttpExpect expect;
  expect.headers.push_back({"X-Health", pattern("^ok$")});
  HttpAnswer with = answer(200);
  CHECK(said(expect, with) == "fail header: no header X-Health");
  with.headers = {{"x-health", "bad"}};
  CHECK(said(expect, with) == "fail header: header X-Health does not match \"^ok$\": \"bad\"");
  with.headers.emplace_back("X-HEALTH", "ok");
  CHECK(judge(expect, with).verdict == Verdict::pass);
  CHECK(expect.wants_header("x-HEALTH"));
  CHECK_FALSE(expect.wants_header("x"));
}

TEST_CASE("http expect: the body, and that what was cut off is another failure") {
  HttpExpect expect;
  expect.body_contains = "ready";
  CHECK(judge(expect, answer(200, "is ready")).verdict == Verdict::pass);
  CHECK(said(expect, answer(200)) == "fail body: no \"ready\" in the body, which is empty");
  HttpAnswer cut = answer(200, "xx");
  cut.is_cut = true;
  CHECK(said(expect, cut) == "fail too_large: no \"ready\" in the body within the first 2 bytes");
  HttpExpect matches;
  matches.body_matches = pattern("^[0-9]+$");
  CHECK(said(matches, answer(200, "x")) == "fail body: nothing matches \"^[0-9]+$\" in the body: \"x\"");
}

TEST_CASE("http expect: values of a JSON body") {
  HttpExpect expect;
  expect.json.push_back({json::json_pointer("/db/state"), "up"});
  CHECK(judge(expect, answer(200, R"({"db": {"state": "up"}})")).verdict == Verdict::pass);
  CHECK(said(expect, answer(200, R"({"db": {"state": "down"}})")) ==
        R"(fail json: /db/state is "down", expected "up")");
  CHECK(said(expect, answer(200, "{}")) == "fail json: no /db/state in the body");
  CHECK(said(expect, answer(200, "<html>")) == "fail json: no JSON in the body: \"<html>\"");
}

TEST_CASE("http expect: what warns, in its order") {
  HttpExpect expect;
  expect.warn_status = {{{429, 429}}};
  expect.warn_headers.push_back({"X-Health", pattern("degraded")});
  expect.warn_expiry = 24h * 14;
  expect.warn_latency = 1ms;
  CHECK(expect.accepts(429));
  HttpAnswer slow = answer(200);
  CHECK(said(expect, slow) == "warn latency: 200 in 1.2 ms, slower than 1ms");
  expect.warn_latency = slow.latency;
  CHECK(judge(expect, slow).verdict == Verdict::pass);  // as slow as it may be
  expect.warn_latency = 1ms;
  slow.certificate_end = CertificateEnd{24h * 3, ""};
  CHECK(said(expect, slow) == "warn expiry: 200 in 1.2 ms, certificate expires in 3 days");
  slow.headers = {{"X-Health", "degraded"}};
  CHECK(said(expect, slow) == "warn header: 200 in 1.2 ms, header X-Health matches \"degraded\"");
  slow.status = 429;
  CHECK(said(expect, slow) == "warn status: 429 in 1.2 ms");
}

}  // namespace http_expect_test
