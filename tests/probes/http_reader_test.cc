#include "probes/http_reader.h"

#include "tests/probes/lab.h"

namespace http_reader_test {

using namespace herald;
using namespace herald::probes;
using namespace herald::probes::test;
using Catch::Matchers::Contains;

namespace {

HttpSettings asking(const std::string& body_contains = "") {
  HttpSettings settings;
  settings.expect.body_contains = body_contains;
  return settings;
}

// The lines of a header, and the empty one that ends it. False where the last of them says so.
bool take(HttpReader& reader, std::uint32_t status, const std::vector<std::string>& fields) {
  CHECK(reader.take_header("HTTP/1.1 " + std::to_string(status) + " x\r\n", status));
  for (const auto& field : fields) CHECK(reader.take_header(field + "\r\n", status));
  return reader.take_header("\r\n", status);
}

}  // namespace

TEST_CASE(
    "a header with nothing asked of the body is enough, unless the body is to be shown or passed over") {
  const HttpSettings settings = asking();
  HttpReader good(settings);
  CHECK_FALSE(good.has_begun());
  CHECK_FALSE(take(good, 200, {}));
  CHECK(good.has_begun());
  CHECK(good.is_header_whole());
  CHECK(good.is_stopped());
  CHECK_FALSE(good.needs_body(200));

  HttpReader wrong(settings);
  CHECK(take(wrong, 503, {}));
  CHECK(wrong.is_header_whole());
  CHECK_FALSE(wrong.is_stopped());
  CHECK_FALSE(wrong.take_body(std::string(1000, 'x'), 503));
  CHECK(wrong.is_stopped());
  CHECK(wrong.take_answer().body == std::string(256, 'x'));

  HttpSettings kept = asking();
  kept.reuse = true;
  HttpReader passed_over(kept);
  CHECK(take(passed_over, 200, {}));
  CHECK(passed_over.take_body("ok", 200));
  CHECK_FALSE(passed_over.is_stopped());
}

TEST_CASE("a body that is asked for is read to the cap, and what is longer is cut off") {
  HttpSettings settings = asking("ready");
  settings.max_body = 8;
  HttpReader reader(settings);
  CHECK(take(reader, 200, {}));
  CHECK(reader.needs_body(200));
  CHECK_FALSE(reader.needs_body(404));
  CHECK(reader.take_body("1234", 200));
  CHECK(reader.take_body("5678", 200));
  CHECK_FALSE(reader.is_stopped());
  CHECK_FALSE(reader.take_body("9", 200));
  CHECK(reader.is_stopped());
  CHECK_FALSE(reader.trouble());
  const auto answer = reader.take_answer();
  CHECK(answer.body == "12345678");
  CHECK(answer.is_cut);
}

TEST_CASE("interim answers and redirects that are followed are passed over, with their fields") {
  HttpSettings settings = asking("ready");
  settings.follow_redirects = 1;
  settings.expect.headers.push_back({"x-hop", *Pattern::compile("")});
  HttpReader reader(settings);
  CHECK(take(reader, 103, {"X-Hop: 0"}));
  CHECK_FALSE(reader.is_header_whole());
  CHECK(take(reader, 302, {"X-Hop: 1", "Location: /x", "Content-Length: 5"}));
  CHECK_FALSE(reader.is_header_whole());
  CHECK(reader.has_length());
  CHECK(reader.take_body("moved", 302));
  CHECK(take(reader, 200, {"x-HOP:  2 ", "X-Other: 3"}));
  CHECK(reader.is_header_whole());
  CHECK_FALSE(reader.has_length());
  CHECK(reader.take_body("ready", 200));
  CHECK(reader.take_header("X-Hop: trailer\r\n", 200));
  const auto answer = reader.take_answer();
  CHECK(answer.body == "ready");
  CHECK(answer.headers == std::vector<std::pair<std::string, std::string>>{{"x-HOP", "2"}});

  HttpReader nowhere(settings);
  CHECK(take(nowhere, 302, {}));
  CHECK(nowhere.is_header_whole());
}

TEST_CASE("a length of the body is told by its field or by chunks; an unknown encoding is left and shown") {
  const HttpSettings settings = asking("ready");
  const auto after = [&](const std::string& field) {
    HttpReader reader(settings);
    CHECK(take(reader, 200, {field}));
    return std::tuple(reader.has_length(), reader.is_left_encoded(), reader.take_answer().encoding);
  };
  CHECK(after("X: y") == std::tuple(false, false, ""));
  CHECK(after("content-length: 5") == std::tuple(true, false, ""));
  CHECK(after("Transfer-Encoding: chunked") == std::tuple(true, false, ""));
  CHECK(after("Content-Encoding: GZIP") == std::tuple(false, false, ""));
  CHECK(after("Content-Encoding: utf-8") == std::tuple(false, true, "utf-8"));
}

TEST_CASE("no more may come than header, body and what lies between") {
  HttpSettings settings;
  settings.max_body = 1000;
  CHECK(most_bytes(settings) == 65536 + 2000 + 131072);
  HttpReader reader(settings);
  CHECK(reader.take_header("HTTP/1.1 200 OK\r\n", 200));
  CHECK(reader.take_header(std::string(65536 - 17, 'x'), 200));
  CHECK_FALSE(reader.trouble());
  CHECK_FALSE(reader.take_header("x", 200));
  REQUIRE(reader.trouble());
  CHECK(reader.trouble()->reason == Reason::too_large);
}

TEST_CASE("http: headers without end are cut off") {
  const Server server([](int fd) {
    read_request(fd);
    send_text(fd, "HTTP/1.1 200 OK\r\n");
    const std::string line = "X-Flood: " + std::string(1000, 'x') + "\r\n";
    while (send(fd, line.data(), line.size(), MSG_NOSIGNAL) > 0) {
    }
  });
  Lab lab;
  check_fail(lab.run("http", http_probe_of(server)), Reason::too_large, "more than 65536 bytes of headers");
}

TEST_CASE("http: interim answers without end are cut off") {
  const Server server([](int fd) {
    read_request(fd);
    const std::string interim = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
    while (send(fd, interim.data(), interim.size(), MSG_NOSIGNAL) > 0) {
    }
  });
  Lab lab;
  check_fail(lab.run("http", http_probe_of(server)), Reason::too_large, "more than 65536 bytes of headers");
}

TEST_CASE("http: a body that is encoded though nobody asked for it is decoded") {
  // gzip of {"status":"UP"}
  const std::string zipped(
      "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\x56\x2a\x2e\x49\x2c\x29\x2d\x56\xb2\x52\x0a\x0d\x50\xaa"
      "\x05\x00"
      "\x69\xff\xbb\xaa\x0f\x00\x00\x00",
      35);
  const json expect{{"expect", {{"json", {{"/status", "UP"}}}}}};
  Lab lab;
  std::string request;
  const auto answering = [&](const std::string& encoding, const std::string& body) {
    return [&request, encoding, body](int fd) {
      request = read_request(fd);
      send_text(fd, http_answer("200 OK", body, {"Content-Encoding: " + encoding}));
    };
  };
  const Server server(answering("gzip", zipped));
  const auto result = lab.run("http", http_probe_of(server, expect));
  CAPTURE(result);
  CHECK(result.verdict == Verdict::pass);
  CHECK_THAT(request, !Contains("Accept-Encoding"));
  json asked = expect;
  asked["headers"] = {{"Accept-Encoding", "gzip"}};
  CHECK(lab.run("http", http_probe_of(server, asked)).verdict == Verdict::pass);
  CHECK_THAT(request, Contains("\r\nAccept-Encoding: gzip\r\n"));
  const Server broken(answering("gzip", "{\"status\":\"UP\"}"));
  check_fail(lab.run("http", http_probe_of(broken, expect)), Reason::protocol, "content unencoding");
  const Server charset(answering("utf-8", "{\"status\":\"UP\"}"));
  CHECK(lab.run("http", http_probe_of(charset, expect)).verdict == Verdict::pass);
  const Server unknown(answering("aes128gcm", "xyz"));
  check_fail(lab.run("http", http_probe_of(unknown, expect)), Reason::json,
             "no JSON in the body, whose Content-Encoding is \"aes128gcm\": \"xyz\"");
}

TEST_CASE("http: a server of HTTP/2 alone is told from one that speaks no HTTP") {
  Lab lab;
  const Server two([](int fd) {
    read_request(fd);
    send_text(fd, std::string("\0\0\x06\4\0\0\0\0\0\0\3\0\0\0\x64", 15));
    wait_for_close(fd);
  });
  check_fail(lab.run("http", http_probe_of(two)), Reason::protocol,
             "the server speaks HTTP/2 alone: \"http_version\" has to be \"2-prior-knowledge\"");
  const Server ssh([](int fd) {
    send_text(fd, "SSH-2.0-OpenSSH_9.2\r\n");
    wait_for_close(fd);
  });
  check_fail(lab.run("http", http_probe_of(ssh)), Reason::protocol,
             "not HTTP, unless it were HTTP/0.9: \"SSH-2.0-OpenSSH_9.2\\r\\n\"");
}

}  // namespace http_reader_test
