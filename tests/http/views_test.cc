#include "sidecar/http/views.h"

#include <catch2/catch.hpp>
#include <optional>
#include <vector>

namespace views_test {

using namespace herald;
using namespace herald::http;
using work::HttpView;

namespace {

struct Bench {
  std::vector<work::HttpAsk> asked;
  Views views{[this](const work::HttpAsk& ask) { asked.push_back(ask); }};
  std::vector<std::optional<std::string>> got;

  std::optional<Views::Waiter> await(HttpView view, const std::string& about = "") {
    return views.await({view, about}, [this](const Views::Fetched* fetched) {
      got.push_back(fetched == nullptr ? std::nullopt : std::optional(fetched->text));
    });
  }
};

}  // namespace

TEST_CASE_METHOD(Bench, "views: however many want one, it is asked for once, part by part") {
  await(HttpView::metrics);
  await(HttpView::metrics);
  await(HttpView::health);
  REQUIRE(asked.size() == 2);
  CHECK(asked[0].view == HttpView::metrics);
  CHECK(asked[0].from == 0);
  CHECK(views.take({asked[0].ask, true, 17, "a"}));
  REQUIRE(asked.size() == 3);
  CHECK(asked[2].ask == asked[0].ask);
  CHECK(asked[2].from == 17);
  await(HttpView::metrics);  // joins
  CHECK(got.empty());
  CHECK(views.take({asked[0].ask, true, std::nullopt, "b"}));
  CHECK(got == std::vector<std::optional<std::string>>{"ab", "ab", "ab"});
  await(HttpView::metrics);
  REQUIRE(asked.size() == 4);
  CHECK(asked[3].ask != asked[0].ask);
}

TEST_CASE_METHOD(Bench, "views: of two services each is asked for") {
  await(HttpView::why, "web");
  await(HttpView::why, "api");
  await(HttpView::why, "web");
  REQUIRE(asked.size() == 2);
  CHECK(asked[1].about == "api");
  CHECK(views.take({asked[1].ask, true, std::nullopt, "of api"}));
  CHECK(got == std::vector<std::optional<std::string>>{"of api"});
}

TEST_CASE_METHOD(Bench, "views: who is dropped gets nothing, and an answer that nobody asked for is none") {
  const auto waiter = await(HttpView::metrics);
  REQUIRE(waiter);
  views.drop(*waiter);
  CHECK_FALSE(views.take({asked[0].ask + 1, true, std::nullopt, "a"}));
  CHECK_FALSE(views.take({0, true, std::nullopt, "a"}));
  CHECK(views.take({asked[0].ask, true, std::nullopt, "a"}));
  CHECK_FALSE(views.take({asked[0].ask, true, std::nullopt, "a"}));
  CHECK(got.empty());
}

TEST_CASE_METHOD(Bench, "views: while heraldd says nothing, there is an end to what is asked for") {
  std::size_t waiting = 0;
  while (waiting < 1000 && await(HttpView::why, std::to_string(waiting))) ++waiting;
  CHECK(waiting == asked.size());
  CHECK(waiting == 24);
  CHECK(await(HttpView::metrics));  // what has no name is not refused for it
  CHECK(await(HttpView::health));
  CHECK(await(HttpView::why, "0"));  // joins
  CHECK(views.take({asked[0].ask, true, std::nullopt, "a"}));
  CHECK(await(HttpView::why, "another"));
}

TEST_CASE_METHOD(Bench, "views: what has no end is none") {
  await(HttpView::metrics);
  const std::string part(8U << 20U, 'a');
  for (int count = 0; count < 20 && got.empty(); ++count) CHECK(views.take({asked[0].ask, true, 1, part}));
  REQUIRE(got.size() == 1);
  CHECK_FALSE(got[0]);
}

}  // namespace views_test
