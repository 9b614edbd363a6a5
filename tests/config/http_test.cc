#include "sidecar/config/http.h"

#include <catch2/catch.hpp>

#include "tests/config/fixture.h"

namespace http_test {

using namespace herald;
using namespace config_fixture;

namespace {

std::string with_listen(const std::string& listen) {
  return document_with(R"({"http": {"listen": )" + listen + "}}");
}

}  // namespace

TEST_CASE("the http section: addresses with ports, and paths, as one writes them") {
  CHECK(config_of(document_with("{}")).http.listen.empty());
  CHECK(config_of(document_with(R"({"http": {}})")).http.listen.empty());
  CHECK(config_of(with_listen("[]")).http.listen.empty());
  CHECK(config_of(with_listen(R"(["127.0.0.1:9476", "[0:0::1]:9476", "unix:/run/herald-http/http.sock"])"))
            .http == HttpSpec{{"127.0.0.1:9476", "[::1]:9476", "unix:/run/herald-http/http.sock"}});
}

TEST_CASE("the http section: all that is wrong is said at once") {
  CHECK(
      errors_of(with_listen(R"(["localhost:9476", "[::1]:9476", "[::0:1]:9476", "unix:run/a"])")) ==
      Reports{
          R"(f: /http/listen/0: must be an address and a port ("127.0.0.1:9476", "[::1]:9476") or a unix socket ("unix:/PATH"), not "localhost:9476")",
          R"(f: /http/listen/2: "[::1]:9476" is there already)",
          R"(f: /http/listen/3: must have an absolute path behind "unix:", not "unix:run/a")"});
  CHECK(errors_of(with_listen(R"("127.0.0.1:9476")")).size() == 1);
  CHECK(errors_of(document_with(R"({"http": {"listn": []}})")) ==
        Reports{R"(f: /http/listn: unknown key; did you mean "listen"?)"});
  CHECK(errors_of(with_listen(
            R"(["0.0.0.0:1", "0.0.0.0:2", "0.0.0.0:3", "0.0.0.0:4", "0.0.0.0:5", "0.0.0.0:6", "0.0.0.0:7",
                "0.0.0.0:8", "0.0.0.0:9"])")) == Reports{"f: /http/listen: must have at most 8 addresses"});
}

}  // namespace http_test
