#include "probes/tls.h"

#include <openssl/ssl.h>

#include <array>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>

#include "tests/probes/certificates.h"

namespace tls_test {

using namespace herald;
using namespace herald::probes;
using namespace herald::probes::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

const CertificateWish kLocalhost{.name = "localhost",
                                 .alternative_names = "DNS:www.example.net,IP:127.0.0.1"};

// A CA, a server certificate of it, and a directory with what a probe needs.
struct Trust {
  TemporaryDirectory directory;
  Identity ca = make_identity({.name = "test CA", .is_ca = true});
  std::string ca_file = directory.write_certificate("ca.pem", ca);
};

// The server's end of a connection, before its handshake: it shows `identity`, and is what `more` makes of it.
SessionPtr server_session(int fd, const Identity& identity, const std::function<void(SSL_CTX*)>& more = {}) {
  const ContextPtr context(SSL_CTX_new(TLS_server_method()));
  SSL_CTX_use_certificate(context.get(), identity.certificate.get());
  SSL_CTX_use_PrivateKey(context.get(), identity.key.get());
  if (more) more(context.get());
  SessionPtr session(SSL_new(context.get()));  // which keeps the context
  SSL_set_fd(session.get(), fd);
  return session;
}

// The same probe over HTTP and over plain TCP.
std::array<ProbeResult, 2> run_both(Lab& lab, const Server& server, const json& tls,
                                    const std::string& text) {
  return {lab.run("http", {{"url", server.https_url()}, {"tls", tls}}),
          lab.run("tcp", {{"address", server.address()}, {"send", text}, {"expect", "ready"}, {"tls", tls}})};
}

// Both have to come to the same verdict.
struct Both {
  explicit Both(const Identity& its_identity, const Identity* client_ca = nullptr, int most_version = 0)
      : identity(its_identity.copy()),
        server(serve_tls({identity, http_answer("200 OK", "ready"), false, client_ca, most_version})) {}

  std::array<ProbeResult, 2> run(Lab& lab, const json& tls) const {
    return run_both(lab, server, tls, "GET /\r\n\r\n");
  }
  void check(Lab& lab, const json& tls, Verdict verdict, Reason reason,
             const std::string& detail = "") const {
    for (const auto& result : run(lab, tls)) {
      CAPTURE(result);
      CHECK(result.verdict == verdict);
      CHECK(result.reason == reason);
      CHECK_THAT(result.detail, Contains(detail));
    }
  }

  Identity identity;
  Server server;
};

}  // namespace

TEST_CASE("tls: a good certificate passes") {
  const Trust trust;
  const Identity good = make_identity(kLocalhost, &trust.ca);
  const Both both(good);
  Lab lab;
  both.check(lab, {{"ca_file", trust.ca_file}}, Verdict::pass, Reason::none);
  both.check(lab, {{"ca_file", trust.ca_file}, {"min_version", "1.3"}}, Verdict::pass, Reason::none);
  // The server's own certificate in the bundle is trust enough.
  both.check(lab, {{"ca_file", trust.directory.write_certificate("own.pem", good)}}, Verdict::pass,
             Reason::none);
}

TEST_CASE("tls: the name that the certificate is for may be given") {
  const Trust trust;
  const Both both(make_identity({.name = "x", .alternative_names = "DNS:www.example.net"}, &trust.ca));
  Lab lab;
  both.check(lab, {{"ca_file", trust.ca_file}}, Verdict::fail, Reason::tls);
  both.check(lab, {{"ca_file", trust.ca_file}, {"server_name", "www.example.net"}}, Verdict::pass,
             Reason::none);
  both.check(lab, {{"ca_file", trust.ca_file}, {"server_name", "www.example.org"}}, Verdict::fail,
             Reason::tls);
  both.check(lab, {{"verify", false}}, Verdict::pass, Reason::none);
}

