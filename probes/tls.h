// TLS of probes: trust, contexts, and what a certificate says about its end.
//
// It refuses TLS before 1.2, and key exchange by finite-field Diffie-Hellman, with which a server chooses what a handshake costs
// its client: 0.2 s for 8,192 bits of a well-known group and 1 to 2 s of another, in one call of OpenSSL. Browsers have done without
// since 2016. Trust is a bundle file alone: a CA directory would be parsed for every
// connection.
#pragma once

#include <openssl/types.h>

#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "probes/result.h"
#include "probes/tls_settings.h"
#include "sidecar/core/types.h"

namespace herald::probes {

struct FreeSsl {
  void operator()(X509_STORE* store) const noexcept;
  void operator()(SSL_CTX* context) const noexcept;
  void operator()(SSL* session) const noexcept;
};
using StorePtr = std::unique_ptr<X509_STORE, FreeSsl>;
using ContextPtr = std::unique_ptr<SSL_CTX, FreeSsl>;
using SessionPtr = std::unique_ptr<SSL, FreeSsl>;

// Trusted certificates by bundle file, parsed once (a system's bundle costs 20 ms) and again when the file
// has changed. A file that can no longer be read leaves what was read before in use.
class CaStores {
 public:
  // A share of the store, for one connection or context. "" is the system's bundle; the error is a line for
  // people.
  [[nodiscard]] std::expected<StorePtr, std::string> get(const std::string& file);

 private:
  struct Entry {
    StorePtr store;
    std::int64_t changed_at = 0;  // mtime and inode tell that a file was replaced
    std::uint64_t inode = 0;
  };
  std::map<std::string, Entry> entries_;
};

// Whether the files that `settings` names can be used. The error is a line for people.
[[nodiscard]] std::expected<void, std::string> check_files(const TlsSettings& settings, CaStores& stores);

// What a peer may cost, for a context of curl's or of ours.
void limit_cost(SSL_CTX& context);

// A context with the client's certificate, the versions and the trust of `settings`. The error is a line for
// people.
[[nodiscard]] std::expected<ContextPtr, std::string> make_context(const TlsSettings& settings,
                                                                  CaStores& stores);

// The certificate that ends first of those that the peer's own was verified by; of those that it sent where nothing is verified.
// None before there is one.
[[nodiscard]] std::optional<CertificateEnd> first_end(const SSL& session);

// Sets `was_asked` when the peer wants a certificate of ours and none is configured. It outlives the sessions of `context`.
void note_request_for_certificate(SSL_CTX& context, bool& was_asked);
inline constexpr const char* kCertificateWanted =
    "the server wants a certificate of its client, and none is configured (tls.cert and tls.key); it closed "
    "the connection";
// The error of OpenSSL's last call; its queue is empty after that.
[[nodiscard]] std::string take_ssl_error();

}  // namespace herald::probes
