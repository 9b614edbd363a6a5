#include "sidecar/work/http_message.h"

#include <catch2/catch.hpp>

#include "tests/work/packets.h"

namespace http_message_test {

using namespace herald;
using namespace herald::work;

namespace {

std::string http_orders() {
  return packet_of<HttpOrder>({HttpPrepare{7, {"127.0.0.1:9476", "unix:/run/a"}}, HttpUse{}, HttpForget{},
                               HttpPart{9, true, 12, std::string("a\0b", 3)},
                               HttpPart{9, false, std::nullopt, ""}, HttpPing{5},
                               HttpEvent{"transition", "{}"}});
}

std::string http_reports() {
  return packet_of<HttpReport>({HttpHello{"0.1.0"}, HttpPrepared{7, {"127.0.0.1:9476: taken"}},
                                HttpAsk{9, HttpView::why, "web", 12}, HttpPong{5}});
}

}  // namespace

TEST_CASE("http messages: orders are read as they were said") {
  const auto read = read_http_orders(http_orders());
  REQUIRE(read);
  REQUIRE(read->size() == 7);
  CHECK(std::get<HttpPrepare>((*read)[0]).ticket == 7);
  CHECK(std::get<HttpPrepare>((*read)[0]).listen ==
        std::vector<std::string>{"127.0.0.1:9476", "unix:/run/a"});
  CHECK(std::holds_alternative<HttpUse>((*read)[1]));
  CHECK(std::holds_alternative<HttpForget>((*read)[2]));
  CHECK(std::get<HttpPart>((*read)[3]).next == 12);
  CHECK(std::get<HttpPart>((*read)[3]).found);
  CHECK(std::get<HttpPart>((*read)[3]).text == std::string("a\0b", 3));
  CHECK_FALSE(std::get<HttpPart>((*read)[4]).next);
  CHECK_FALSE(std::get<HttpPart>((*read)[4]).found);
  CHECK(std::get<HttpPing>((*read)[5]).number == 5);
  CHECK(std::get<HttpEvent>((*read)[6]).kind == "transition");
  CHECK(std::get<HttpEvent>((*read)[6]).data == "{}");
}

TEST_CASE("http messages: reports are read as they were said") {
  const auto read = read_http_reports(http_reports());
  REQUIRE(read);
  REQUIRE(read->size() == 4);
  CHECK(std::get<HttpHello>((*read)[0]).version == "0.1.0");
  CHECK(std::get<HttpPrepared>((*read)[1]).problems == std::vector<std::string>{"127.0.0.1:9476: taken"});
  CHECK(std::get<HttpAsk>((*read)[2]).view == HttpView::why);
  CHECK(std::get<HttpAsk>((*read)[2]).about == "web");
  CHECK(std::get<HttpAsk>((*read)[2]).from == 12);
  CHECK(std::get<HttpPong>((*read)[3]).number == 5);
}

TEST_CASE("http messages: what is cut anywhere, or says what there is not, is none") {
  for (const HttpReport& one :
       {HttpReport(HttpHello{"0.1.0"}), HttpReport(HttpPrepared{7, {"taken"}}),
        HttpReport(HttpAsk{9, HttpView::health, "web", 12}), HttpReport(HttpPong{5})}) {
    const std::string whole = packet_of<HttpReport>({one});
    REQUIRE(read_http_reports(whole));
    for (std::size_t size = 1; size < whole.size(); ++size)
      CHECK_FALSE(read_http_reports(whole.substr(0, size)));
  }
  const std::string part = packet_of<HttpOrder>({HttpPart{9, true, 12, "12345"}});
  REQUIRE(read_http_orders(part));
  for (std::size_t size = 1; size < part.size(); ++size) CHECK_FALSE(read_http_orders(part.substr(0, size)));
  std::string other = packet_of<HttpReport>({HttpAsk{9, HttpView::health, "", 12}});
  other[9] = 77;  // the view
  CHECK_FALSE(read_http_reports(other));
  other[0] = 77;  // the kind
  CHECK_FALSE(read_http_reports(other));
  // Four billion problems in a packet that has none of them.
  const std::string many("\x01\x01\0\0\0\0\0\0\0\xff\xff\xff\xff", 13);
  CHECK_FALSE(read_http_reports(many));
}

}  // namespace http_message_test