TEST_CASE("tls: server_name is what the server is told, and Host stays that of the URL") {
  const Trust trust;
  const Identity good = make_identity({.name = "x", .alternative_names = "DNS:www.example.net"}, &trust.ca);
  std::string request;
  std::string name;
  const Server server([&](int fd) {
    const SessionPtr session = server_session(fd, good);
    if (SSL_accept(session.get()) != 1) return;
    const char* told = SSL_get_servername(session.get(), TLSEXT_NAMETYPE_host_name);
    name = told != nullptr ? told : "";
    std::array<char, 4096> buffer;
    const int count = SSL_read(session.get(), buffer.data(), buffer.size());
    request.assign(buffer.data(), static_cast<std::size_t>(std::max(count, 0)));
    const std::string answer = http_answer("200 OK", "");
    SSL_write(session.get(), answer.data(), static_cast<int>(answer.size()));
  });
  Lab lab;
  const json tls{{"ca_file", trust.ca_file}, {"server_name", "www.example.net"}};
  CHECK(lab.run("http", {{"url", server.https_url("/x")}, {"tls", tls}}).verdict == Verdict::pass);
  CHECK(name == "www.example.net");
  CHECK_THAT(request, Contains("Host: " + server.address() + "\r\n"));
}

TEST_CASE("tls: a redirect from http to https trusts what the probe trusts") {
  const Trust trust;
  const Trust other;
  const Both secure(make_identity(kLocalhost, &trust.ca));
  const Server plain(
      always(http_answer("302 Found", "", {"Location: https://" + secure.server.address() + "/"})));
  Lab lab;
  const auto run = [&](const json& more) {
    json settings{{"url", plain.url()}, {"follow_redirects", 1}, {"expect", {{"body_contains", "ready"}}}};
    settings.update(more);
    return lab.run("http", settings);
  };
  CHECK(run({{"tls", {{"ca_file", trust.ca_file}}}}).verdict == Verdict::pass);
  CHECK(run({{"tls", {{"verify", false}}}}).verdict == Verdict::pass);
  CHECK(run({{"tls", {{"ca_file", other.ca_file}}}}).reason == Reason::tls);
  CHECK(run({{"tls", {{"verify", false}, {"warn_expiry", "3650d"}}}}).reason == Reason::expiry);
  // Without tls the trust is the system's bundle, as for https, and not curl's CA directory.
  CHECK(run(json::object()).reason == Reason::tls);
}

TEST_CASE("tls: certificates that are not good") {
  const Trust trust;
  Lab lab;
  const json tls{{"ca_file", trust.ca_file}};
  SECTION("expired") {
    CertificateWish wish = kLocalhost;
    wish.valid_from = -20L * 86400;
    wish.valid_to = -10L * 86400;
    Both(make_identity(wish, &trust.ca))
        .check(lab, tls, Verdict::fail, Reason::tls, "certificate has expired");
  }
  SECTION("not valid yet") {
    CertificateWish wish = kLocalhost;
    wish.valid_from = 86400;
    Both(make_identity(wish, &trust.ca)).check(lab, tls, Verdict::fail, Reason::tls, "not yet valid");
  }
  SECTION("signed by itself") {
    Both(make_identity(kLocalhost)).check(lab, tls, Verdict::fail, Reason::tls, "self-signed certificate");
  }
  SECTION("signed by somebody else") {
    const Identity other = make_identity({.name = "other CA", .is_ca = true});
    Both(make_identity(kLocalhost, &other)).check(lab, tls, Verdict::fail, Reason::tls, "unable to get");
  }
  SECTION("of an old version") {
    json strict = tls;
    strict["min_version"] = "1.3";
    Both(make_identity(kLocalhost, &trust.ca), nullptr, TLS1_2_VERSION)
        .check(lab, strict, Verdict::fail, Reason::tls);
  }
}

TEST_CASE("tls: what one probe trusts, another does not") {
  const Trust trust;
  const Trust other;
  const Both both(make_identity(kLocalhost, &trust.ca));
  Lab lab;
  for (int i = 0; i < 3; ++i) {
    both.check(lab, {{"ca_file", trust.ca_file}}, Verdict::pass, Reason::none);
    both.check(lab, {{"ca_file", other.ca_file}}, Verdict::fail, Reason::tls);
    both.check(lab, json::object(), Verdict::fail, Reason::tls);
    both.check(lab, {{"verify", false}}, Verdict::pass, Reason::none);
  }
}

