#include "probes/url.h"

#include <curl/curl.h>

#include <catch2/catch.hpp>
#include <memory>

namespace url_test {

using namespace herald;
using namespace herald::probes;
using Catch::Matchers::Contains;

namespace {

using CurlUrl = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

std::string part_of(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, CURLU_DEFAULT_PORT) != CURLUE_OK) return "";
  const std::unique_ptr<char, decltype(&curl_free)> owned(text, curl_free);
  return text;
}

std::string error_of(const std::string& text) {
  const auto url = parse_url(text);
  return url ? "" : url.error();
}

}  // namespace

TEST_CASE("url: its parts") {
  const auto url = parse_url("HTTPS://me:secret@[fe80::1%25eth0]:8443/health?full=1#x");
  REQUIRE(url);
  CHECK(url->is_https);
  CHECK(url->endpoint.host == "fe80::1%eth0");
  CHECK(url->endpoint.port == 8443);
  CHECK(url->text_with_host(url->host) == "https://me:secret@[fe80::1%25eth0]:8443/health?full=1#x");
  CHECK(url->text_with_host("shop.example.net") == "https://me:secret@shop.example.net:8443/health?full=1#x");
  CHECK(parse_url("http://a")->endpoint.port == 80);
  CHECK(parse_url("https://a:")->endpoint.port == 443);
  CHECK(parse_url("https://a:/x")->text_with_host("a") == "https://a/x");
}

// The check reads URLs by itself, so that it needs no curl; the probe gives them to curl.
TEST_CASE("url: curl takes what passes, and goes to the same place") {
  for (const char* text : {"http://a", "http://a/", "http://127.0.0.1:8080/healthz?full=1",
                           "https://www.Example.net.", "http://a:80", "http://a:080/", "http://a?x=1",
                           "http://a#f", "http://[::1]/", "http://[fd00::1]:81/x", "http://u@a/",
                           "http://u:p@a:1/", "http://[fe80::1%25eth0]/", "http://a/%20%zz", "http://a/../b",
                           "http://_x.a/", "http://a:/", "http://a//b", "http://a/\xc3\xa9"}) {
    CAPTURE(text);
    const auto ours = parse_url(text);
    REQUIRE(ours);
    const CurlUrl url(curl_url(), &curl_url_cleanup);
    REQUIRE(curl_url_set(url.get(), CURLUPART_URL, ours->text_with_host(ours->host).c_str(), 0) == CURLUE_OK);
    const std::string zone = part_of(url.get(), CURLUPART_ZONEID);
    std::string host = part_of(url.get(), CURLUPART_HOST);
    if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
    CHECK(host + (zone.empty() ? "" : "%" + zone) == ours->endpoint.host);
    CHECK(part_of(url.get(), CURLUPART_PORT) == std::to_string(ours->endpoint.port));
    CHECK(part_of(url.get(), CURLUPART_SCHEME) == (ours->is_https ? "https" : "http"));
  }
}

TEST_CASE("url: what is refused, and why") {
  CHECK_THAT(error_of("127.0.0.1:80"), Contains("must be a URL such as"));
  CHECK_THAT(error_of("127.0.0.1:80"), Contains("not \"127.0.0.1:80\""));
  for (const char* text :
       {"", "http://", "http:///x", "http:/a/", "http://a b/", "http://a/\x01", "http://[::1/", "http://a:b/",
        "http://a:65536/", "http://:80/", "http://[::1]80/", "http://u@/"}) {
    CAPTURE(text);
    CHECK_THAT(error_of(text), Contains("must be a URL such as"));
  }
  CHECK(error_of("ftp://a/") == "must begin with http:// or https://");
  CHECK(error_of("http://a:0/") == "has port 0");
  // curl takes some of these for addresses, and others for names that nobody meant.
  for (const char* text :
       {"http://10.0.0.256/", "http://127.1/", "http://0x7f000001/", "http://0x7f.1/", "http://1.0x1/",
        "http://2130706433/", "http://a%2eb/", "http://a@b@c/", "http://[a]/", "http://[10.0.0.1]/",
        "http://a..b/", "http://a\\b/", "http://\xc3\xa9.net/"}) {
    CAPTURE(text);
    CHECK(error_of(text) == "has a host that is not an address or a name");
  }
}

}  // namespace url_test
