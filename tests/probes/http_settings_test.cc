// The keys of `http`, as the configuration reads them.
#include "probes/http_settings.h"

#include "tests/probes/lab.h"

namespace http_settings_test {

using namespace herald;
using namespace herald::probes;
using namespace herald::probes::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

TEST_CASE("http: what is wrong with the settings is reported") {
  const auto errors = [](const json& settings) { return Lab::errors_of("http", settings); };
  const auto one = [&](const json& more) {
    json settings{{"url", "http://127.0.0.1/"}};
    settings.update(more);
    const auto found = errors(settings);
    REQUIRE(found.size() == 1);
    return found[0];
  };
  CHECK(errors(json::object()).size() == 1);
  CHECK_THAT(errors(json::object()).at(0), Contains("\"url\" is required"));
  CHECK_THAT(one({{"url", "ftp://x/"}}), Contains("http://"));
  CHECK_THAT(one({{"url", "http://"}}), Contains("URL"));
  CHECK_THAT(one({{"url", "127.0.0.1:80"}}), StartsWith("/url: "));
  CHECK_THAT(one({{"url", "http://10.0.0.256/"}}), Contains("host"));
  CHECK_THAT(one({{"url", "http://[fe80::1]/"}}), StartsWith("/url: fe80::1 is link-local"));
  CHECK(errors({{"url", "http://[fe80::1%25eth0]/"}}).empty());
  CHECK(errors({{"url", "http://[fe80::1]/"}, {"connect_to", "127.0.0.1:80"}}).empty());
  CHECK_THAT(one({{"urll", "http://x/"}}), StartsWith("/urll: unknown key"));
  CHECK_THAT(one({{"method", "GET /"}}), StartsWith("/method"));
  CHECK_THAT(one({{"headers", {{"A b", "c"}}}}), StartsWith("/headers/A b"));
  CHECK_THAT(one({{"headers", {{"A", "c\r\nX: y"}}}}), StartsWith("/headers/A"));
  CHECK_THAT(one({{"connect_to", "127.0.0.1"}}), StartsWith("/connect_to"));
  CHECK_THAT(one({{"connect_to", "::1"}}), Contains("[::1]:port"));
  CHECK_THAT(one({{"unix_socket", "run/x"}}), StartsWith("/unix_socket"));
  const json socket_keys{{"source", "::1"}, {"bind_device", "lo"}, {"mark", 7}};
  for (const auto& [key, value] : socket_keys.items()) {
    CHECK(one({{"unix_socket", "/run/x"}, {key, value}}) == "/" + key + ": has no effect on a unix socket");
  }
  CHECK_THAT(one({{"http_version", "3"}}), StartsWith("/http_version"));
  CHECK_THAT(one({{"follow_redirects", 11}}), StartsWith("/follow_redirects"));
  CHECK_THAT(one({{"max_body", 0}}), StartsWith("/max_body"));
  CHECK_THAT(one({{"tls", json::object()}}), Contains("https"));
  CHECK(errors({{"url", "http://a/"}, {"follow_redirects", 1}, {"tls", {{"verify", false}}}}).empty());
  CHECK_THAT(one({{"follow_redirects", 1}, {"tls", {{"server_name", "a.example"}}}}),
             StartsWith("/tls/server_name: needs a URL that begins with https://"));
  CHECK_THAT(one({{"expect", {{"status", "2xx"}}}}), StartsWith("/expect/status"));
  CHECK_THAT(one({{"expect", {{"status", {200, "299-200"}}}}}), StartsWith("/expect/status/1"));
  CHECK_THAT(one({{"expect", {{"status", json::array()}}}}), StartsWith("/expect/status"));
  CHECK_THAT(one({{"expect", {{"body_matches", "(ok"}}}}), Contains("missing )"));
  CHECK_THAT(one({{"expect", {{"headers", {{"A", "("}}}}}}), StartsWith("/expect/headers/A"));
  json many;  // one beyond the limit, and each of them wrong: that there are too many is all that is said
  for (int index = 0; index < 33; ++index) many["A" + std::to_string(index)] = "(";
  CHECK_THAT(one({{"expect", {{"headers", many}}}}), StartsWith("/expect/headers: must have at most 32"));
  CHECK_THAT(one({{"expect", {{"json", {{"a", 1}}}}}}), Contains("JSON pointer"));
  CHECK_THAT(one({{"expect", {{"json", {{"/1234567890123456", 1}}}}}}), Contains("15 digits"));
  CHECK_THAT(one({{"expect", {{"bodycontains", "x"}}}}), StartsWith("/expect/bodycontains: unknown key"));
  CHECK_THAT(one({{"warn", {{"latency", 20}}}}), StartsWith("/warn/latency"));
  CHECK_THAT(one({{"method", "HEAD"}, {"expect", {{"body_contains", "x"}}}}), StartsWith("/expect"));
  const json tls{{"url", "https://127.0.0.1/"}, {"tls", {{"min_version", "1.1"}}}};
  CHECK_THAT(errors(tls).at(0), StartsWith("/tls/min_version"));
  CHECK_THAT(errors({{"url", "https://127.0.0.1/"}, {"tls", {{"cert", "/x"}}}}).at(0),
             Contains("come together"));
  CHECK_THAT(errors({{"url", "https://a/"}, {"tls", {{"ca_file", "x"}}}}).at(0), Contains("absolute path"));
  CHECK_THAT(errors({{"url", "https://a/"}, {"tls", {{"server_name", "10.0.0.1"}}}}).at(0),
             Contains("a name"));
}

TEST_CASE("http: the literal target is known") {
  CHECK(Lab::target("http", {{"url", "http://10.0.0.1:81/"}}) == "10.0.0.1");
  CHECK(Lab::target("http", {{"url", "http://[FD00:0::1]/"}}) == "fd00::1");
  CHECK(Lab::target("http", {{"url", "http://www.example.net/"}}).empty());
  CHECK(Lab::target("http", {{"url", "http://www.example.net/"}, {"connect_to", "10.0.0.2:80"}}) ==
        "10.0.0.2");
  CHECK(Lab::target("http", {{"url", "http://10.0.0.1/"}, {"unix_socket", "/x"}}).empty());
}

TEST_CASE("http: what an attempt asks is known") {
  CHECK(Lab::endpoint("http", {{"url", "https://WWW.example.net/a"}}) == "www.example.net:443");
  CHECK(Lab::endpoint("http", {{"url", "http://a.example.net/"}, {"connect_to", "[fd00::2]:80"}}) ==
        "[fd00::2]:80");
  CHECK(Lab::endpoint("http", {{"url", "http://10.0.0.1/"}, {"unix_socket", "/run/x"}}) == "/run/x");
}

TEST_CASE("http: what to set for a server of HTTP/2 alone depends on the scheme") {
  HttpSettings settings;
  CHECK_THAT(http_2_alone(settings), Catch::Matchers::EndsWith("has to be \"2-prior-knowledge\""));
  settings.is_https = true;
  CHECK_THAT(http_2_alone(settings), Catch::Matchers::EndsWith("has to be \"2\""));
}

}  // namespace http_settings_test