TEST_CASE("tls: the end of a certificate is a warning") {
  const Trust trust;
  CertificateWish wish = kLocalhost;
  wish.valid_to = 6L * 86400 + 3600;
  const Both both(make_identity(wish, &trust.ca));
  Lab lab;
  both.check(lab, {{"ca_file", trust.ca_file}, {"warn_expiry", "14d"}}, Verdict::warn, Reason::expiry,
             "certificate expires in 6 days");
  // Told also where nobody asks to be warned.
  const auto end =
      lab.run("http", {{"url", both.server.https_url("/")}, {"tls", {{"verify", false}}}}).certificate_end;
  REQUIRE(end);
  CHECK(std::abs(*end - (std::time(nullptr) + wish.valid_to)) < 600);
  both.check(lab, {{"ca_file", trust.ca_file}, {"warn_expiry", "3d"}}, Verdict::pass, Reason::none);
  both.check(lab, {{"verify", false}, {"warn_expiry", "14d"}}, Verdict::warn, Reason::expiry);
  wish.valid_from = -20L * 86400;
  wish.valid_to = -3L * 86400;
  Both(make_identity(wish))
      .check(lab, {{"verify", false}, {"warn_expiry", "14d"}}, Verdict::warn, Reason::expiry,
             "certificate expired 3 days ago");
}

TEST_CASE("tls: a certificate that never ends does not overflow") {
  const Trust trust;
  CertificateWish wish = kLocalhost;
  wish.valid_to = 250'000'000'000L;
  const Both both(make_identity(wish, &trust.ca));
  Lab lab;
  both.check(lab, {{"ca_file", trust.ca_file}, {"warn_expiry", "14d"}}, Verdict::pass, Reason::none);
}

TEST_CASE("tls: a client certificate opens a door that is closed without one") {
  const Trust trust;
  const Identity client = make_identity({.name = "herald"}, &trust.ca);
  const std::string cert = trust.directory.write_certificate("client.pem", client);
  const std::string key = trust.directory.write_key("client.key", client);
  const Identity good = make_identity(kLocalhost, &trust.ca);
  Lab lab;
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const Both both(good, &trust.ca, version);
    both.check(lab, {{"ca_file", trust.ca_file}, {"cert", cert}, {"key", key}}, Verdict::pass, Reason::none);
    for (const auto& result : both.run(lab, {{"ca_file", trust.ca_file}})) {
      CAPTURE(result);
      CHECK(result.verdict == Verdict::fail);
      CHECK(result.reason == Reason::tls);
    }
  }
  // One that closes without a word, or resets, once the handshake is over.
  for (const bool resets : {false, true}) {
    const Server rude([&](int fd) {
      const SessionPtr session = server_session(
          fd, good, [&](SSL_CTX* context) { SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr); });
      SSL_accept(session.get());
      if (resets) reset_connection(fd);
    });
    const json tls{{"ca_file", trust.ca_file}};
    for (const auto& result : run_both(lab, rude, tls, "x")) {
      CAPTURE(resets, result);
      CHECK(result.verdict == Verdict::fail);
      CHECK(result.reason == Reason::tls);
      CHECK_THAT(result.detail, Contains("wants a certificate of its client, and none is configured"));
    }
  }
}

