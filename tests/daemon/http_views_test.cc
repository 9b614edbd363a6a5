#include "sidecar/daemon/http_views.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/control/snapshot_fixture.h"

namespace http_views_test {

using namespace herald;
using namespace fixture;
using work::HttpView;

namespace {

struct Bench {
  Bench() {
    shown.services.push_back(web());
    ServiceSnapshot bad = web();
    bad.name = "bad";
    bad.health = Health::unhealthy;
    bad.state = ServiceState::withdrawn;
    shown.services.push_back(bad);
    ServiceSnapshot leaving = web();
    leaving.name = "old (removed)";
    leaving.leaving = true;
    shown.services.push_back(leaving);
  }
  // All parts, and how many there were.
  std::string whole(HttpView view, const std::string& about = "") {
    work::HttpAsk ask{++last, view, about, 0};
    std::string text;
    for (parts = 1;; ++parts) {
      const work::HttpPart part = views.part(ask);
      CHECK(part.ask == ask.ask);
      CHECK(part.text.size() <= HttpViews::kPartBytes);
      found = part.found;
      text += part.text;
      if (!part.next) return text;
      ask.from = *part.next;
    }
  }

  Snapshot shown;
  std::size_t looked = 0;
  History::Entries entries;
  HttpViews views{{.seen =
                       [this] {
                         ++looked;
                         return shown;
                       },
                   .snapshot = [this] { return shown; },
                   .clocks = [] { return kClocks; },
                   .status = [] { return nlohmann::ordered_json{{"version", "\xff"}}; },
                   .history = [this]() -> const History::Entries& { return entries; }}};
  std::uint64_t last = 0;
  std::size_t parts = 0;
  bool found = true;
};

}  // namespace

TEST_CASE_METHOD(Bench, "http views: that it is well, and which services are") {
  CHECK(whole(HttpView::health) == "ok\n");
  CHECK(whole(HttpView::services) == "1 healthy announced web\n0 unhealthy withdrawn bad\n");
}

TEST_CASE_METHOD(Bench, "http views: healthy is not enough, nor is announced") {
  shown.services.resize(1);
  shown.services[0].state = ServiceState::draining;
  CHECK(whole(HttpView::services) == "0 healthy draining web\n");
  shown.services[0].state = ServiceState::announced;
  shown.services[0].health = Health::unknown;
  CHECK(whole(HttpView::services) == "0 unknown announced web\n");
}

TEST_CASE_METHOD(Bench, "http views: documents, also with what is no UTF-8") {
  CHECK(nlohmann::json::parse(whole(HttpView::status)).contains("version"));
  CHECK(nlohmann::json::parse(whole(HttpView::history)).at("transitions").empty());
  CHECK(nlohmann::json::parse(whole(HttpView::why, "web")).at("service").at("name") == "web");
  CHECK(found);
  CHECK(whole(HttpView::why, "wbe") == R"(no service "wbe"; did you mean "web"? There are web, bad)");
  CHECK_FALSE(found);
}

TEST_CASE_METHOD(Bench, "http views: metrics of many services come in parts, of one moment") {
  for (int count = 0; count < 2000; ++count) {
    shown.services.push_back(web());
    shown.services.back().name = "s" + std::to_string(count);
  }
  const std::string text = whole(HttpView::metrics);
  CHECK(parts > 5);
  CHECK(looked == 1);
  CHECK(text.starts_with("# HELP herald_build_info "));
  CHECK(text.find("herald_service_as_wanted{service=\"s1999\"} 1\n") != std::string::npos);
  CHECK(text.ends_with("\n"));
  CHECK(whole(HttpView::openmetrics).ends_with("# EOF\n"));
}

TEST_CASE_METHOD(Bench,
                 "http views: what is asked for out of order is not there, and of many the oldest goes") {
  for (int count = 0; count < 2000; ++count) shown.services.push_back(web());
  work::HttpPart first = views.part({1, HttpView::services, "", 0});
  CHECK(first.text.size() < HttpViews::kPartBytes);
  CHECK_FALSE(first.next);
  CHECK_FALSE(views.part({1, HttpView::services, "", 12}).found);  // it was told whole
  first = views.part({2, HttpView::metrics, "", 0});
  REQUIRE(first.next);
  CHECK_FALSE(views.part({2, HttpView::metrics, "", *first.next + 1}).found);
  CHECK_FALSE(views.part({3, HttpView::metrics, "", *first.next}).found);
  CHECK(views.part({2, HttpView::metrics, "", *first.next}).found);
  for (std::uint64_t other = 10; other < 10 + HttpViews::kMostKept; ++other)
    (void)views.part({other, HttpView::metrics, "", 0});
  CHECK_FALSE(views.part({2, HttpView::metrics, "", 2 * *first.next}).found);
  views.forget();
  CHECK_FALSE(views.part({10 + HttpViews::kMostKept - 1, HttpView::metrics, "", *first.next}).found);
}

}  // namespace http_views_test
