#include "probes/tls.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>
#include <utility>

#include "probes/result.h"
#include "sidecar/os/fd.h"
#include "sidecar/text/plain_text.h"

namespace herald::probes {
namespace {

using namespace std::chrono_literals;

// Debian, Fedora, the BSDs and Alpine.
constexpr std::array kSystemBundles{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                                    "/etc/ssl/cert.pem"};

constexpr int kMostDays = 36'500;
constexpr int kMostChain = 20;

std::string system_bundle() {
  for (const char* file : kSystemBundles) {
    struct stat status{};
    if (stat(file, &status) == 0) return file;
  }
  return kSystemBundles[0];
}

std::expected<StorePtr, std::string> load_store(const std::string& file) {
  StorePtr store(X509_STORE_new());
  if (!store || X509_STORE_load_file(store.get(), file.c_str()) != 1) {
    return std::unexpected(fmt::format("ca_file {}: {}", file, take_ssl_error()));
  }
  // A bundle may hold an intermediate, or the server's own certificate, and nothing above it.
  X509_STORE_set_flags(store.get(), X509_V_FLAG_PARTIAL_CHAIN);
  return store;
}

StorePtr share(const StorePtr& store) {
  X509_STORE_up_ref(store.get());
  return StorePtr(store.get());
}

std::optional<Duration> remaining_validity(const X509& certificate) {
  int days = 0;
  int seconds = 0;
  if (ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(&certificate)) != 1) return std::nullopt;
  // "No end" is written as the year 9999, which nanoseconds do not reach.
  return 24h * std::clamp(days, -kMostDays, kMostDays) + std::chrono::seconds(seconds);
}

// Of one whose remaining validity is known.
std::int64_t end_of(const X509& certificate) {
  std::tm end{};
  return ASN1_TIME_to_tm(X509_get0_notAfter(&certificate), &end) == 1 ? std::int64_t{timegm(&end)} : 0;
}

std::string name_of(const X509& certificate) {
  std::array<char, 128> name{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(&certificate), NID_commonName, name.data(), name.size());
  return name[0] != '\0' ? name.data() : "without a name";
}

// In place of OpenSSL's own, which asks on the terminal and waits for the answer.
int refuse_password(char*, int, int, void* was_asked) noexcept {
  *static_cast<bool*>(was_asked) = true;
  return -1;
}

std::expected<void, std::string> use_client_certificate(SSL_CTX* context, const TlsSettings& settings) {
  bool was_asked = false;
  SSL_CTX_set_default_passwd_cb(context, refuse_password);
  SSL_CTX_set_default_passwd_cb_userdata(context, &was_asked);
  const bool is_used = SSL_CTX_use_certificate_chain_file(context, settings.cert.c_str()) == 1 &&
                       SSL_CTX_use_PrivateKey_file(context, settings.key.c_str(), SSL_FILETYPE_PEM) == 1 &&
                       SSL_CTX_check_private_key(context) == 1;
  SSL_CTX_set_default_passwd_cb_userdata(context, nullptr);
  SSL_CTX_set_default_passwd_cb(context, nullptr);
  if (is_used) return {};
  const std::string error = take_ssl_error();
  if (was_asked) {
    return std::unexpected(
        fmt::format("key {}: is encrypted, and herald has no password for it", settings.key));
  }
  return std::unexpected(fmt::format("cert {}, key {}: {}", settings.cert, settings.key, error));
}

}  // namespace

void FreeSsl::operator()(X509_STORE* store) const noexcept {
  X509_STORE_free(store);
}
void FreeSsl::operator()(SSL_CTX* context) const noexcept {
  SSL_CTX_free(context);
}
void FreeSsl::operator()(SSL* session) const noexcept {
  SSL_free(session);
}

std::expected<StorePtr, std::string> CaStores::get(const std::string& file) {
  const std::string path = file.empty() ? system_bundle() : file;
  Entry& entry = entries_[path];
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) {
    if (entry.store) return share(entry.store);
    return std::unexpected(system_error_text("ca_file " + path));
  }
  const std::int64_t changed_at = status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec;
  if (entry.store && entry.changed_at == changed_at && entry.inode == status.st_ino)
    return share(entry.store);
  auto store = load_store(path);
  if (!store && !entry.store) return store;
  if (store) entry = {std::move(*store), changed_at, status.st_ino};
  return share(entry.store);
}