TEST_CASE("tls: the end of any certificate of the chain that is used is a warning") {
  const Trust trust;
  CertificateWish wish{.name = "middle CA", .valid_to = 6L * 86400 + 3600, .is_ca = true};
  const Identity middle = make_identity(wish, &trust.ca);
  wish.name = "unused CA";
  wish.valid_to = 2L * 86400 + 3600;
  const Identity unused = make_identity(wish);
  const Identity good = make_identity(kLocalhost, &middle);
  const Server server([&](int fd) {
    const SessionPtr session = server_session(fd, good, [&](SSL_CTX* context) {
      SSL_CTX_add1_chain_cert(context, middle.certificate.get());
      SSL_CTX_add1_chain_cert(context, unused.certificate.get());
    });
    std::array<char, 4096> buffer;
    if (SSL_accept(session.get()) != 1 || SSL_read(session.get(), buffer.data(), buffer.size()) <= 0) return;
    const std::string answer = http_answer("200 OK", "ready");
    SSL_write(session.get(), answer.data(), static_cast<int>(answer.size()));
    wait_for_close(fd);
  });
  Lab lab;
  const auto check = [&](const json& tls, Reason reason, const std::string& detail) {
    for (const auto& result : run_both(lab, server, tls, "GET /")) {
      CAPTURE(result);
      CHECK(result.reason == reason);
      CHECK_THAT(result.detail, Contains(detail));
    }
  };
  check({{"ca_file", trust.ca_file}, {"warn_expiry", "14d"}}, Reason::expiry,
        "certificate of the issuer \"middle CA\" expires in 6 days");
  check({{"ca_file", trust.ca_file}, {"warn_expiry", "3d"}}, Reason::none, "");
  check({{"verify", false}, {"warn_expiry", "14d"}}, Reason::expiry,
        "certificate of the issuer \"unused CA\" expires in 2 days");
}

TEST_CASE("tls: a server of HTTP/2 alone leads to http_version") {
  const Identity own = make_identity(kLocalhost);
  const Server server([&](int fd) {
    const SessionPtr session = server_session(fd, own, [&](SSL_CTX* context) {
      SSL_CTX_set_alpn_select_cb(
          context,
          [](SSL*, const unsigned char**, unsigned char*, const unsigned char*, unsigned, void*) {
            return SSL_TLSEXT_ERR_ALERT_FATAL;
          },
          nullptr);
    });
    SSL_accept(session.get());
  });
  Lab lab;
  const auto result = lab.run("http", {{"url", server.https_url()}, {"tls", {{"verify", false}}}});
  CHECK(result.reason == Reason::tls);
  CHECK_THAT(result.detail, Contains("the server speaks HTTP/2 alone: \"http_version\" has to be \"2\""));
}

TEST_CASE("tls: a certificate that nobody verifies is not blamed for what goes wrong later") {
  const Trust trust;
  Lab lab;
  const Both both(make_identity(kLocalhost), &trust.ca);
  for (const auto& result : both.run(lab, {{"verify", false}})) {
    CAPTURE(result);
    CHECK(result.verdict == Verdict::fail);
    CHECK(result.reason == Reason::tls);
    CHECK_THAT(result.detail, !Contains("self-signed") && (Contains("certificate required") ||
                                                           Contains("wants a certificate of its client")));
  }
}

TEST_CASE("tls: files that cannot be used are found when the probe is made") {
  const Trust trust;
  Lab lab;
  const auto error = [&](const json& tls) {
    const auto http = lab.try_make("http", {{"url", "https://127.0.0.1/"}, {"tls", tls}});
    const auto tcp = lab.try_make("tcp", {{"address", "127.0.0.1:1"}, {"tls", tls}});
    REQUIRE_FALSE(http);
    REQUIRE_FALSE(tcp);
    CHECK(http.error() == tcp.error());
    return http.error();
  };
  CHECK(error({{"ca_file", "/no/ca.pem"}}) == "ca_file /no/ca.pem: No such file or directory");
  const std::string text = trust.directory.path() + "/text";
  std::ofstream(text) << "not a certificate\n";
  CHECK_THAT(error({{"ca_file", text}}), StartsWith("ca_file " + text + ": "));
  CHECK_THAT(error({{"cert", "/no/cert.pem"}, {"key", "/no/key.pem"}}), Contains("No such file"));
  const std::string cert = trust.directory.write_certificate("cert.pem", trust.ca);
  const std::string other_key = trust.directory.write_key("key.pem", make_identity({}));
  CHECK_THAT(error({{"cert", cert}, {"key", other_key}}), Contains("mismatch"));
}

