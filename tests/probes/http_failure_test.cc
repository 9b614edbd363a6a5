#include "probes/http_failure.h"

#include <cerrno>

#include "probes/tls.h"
#include "tests/probes/lab.h"

namespace http_failure_test {

using namespace herald;
using namespace herald::probes;
using namespace herald::probes::test;

namespace {

struct Row {
  CURLcode code;
  int error;
  std::string text;
  Verdict verdict;
  Reason reason;
  std::string detail;
};

ProbeResult result_of(const HttpEnd& end) {
  HttpSettings settings;
  settings.follow_redirects = 3;
  return failure_of(end, settings);
}

}  // namespace

TEST_CASE("each end of curl's says whose failure it is") {
  using enum Verdict;
  const Row rows[] = {
      {CURLE_COULDNT_CONNECT, ECONNREFUSED, "x", fail, Reason::refused,
       "connect 192.0.2.1:80: Connection refused"},
      {CURLE_COULDNT_CONNECT, EADDRNOTAVAIL, "x", inconclusive, Reason::local,
       "connect 192.0.2.1:80: Cannot assign requested address"},
      {CURLE_COULDNT_CONNECT, 0, "no way", fail, Reason::unreachable, "no way"},
      {CURLE_OPERATION_TIMEDOUT, 0, "too slow", fail, Reason::timeout, "too slow"},
      {CURLE_SEND_ERROR, ECONNRESET, "x", fail, Reason::reset,
       "connection to 192.0.2.1:80: Connection reset by peer"},
      {CURLE_RECV_ERROR, ENOMEM, "x", inconclusive, Reason::local,
       "connection to 192.0.2.1:80: Cannot allocate memory"},
      {CURLE_RECV_ERROR, 0, "bad chunk", fail, Reason::protocol, "bad chunk"},
      {CURLE_RECV_ERROR, 0, "OpenSSL SSL_read: alert", fail, Reason::tls, "OpenSSL SSL_read: alert"},
      {CURLE_GOT_NOTHING, ECONNRESET, "Empty reply", fail, Reason::reset, "Empty reply"},
      {CURLE_PARTIAL_FILE, 0, "9 bytes missing", fail, Reason::reset, "9 bytes missing"},
      {CURLE_SSL_CONNECT_ERROR, 0, "handshake", fail, Reason::tls, "handshake"},
      {CURLE_PEER_FAILED_VERIFICATION, 0, "expired", fail, Reason::tls, "expired"},
      {CURLE_SSL_CIPHER, 0, "cipher", fail, Reason::tls, "cipher"},
      {CURLE_SSL_ISSUER_ERROR, 0, "issuer", fail, Reason::tls, "issuer"},
      {CURLE_SSL_SHUTDOWN_FAILED, 0, "shutdown", fail, Reason::tls, "shutdown"},
      {CURLE_TOO_MANY_REDIRECTS, 0, "x", fail, Reason::status, "more than 3 redirects"},
      {CURLE_OUT_OF_MEMORY, 0, "memory", inconclusive, Reason::local, "memory"},
      {CURLE_FAILED_INIT, 0, "init", inconclusive, Reason::local, "init"},
      {CURLE_SSL_CERTPROBLEM, 0, "our key", inconclusive, Reason::local, "our key"},
      {CURLE_ABORTED_BY_CALLBACK, 0, "aborted", inconclusive, Reason::local, "aborted"},
      {CURLE_WEIRD_SERVER_REPLY, 0, "no \x1b HTTP", fail, Reason::protocol, "no \\x1b HTTP"},
      {CURLE_UNSUPPORTED_PROTOCOL, 0, "", fail, Reason::protocol,
       curl_easy_strerror(CURLE_UNSUPPORTED_PROTOCOL)},
  };
  for (const auto& row : rows) {
    const auto result =
        result_of({.code = row.code, .error = row.error, .text = row.text, .where = "192.0.2.1:80"});
    CAPTURE(row.code, row.text, result);
    CHECK(result.verdict == row.verdict);
    CHECK(result.reason == row.reason);
    CHECK(result.detail == row.detail);
  }
}

TEST_CASE("on a unix socket, what herald may not do and a full backlog are told apart") {
  const auto connecting = [](int error) {
    return result_of({.code = CURLE_COULDNT_CONNECT, .error = error, .where = "/run/x", .is_unix = true});
  };
  CHECK(connecting(EACCES).verdict == Verdict::inconclusive);
  check_fail(connecting(EAGAIN), Reason::unreachable, "connect /run/x: ");
  check_fail(connecting(ECONNREFUSED), Reason::refused, "connect /run/x: Connection refused");
}

TEST_CASE("what ended a transfer in curl's place comes before curl's own code") {
  const auto unwatched = result_of(
      {.code = CURLE_ABORTED_BY_CALLBACK, .ended = CurlMulti::End::unwatched, .watch_error = ENOSPC});
  CHECK(unwatched.verdict == Verdict::inconclusive);
  CHECK(unwatched.detail == "watch a socket: No space left on device");
  check_fail(result_of({.code = CURLE_ABORTED_BY_CALLBACK, .ended = CurlMulti::End::over_limit}),
             Reason::too_large, "no end of the answer within 327680 bytes or a thousand pieces");
}

TEST_CASE("a connection that broke after the server had asked for a certificate is a matter of TLS") {
  for (const CURLcode code : {CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_GOT_NOTHING}) {
    check_fail(result_of({.code = code, .error = ECONNRESET, .wanted_certificate = true}), Reason::tls,
               kCertificateWanted);
  }
  check_fail(result_of({.code = CURLE_PARTIAL_FILE, .text = "cut", .wanted_certificate = true}),
             Reason::reset, "cut");
}

TEST_CASE("a server that speaks HTTP/2 alone says so in the handshake") {
  HttpSettings settings;
  settings.is_https = true;
  check_fail(
      failure_of({.code = CURLE_SSL_CONNECT_ERROR, .text = "tlsv1 alert no application protocol"}, settings),
      Reason::tls,
      "no application protocol: the server speaks HTTP/2 alone: \"http_version\" has to be \"2\"");
}

TEST_CASE("http: connections that break") {
  Lab lab;
  const json body{{"expect", {{"body_contains", "x"}}}};
  SECTION("reset instead of an answer") {
    const Server server([](int fd) {
      read_request(fd);
      reset_connection(fd);
    });
    check_fail(lab.run("http", http_probe_of(server)), Reason::reset, "reset by peer");
  }
  SECTION("closed without an answer") {
    const Server server([](int fd) { read_request(fd); });
    check_fail(lab.run("http", http_probe_of(server)), Reason::reset, "Empty reply");
  }
  SECTION("closed in the middle of the body") {
    const Server server([](int fd) {
      read_request(fd);
      send_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf");
    });
    check_fail(lab.run("http", http_probe_of(server, body)), Reason::reset, "");
  }
  SECTION("not HTTP at all") {
    const Server server([](int fd) {
      read_request(fd);
      send_text(fd, "SSH-2.0-OpenSSH_9.2\r\n\x1b[31m\xff\xfe garbage\r\n");
    });
    check_fail(lab.run("http", http_probe_of(server)), Reason::protocol, "HTTP/0.9");
  }
  SECTION("broken chunks") {
    const Server server([](int fd) {
      read_request(fd);
      send_text(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
    });
    check_fail(lab.run("http", http_probe_of(server, body)), Reason::protocol, "");
  }
}

}  // namespace http_failure_test
