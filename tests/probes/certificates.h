// Certificates of every kind that a probe can meet, made when a test needs them, and a server that shows one.
#pragma once

#include <openssl/types.h>

#include <memory>
#include <string>

#include "tests/probes/lab.h"

namespace herald::probes::test {

struct FreeCertificate {
  void operator()(X509* certificate) const noexcept;
  void operator()(EVP_PKEY* key) const noexcept;
};

struct Identity {
  std::unique_ptr<X509, FreeCertificate> certificate;
  std::unique_ptr<EVP_PKEY, FreeCertificate> key;

  [[nodiscard]] Identity copy() const;
};

struct CertificateWish {
  std::string name = "herald test";
  std::string alternative_names{};  // "DNS:www.example.net,IP:127.0.0.1"
  long valid_from = -3600;          // seconds from now
  long valid_to = 365L * 86400;
  bool is_ca = false;
};

// Signed by `issuer`, or by itself; its key is `key`, or a new one of an elliptic curve.
Identity make_identity(const CertificateWish& wish, const Identity* issuer = nullptr,
                       EVP_PKEY* key = nullptr);

// A directory that goes with the test.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory();

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string write_certificate(const std::string& name, const Identity& identity) const;
  // With a password, the key is encrypted by it.
  [[nodiscard]] std::string write_key(const std::string& name, const Identity& identity,
                                      const std::string& password = "") const;

 private:
  std::string path_;
};

struct TlsServing {
  const Identity& identity;
  std::string answer;                   // sent once a request has come
  bool speaks_first = false;            // the answer comes at once
  const Identity* client_ca = nullptr;  // wants a certificate of it
  int most_version = 0;                 // TLS1_2_VERSION
};

// What a connection of a Server does.
Server::Serve serve_tls(TlsServing serving);

}  // namespace herald::probes::test