TEST_CASE("tls: an encrypted key is refused, and nobody is asked for its password") {
  const Trust trust;
  Lab lab;
  const Identity client = make_identity({.name = "herald"}, &trust.ca);
  const std::string cert = trust.directory.write_certificate("client.pem", client);
  const std::string key = trust.directory.write_key("client.key", client, "secret");
  const json tls{{"ca_file", trust.ca_file}, {"cert", cert}, {"key", key}};
  for (const auto& made : {lab.try_make("http", {{"url", "https://127.0.0.1/"}, {"tls", tls}}),
                           lab.try_make("tcp", {{"address", "127.0.0.1:1"}, {"tls", tls}})}) {
    REQUIRE_FALSE(made);
    CHECK(made.error() == "key " + key + ": is encrypted, and herald has no password for it");
  }
  // The same when the file becomes one later.
  const Both both(make_identity(kLocalhost, &trust.ca), &trust.ca);
  static_cast<void>(trust.directory.write_key("client.key", client));
  const auto http = lab.make("http", {{"url", both.server.https_url()}, {"tls", tls}});
  const auto tcp = lab.make("tcp", {{"address", both.server.address()}, {"tls", tls}});
  static_cast<void>(trust.directory.write_key("client.key", client, "secret"));
  for (Probe* probe : {http.get(), tcp.get()}) {
    const auto result = lab.run(*probe);
    REQUIRE(result);
    CAPTURE(*result);
    CHECK(result->verdict == Verdict::inconclusive);
    CHECK(result->reason == Reason::local);
  }
}

TEST_CASE("tls: a server cannot choose what a handshake costs") {
  const Trust trust;
  const Identity good = make_identity(kLocalhost, &trust.ca);
  // As a server that wants nothing but finite fields has it; the certificate is RSA's, as such ciphers need.
  const auto wanting = [&](const char* group, int version) {
    return [&, group, version](int fd) {
      const std::unique_ptr<EVP_PKEY, FreeCertificate> key(EVP_RSA_gen(2048));
      const Identity rsa = make_identity(kLocalhost, nullptr, key.get());
      const SessionPtr session = server_session(fd, rsa, [&](SSL_CTX* context) {
        SSL_CTX_set_min_proto_version(context, version);
        SSL_CTX_set_max_proto_version(context, version);
        SSL_CTX_set_cipher_list(context, "kDHE");
        if (version == TLS1_3_VERSION) SSL_CTX_set1_groups_list(context, group);
        if (version == TLS1_2_VERSION) SSL_CTX_set_dh_auto(context, 1);
      });
      SSL_accept(session.get());
      wait_for_close(fd);
    };
  };
  const Both usual(good);
  Lab lab;
  const auto cost = [&](const Server& server, Verdict verdict) {
    const Duration before = thread_cpu();
    const json tls{{"verify", false}};
    for (const auto& result : run_both(lab, server, tls, "x")) {
      CAPTURE(result);
      CHECK(result.verdict == verdict);
      if (verdict == Verdict::fail) CHECK(result.reason == Reason::tls);
    }
    return thread_cpu() - before;
  };
  static_cast<void>(cost(usual.server, Verdict::pass));
  const Duration as_usual = cost(usual.server, Verdict::pass);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const Server server(wanting("ffdhe8192", version));
    const Duration spent = cost(server, Verdict::fail);
    CAPTURE(version, as_usual.count(), spent.count());
    CHECK(spent < 2 * as_usual + 10ms);
  }
}

TEST_CASE("tls: messages that are no data end with what may come") {
  const Trust trust;
  const Identity good = make_identity(kLocalhost, &trust.ca);
  const Server server([&](int fd) {
    const SessionPtr session = server_session(fd, good);
    if (SSL_accept(session.get()) != 1) return;
    // New session tickets, of which OpenSSL reads as many as come.
    const auto is_open = [&] { return send(fd, "", 0, MSG_NOSIGNAL) == 0; };
    while (is_open() && SSL_new_session_ticket(session.get()) == 1 && SSL_do_handshake(session.get()) == 1) {
    }
  });
  Lab lab;
  const json tls{{"verify", false}};
  const auto http = lab.make("http", {{"url", server.https_url()}, {"tls", tls}});
  const auto tcp = lab.make("tcp", {{"address", server.address()}, {"expect", "ready"}, {"tls", tls}});
  for (Probe* probe : {http.get(), tcp.get()}) {
    const auto result = lab.run(*probe, 10s);
    REQUIRE(result);
    CAPTURE(*result);
    CHECK(result->reason == Reason::too_large);
  }
}