// A certificate costs at most 6 ms (RSA of 3,072 bits with an exponent as long; OpenSSL wants a short one beyond), once: those
// above it are verified only where they lead to what is trusted.
void limit_cost(SSL_CTX& context) {
  SSL_CTX_set_cipher_list(&context, "DEFAULT:!kDHE");
  SSL_CTX_set1_groups_list(&context,
                           "X25519:P-256:X448:P-521:P-384");  // OpenSSL's own without the finite fields
  // A handshake is what an attempt pays once.
  SSL_CTX_set_options(&context, SSL_OP_NO_RENEGOTIATION);
  // Or one read would go on for as long as messages come that are no data, such as new session tickets.
  SSL_CTX_clear_mode(&context, SSL_MODE_AUTO_RETRY);
}

std::expected<ContextPtr, std::string> make_context(const TlsSettings& settings, CaStores& stores) {
  ContextPtr context(SSL_CTX_new(TLS_client_method()));
  if (!context) return std::unexpected(take_ssl_error());
  SSL_CTX_set_min_proto_version(context.get(), settings.only_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
  limit_cost(*context);
  // Every attempt is a full handshake: a resumed one shows no certificate.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_verify(context.get(), settings.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (!settings.cert.empty()) {
    if (auto used = use_client_certificate(context.get(), settings); !used) {
      return std::unexpected(std::move(used.error()));
    }
  }
  if (!settings.verify) return context;
  auto store = stores.get(settings.ca_file);
  if (!store) return std::unexpected(store.error());
  SSL_CTX_set1_cert_store(context.get(), store->get());
  return context;
}

std::expected<void, std::string> check_files(const TlsSettings& settings, CaStores& stores) {
  if (settings.cert.empty() && settings.ca_file.empty()) return {};
  TlsSettings named = settings;
  // The system's bundle is read when it is needed.
  named.verify = settings.verify && !settings.ca_file.empty();
  if (auto context = make_context(named, stores); !context) return std::unexpected(context.error());
  return {};
}

std::optional<CertificateEnd> first_end(const SSL& session) {
  const bool is_verified =
      SSL_get_verify_mode(&session) != SSL_VERIFY_NONE && SSL_get_verify_result(&session) == X509_V_OK;
  const STACK_OF(X509)* chain = is_verified ? SSL_get0_verified_chain(&session) : nullptr;
  if (chain == nullptr) chain = SSL_get_peer_cert_chain(&session);
  std::optional<CertificateEnd> first;
  for (int i = 0; chain != nullptr && i < std::min(sk_X509_num(chain), kMostChain); ++i) {
    const X509* certificate = sk_X509_value(chain, i);
    const auto remaining = remaining_validity(*certificate);
    if (remaining && (!first || *remaining < first->remaining))
      first = {*remaining, i == 0 ? "" : name_of(*certificate), end_of(*certificate)};
  }
  return first;
}

void note_request_for_certificate(SSL_CTX& context, bool& was_asked) {
  SSL_CTX_set_app_data(&context, &was_asked);
  SSL_CTX_set_client_cert_cb(&context, [](SSL* session, X509**, EVP_PKEY**) noexcept {
    auto* asked = static_cast<bool*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(session)));
    if (SSL_get_certificate(session) == nullptr) *asked = true;
    return 0;  // none, or the one that the context has
  });
}

std::string take_ssl_error() {
  const unsigned long error = ERR_peek_error();  // what came first is the cause of the others
  ERR_clear_error();
  const char* reason = error == 0 ? nullptr : ERR_reason_error_string(error);
  // Errors of the system have no text of OpenSSL's own.
  if (error != 0 && ERR_SYSTEM_ERROR(error)) return std::strerror(ERR_GET_REASON(error));
  return reason != nullptr ? printable(reason, 100) : "unknown TLS error";
}

}  // namespace herald::probes
