#include "tests/probes/certificates.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <cstdio>
#include <filesystem>

namespace herald::probes::test {
namespace {

void add_extension(X509* certificate, X509* issuer, int id, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str());
  REQUIRE(extension != nullptr);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

struct FileCloser {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};
using FilePtr = std::unique_ptr<std::FILE, FileCloser>;

ContextPtr server_context(const TlsServing& serving) {
  ContextPtr context(SSL_CTX_new(TLS_server_method()));
  SSL_CTX_use_certificate(context.get(), serving.identity.certificate.get());
  SSL_CTX_use_PrivateKey(context.get(), serving.identity.key.get());
  if (serving.most_version != 0) SSL_CTX_set_max_proto_version(context.get(), serving.most_version);
  if (serving.client_ca != nullptr) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), serving.client_ca->certificate.get());
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  return context;
}

}  // namespace

void FreeCertificate::operator()(X509* certificate) const noexcept {
  X509_free(certificate);
}
void FreeCertificate::operator()(EVP_PKEY* key) const noexcept {
  EVP_PKEY_free(key);
}

Identity Identity::copy() const {
  X509_up_ref(certificate.get());
  EVP_PKEY_up_ref(key.get());
  Identity same;
  same.certificate.reset(certificate.get());
  same.key.reset(key.get());
  return same;
}

Identity make_identity(const CertificateWish& wish, const Identity* issuer, EVP_PKEY* key) {
  Identity made;
  if (key != nullptr) EVP_PKEY_up_ref(key);
  made.key.reset(key != nullptr ? key : EVP_EC_gen("P-256"));
  made.certificate.reset(X509_new());
  X509* certificate = made.certificate.get();
  X509_set_version(certificate, X509_VERSION_3);
  static long serial = 1;
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate), wish.valid_from);
  X509_gmtime_adj(X509_getm_notAfter(certificate), wish.valid_to);
  X509_NAME* name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(wish.name.c_str()), -1, -1, 0);
  X509* signer = issuer != nullptr ? issuer->certificate.get() : certificate;
  X509_set_issuer_name(certificate, X509_get_subject_name(signer));
  X509_set_pubkey(certificate, made.key.get());
  if (wish.is_ca) add_extension(certificate, signer, NID_basic_constraints, "critical,CA:TRUE");
  if (!wish.alternative_names.empty()) {
    add_extension(certificate, signer, NID_subject_alt_name, wish.alternative_names);
  }
  REQUIRE(X509_sign(certificate, issuer != nullptr ? issuer->key.get() : made.key.get(), EVP_sha256()) != 0);
  return made;
}

TemporaryDirectory::TemporaryDirectory() : path_("/tmp/herald_probes_test.XXXXXX") {
  REQUIRE(mkdtemp(path_.data()) != nullptr);
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryDirectory::write_certificate(const std::string& name, const Identity& identity) const {
  const FilePtr file(std::fopen((path_ + "/" + name).c_str(), "we"));
  REQUIRE(file);
  PEM_write_X509(file.get(), identity.certificate.get());
  return path_ + "/" + name;
}

std::string TemporaryDirectory::write_key(const std::string& name, const Identity& identity,
                                          const std::string& password) const {
  const FilePtr file(std::fopen((path_ + "/" + name).c_str(), "we"));
  REQUIRE(file);
  PEM_write_PrivateKey(file.get(), identity.key.get(), password.empty() ? nullptr : EVP_aes_256_cbc(),
                       reinterpret_cast<const unsigned char*>(password.data()),
                       static_cast<int>(password.size()), nullptr, nullptr);
  return path_ + "/" + name;
}

Server::Serve serve_tls(TlsServing serving) {
  return [serving = std::move(serving)](int fd) {
    const ContextPtr context = server_context(serving);
    const SessionPtr session(SSL_new(context.get()));
    SSL_set_fd(session.get(), fd);
    if (SSL_accept(session.get()) != 1) return;
    std::array<char, 4096> buffer;
    if (!serving.speaks_first && SSL_read(session.get(), buffer.data(), buffer.size()) <= 0) return;
    SSL_write(session.get(), serving.answer.data(), static_cast<int>(serving.answer.size()));
    SSL_shutdown(session.get());
    wait_for_close(fd);
  };
}

}  // namespace herald::probes::test