TEST_CASE("tls: a trust bundle that changes is read again, one that breaks stays in use") {
  const Trust trust;
  const Identity good = make_identity(kLocalhost, &trust.ca);
  const Identity other = make_identity({.name = "other CA", .is_ca = true});
  const Both both(good);
  Lab lab;
  const std::string bundle = trust.directory.path() + "/bundle.pem";
  const auto replace = [&](const std::string& with) {
    std::filesystem::copy_file(with, bundle + ".new", std::filesystem::copy_options::overwrite_existing);
    std::filesystem::rename(bundle + ".new", bundle);
  };
  replace(trust.ca_file);
  both.check(lab, {{"ca_file", bundle}}, Verdict::pass, Reason::none);
  replace(trust.directory.write_certificate("other.pem", other));
  both.check(lab, {{"ca_file", bundle}}, Verdict::fail, Reason::tls);
  replace(trust.ca_file);
  both.check(lab, {{"ca_file", bundle}}, Verdict::pass, Reason::none);
  const auto probe = lab.make("http", {{"url", both.server.https_url()}, {"tls", {{"ca_file", bundle}}}});
  std::filesystem::remove(bundle);
  CHECK(lab.run(*probe)->verdict == Verdict::pass);
  std::ofstream(bundle) << "broken\n";
  CHECK(lab.run(*probe)->verdict == Verdict::pass);
}

TEST_CASE("tls: the system's bundle is the default") {
  CaStores stores;
  INFO("of the package ca-certificates; tests/run installs it");
  REQUIRE(std::filesystem::exists("/etc/ssl/certs/ca-certificates.crt"));
  CHECK(stores.get(""));
  const Both both(make_identity(kLocalhost));
  Lab lab;
  both.check(lab, json::object(), Verdict::fail, Reason::tls, "self-signed certificate");
}

TEST_CASE("tls: a kept connection goes on without a handshake, and still knows its certificate's end") {
  const Trust trust;
  CertificateWish wish = kLocalhost;
  wish.valid_to = 6L * 86400 + 3600;
  const Identity soon = make_identity(wish, &trust.ca);
  const Server server([&](int fd) {
    const SessionPtr session = server_session(fd, soon);
    if (SSL_accept(session.get()) != 1) return;
    const std::string answer = http_answer("200 OK", "");
    std::array<char, 4096> buffer;
    while (SSL_read(session.get(), buffer.data(), buffer.size()) > 0) {
      SSL_write(session.get(), answer.data(), static_cast<int>(answer.size()));
    }
  });
  Lab lab;
  const auto probe = lab.make("http", {{"url", server.https_url()},
                                       {"reuse", true},
                                       {"tls", {{"ca_file", trust.ca_file}, {"warn_expiry", "14d"}}}});
  for (int i = 0; i < 3; ++i) {
    const auto result = lab.run(*probe);
    REQUIRE(result);
    CHECK(result->reason == Reason::expiry);
  }
  CHECK(server.connections() == 1);
}

TEST_CASE("tls: a server that does not speak TLS, and one that stops in the middle") {
  Lab lab;
  const json tls{{"verify", false}};
  const Server plain([](int fd) {
    send_text(fd, "220 mail.example.net ESMTP\r\n");
    wait_for_close(fd);
  });
  CHECK(lab.run("http", {{"url", plain.https_url()}, {"tls", tls}}).reason == Reason::tls);
  CHECK(lab.run("tcp", {{"address", plain.address()}, {"tls", tls}}).reason == Reason::tls);
  const Server closing([](int fd) {
    std::array<char, 10> buffer;
    CHECK(recv(fd, buffer.data(), buffer.size(), MSG_WAITALL) == 10);
  });
  CHECK(lab.run("http", {{"url", closing.https_url()}, {"tls", tls}}).verdict == Verdict::fail);
  CHECK(lab.run("tcp", {{"address", closing.address()}, {"tls", tls}}).verdict == Verdict::fail);
  const Server hanging([](int fd) { wait_for_close(fd); });
  CHECK(lab.stage("tcp", {{"address", hanging.address()}, {"tls", true}}) == "TLS handshake");
}

}  // namespace tls_test
