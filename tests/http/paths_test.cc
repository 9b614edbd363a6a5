#include "sidecar/http/paths.h"

#include <catch2/catch.hpp>

namespace paths_test {

using namespace herald::http;
using herald::work::HttpView;

TEST_CASE("paths: what there is") {
  CHECK(wanted_at("/healthz", "")->view == HttpView::health);
  CHECK(wanted_at("/metrics", "")->view == HttpView::metrics);
  CHECK(wanted_at("/metrics", "application/openmetrics-text;version=1.0.0")->view == HttpView::openmetrics);
  CHECK(wanted_at("/status.json", "")->view == HttpView::status);
  CHECK(wanted_at("/history.json", "")->view == HttpView::history);
  CHECK(wanted_at("/service/web", "")->view == HttpView::services);
  CHECK(wanted_at("/service/web", "")->name == "web");
  CHECK(wanted_at("/why/web.json", "")->view == HttpView::why);
  CHECK(wanted_at("/why/web.json", "")->name == "web");
  CHECK(wanted_at("/why/a.json.json", "")->name == "a.json");
}

TEST_CASE("paths: and nothing else") {
  const std::string long_name(300, 'a');
  for (const std::string& path :
       {std::string(""), std::string("/"), std::string("/metrics/"), std::string("/Metrics"),
        std::string("/service/"), std::string("/service"), std::string("/why/.json"), std::string("/why/web"),
        std::string("/why/"), std::string("/../etc/passwd"), std::string("//metrics"), std::string("*"),
        "/service/" + long_name, "/why/" + long_name + ".json"}) {
    INFO(path);
    CHECK_FALSE(wanted_at(path, ""));
  }
}

TEST_CASE("paths: of services all are asked for at once, and of why one") {
  CHECK(key_of(*wanted_at("/service/web", "")) == Views::Key{HttpView::services, ""});
  CHECK(key_of(*wanted_at("/why/web.json", "")) == Views::Key{HttpView::why, "web"});
}

TEST_CASE("paths: a service is good while it is healthy and announced") {
  const Views::Fetched said{
      .text = "1 healthy announced web\n0 unhealthy withdrawn api\n1 healthy announced we b\n"};
  const auto answer = [&](const std::string& name) { return answer_to({HttpView::services, name}, said); };
  CHECK(answer("web").status == 200);
  CHECK(answer("web").text == "healthy, announced\n");
  CHECK(answer("api").status == 503);
  CHECK(answer("api").text == "unhealthy, withdrawn\n");
  CHECK(answer("we b").status == 200);
  for (const char* none : {"we", "w", "", "1 healthy announced web", "web\n", "b"}) {
    INFO(none);
    CHECK(answer(none).status == 404);
  }
}

TEST_CASE("paths: what is fetched is handed out as it is, as what it is") {
  const Views::Fetched said{.text = "a 1\n"};
  const Answer plain = answer_to({HttpView::metrics, ""}, said);
  CHECK(plain.status == 200);
  CHECK_FALSE(plain.text);
  CHECK(plain.content_type == "text/plain; version=0.0.4; charset=utf-8");
  CHECK(answer_to({HttpView::openmetrics, ""}, said)
            .content_type.starts_with("application/openmetrics-text; version=1.0.0"));
  CHECK(answer_to({HttpView::status, ""}, said).content_type == "application/json");
  CHECK(answer_to({HttpView::health, ""}, said).content_type == "text/plain; charset=utf-8");
}

TEST_CASE("paths: what heraldd does not find is not there") {
  const Views::Fetched said{.found = false, .text = "no service \"x\"; there is web"};
  const Answer answer = answer_to({HttpView::why, "x"}, said);
  CHECK(answer.status == 404);
  CHECK(answer.text == "no service \"x\"; there is web\n");
}

}  // namespace paths_test
