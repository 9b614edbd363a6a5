// HTTP and HTTPS by libcurl: one request on a connection of its own, and what came back.
//
// curl is kept from everything that would make a check depend on more than its target: no proxy, no .netrc,
// no cookies, no resolver (the address is put in where curl opens its socket), no CA directory, no resumed
// session.
//
// An answer counts once it is complete, or once max_body of it has come: what is longer is cut off there and
// judged as it is, so a body without an end costs neither memory nor the loop's time. What is expected of the
// body must be within that (too_large if not); a probe that expects nothing of the body has all it asked for
// and may pass, as it does for a page or a stream that is merely long. A body that comes too slowly to reach
// max_body ends at the deadline.

#include <curl/curl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "probes/curl_multi.h"
#include "probes/http_settings.h"
#include "probes/probe.h"
#include "probes/result.h"
#include "probes/socket.h"
#include "probes/target.h"
#include "probes/tls.h"
#include "sidecar/text/plain_text.h"

namespace herald::probes {
namespace {

// Of all header lines together, interim answers and trailers too.
constexpr std::size_t kMostHeaderBytes = 65536;
// What else may come beside header and body: handshakes, the framing of chunks and of HTTP/2, bodies of redirects.
constexpr std::uint64_t kMostBeside = 131072;
// Kept of a body that nobody asked for, to be shown beside a wrong status.
constexpr std::size_t kBodyStart = 256;
// Most answers fit in, and malloc has it at hand.
constexpr long kReceiveBuffer = 4096;
// Given to curl in place of names, so that it never resolves; the port stays that of the URL, and every hop
// of a redirect stays on the probe's target.
constexpr const char* kNoResolving = "::127.0.0.1:";

struct FreeList {
  void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};
using ListPtr = std::unique_ptr<curl_slist, FreeList>;

ListPtr list_of(const std::vector<std::string>& lines) {
  ListPtr list;
  for (const auto& line : lines) {
    curl_slist* longer = curl_slist_append(list.get(), line.c_str());
    if (longer == nullptr) return nullptr;
    list.release();
    list.reset(longer);
  }
  return list;
}

// What all attempts of a probe share.
struct HttpPlan {
  HttpSettings settings;
  SocketOptions socket;
  ListPtr headers;
  ListPtr connect_to;
};

class HttpAttempt final : public Attempt {
 public:
  HttpAttempt(const HttpPlan& plan, CurlMulti& curl, CaStores& ca_stores,
              std::optional<SocketAddress> address, Done done)
      : Attempt(std::move(done)), plan_(plan), ca_stores_(ca_stores), address_(address), transfer_(curl) {}

  [[nodiscard]] bool start();
  [[nodiscard]] std::string stage() const override;

 private:
  [[nodiscard]] std::uint64_t most_bytes() const;
  void set_common_options(CURL* easy);
  void set_request(CURL* easy);
  void set_tls(CURL* easy);
  bool begin_tls(SSL_CTX& context);
  curl_socket_t open(curl_sockaddr& address);
  bool take_header(std::string_view line);
  bool take_body(std::string_view piece);
  void read_certificate();
  void end(CURLcode code);
  [[nodiscard]] ProbeResult result_of(CURLcode code);
  [[nodiscard]] ProbeResult failure_of(CURLcode code) const;
  [[nodiscard]] std::optional<ProbeResult> version_failure() const;

  const HttpPlan& plan_;
  CaStores& ca_stores_;
  std::optional<SocketAddress> address_;  // none for a unix socket
  HttpAnswer answer_;
  bool has_begun_tls_ = false;
  std::size_t header_bytes_ = 0;
  std::size_t body_bytes_ = 0;
  bool is_stopped_ = false;  // by us: enough of the body has come
  std::optional<ProbeResult> trouble_;
  std::array<char, CURL_ERROR_SIZE> error_{};
  CurlMulti::Transfer transfer_;
};

// Chunks of a few bytes each are as long again as what is in them.
std::uint64_t HttpAttempt::most_bytes() const {
  return kMostHeaderBytes + 2 * std::uint64_t{plan_.settings.max_body} + kMostBeside;
}

bool HttpAttempt::start() {
  CURL* easy = transfer_.easy();
  if (easy == nullptr) return false;
  set_common_options(easy);
  set_request(easy);
  if (plan_.settings.may_use_tls()) set_tls(easy);
  return transfer_.start(most_bytes(), [this](CURLcode code) { end(code); });
}

void HttpAttempt::set_common_options(CURL* easy) {
  const HttpSettings& settings = plan_.settings;
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, kReceiveBuffer);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");  // or http_proxy of the environment would reroute the check
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error_.data());
  if (!settings.reuse) {
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
  }
  if (settings.unix_socket.starts_with('@')) {
    curl_easy_setopt(easy, CURLOPT_ABSTRACT_UNIX_SOCKET, settings.unix_socket.c_str() + 1);
  } else if (!settings.unix_socket.empty()) {
    curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, settings.unix_socket.c_str());
  } else {
    curl_easy_setopt(easy, CURLOPT_CONNECT_TO, plan_.connect_to.get());
    // Never pruned: what curl remembers is one address per port, and it would look through all of it for each
    // check.
    curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, -1L);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, this);
    curl_easy_setopt(
        easy, CURLOPT_OPENSOCKETFUNCTION,
        +[](void* self, curlsocktype, curl_sockaddr* address) noexcept -> curl_socket_t {
          return static_cast<HttpAttempt*>(self)->open(*address);
        });
  }
}

void HttpAttempt::set_request(CURL* easy) {
  static constexpr std::array kVersions{CURL_HTTP_VERSION_1_0, CURL_HTTP_VERSION_1_1, CURL_HTTP_VERSION_2_0,
                                        CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE};
  const HttpSettings& settings = plan_.settings;
  curl_easy_setopt(easy, CURLOPT_URL, settings.url.c_str());
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                   static_cast<long>(kVersions[static_cast<std::size_t>(settings.version)]));
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "herald/" HERALD_VERSION);
  if (plan_.headers) curl_easy_setopt(easy, CURLOPT_HTTPHEADER, plan_.headers.get());
  if (settings.sends_body) {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(settings.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, settings.body.c_str());
  }
  if (settings.method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  } else if (settings.method != "GET" || settings.sends_body) {
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, settings.method.c_str());
  }
  if (settings.follow_redirects > 0) {
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(easy, CURLOPT_MAXREDIRS, static_cast<long>(settings.follow_redirects));
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  }
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(
      easy, CURLOPT_HEADERFUNCTION,
      +[](char* data, std::size_t, std::size_t size, void* self) noexcept -> std::size_t {
        return static_cast<HttpAttempt*>(self)->take_header({data, size}) ? size : 0;
      });
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(
      easy, CURLOPT_WRITEFUNCTION,
      +[](char* data, std::size_t, std::size_t size, void* self) noexcept -> std::size_t {
        return static_cast<HttpAttempt*>(self)->take_body({data, size}) ? size : 0;
      });
}

void HttpAttempt::set_tls(CURL* easy) {
  const TlsSettings& tls = plan_.settings.tls;
  // Debian's curl has a CA directory by default, and would parse all of it for each connection. Trust is put
  // in where the connection's context is made; curl's own cache would hand it to the next probe, whatever
  // that trusts.
  curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
  curl_easy_setopt(easy, CURLOPT_CAINFO, nullptr);
  curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, tls.verify ? 1L : 0L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, tls.verify ? 2L : 0L);
  curl_easy_setopt(easy, CURLOPT_SSLVERSION,
                   static_cast<long>(tls.only_1_3 ? CURL_SSLVERSION_TLSv1_3 : CURL_SSLVERSION_TLSv1_2));
  // Every attempt is a full handshake: a resumed one shows no certificate.
  curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
  if (!tls.cert.empty()) {
    curl_easy_setopt(easy, CURLOPT_SSLCERT, tls.cert.c_str());
    curl_easy_setopt(easy, CURLOPT_SSLKEY, tls.key.c_str());
    // make() has refused an encrypted key. Should it have become one since, OpenSSL must not ask on the
    // terminal.
    curl_easy_setopt(easy, CURLOPT_KEYPASSWD, "");
  }
  curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, this);
  curl_easy_setopt(
      easy, CURLOPT_SSL_CTX_FUNCTION, +[](CURL*, void* context, void* self) noexcept -> CURLcode {
        const bool has_begun = static_cast<HttpAttempt*>(self)->begin_tls(*static_cast<SSL_CTX*>(context));
        return has_begun ? CURLE_OK : CURLE_ABORTED_BY_CALLBACK;
      });
}

// Trust is looked up only here: most probes that would follow a redirect to https never meet one.
bool HttpAttempt::begin_tls(SSL_CTX& context) {
  has_begun_tls_ = true;
  limit_cost(context);
  if (!plan_.settings.tls.verify) return true;
  const auto store = ca_stores_.get(plan_.settings.tls.ca_file);
  if (store) {
    SSL_CTX_set1_cert_store(&context, store->get());
  } else {
    trouble_ = local_trouble(store.error());
  }
  return store.has_value();
}

// curl asks for a socket to kNoResolving; it gets one for the target, and the target's address to connect it
// to.
curl_socket_t HttpAttempt::open(curl_sockaddr& address) {
  auto fd = open_socket(address_->family(), SOCK_STREAM, 0, plan_.socket);
  if (!fd) {
    trouble_ = std::move(fd.error());
    return CURL_SOCKET_BAD;
  }
  // The request carries the acknowledgement of the handshake: one packet less a check. Best effort.
  const int off = 0;
  setsockopt(fd->get(), IPPROTO_TCP, TCP_QUICKACK, &off, sizeof off);
  SocketAddress wanted;
  std::memcpy(&wanted.storage, &address.addr, address.addrlen);
  SocketAddress target = *address_;
  if (!plan_.settings.connect_to) target.set_port(wanted.port());
  address.family = target.family();
  address.addrlen = target.size;
  // curl has room for any address there, whatever the declared type says.
  std::memcpy(reinterpret_cast<char*>(&address) + offsetof(curl_sockaddr, addr), target.get(), target.size);
  return fd->release();
}

bool HttpAttempt::take_header(std::string_view line) {
  header_bytes_ += line.size();
  if (header_bytes_ > kMostHeaderBytes) {
    trouble_ = failed(Reason::too_large, fmt::format("more than {} bytes of headers", kMostHeaderBytes));
    return false;
  }
  if (line.starts_with("HTTP/")) {  // of an interim answer, a redirect, or the answer itself
    answer_.headers.clear();
    if (plan_.settings.tls.warn_expiry) read_certificate();
    return true;
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !plan_.settings.expect.wants_header(line.substr(0, colon)))
    return true;
  std::string_view value = line.substr(colon + 1);
  constexpr std::string_view kSpace = " \t\r\n";
  value.remove_prefix(std::min(value.find_first_not_of(kSpace), value.size()));
  value = value.substr(0, value.find_last_not_of(kSpace) + 1);
  answer_.headers.emplace_back(line.substr(0, colon), value);
  return true;
}

bool HttpAttempt::take_body(std::string_view piece) {
  const HttpSettings& settings = plan_.settings;
  long status = 0;
  curl_easy_getinfo(transfer_.easy(), CURLINFO_RESPONSE_CODE, &status);
  const bool is_wanted = settings.expect.accepts(static_cast<std::uint32_t>(status));
  const std::size_t cap = is_wanted && settings.expect.needs_body() ? settings.max_body : kBodyStart;
  answer_.body += piece.substr(0, cap - std::min(cap, answer_.body.size()));
  body_bytes_ += piece.size();
  // A wrong status needs no more than a glance at its body.
  is_stopped_ = !is_wanted || body_bytes_ > settings.max_body;
  answer_.is_cut = body_bytes_ > settings.max_body;
  return !is_stopped_;
}

// Only while the connection is there: curl closes it before it reports the end.
void HttpAttempt::read_certificate() {
  curl_tlssessioninfo* info = nullptr;
  if (curl_easy_getinfo(transfer_.easy(), CURLINFO_TLS_SSL_PTR, &info) != CURLE_OK || info == nullptr) return;
  if (info->backend != CURLSSLBACKEND_OPENSSL || info->internals == nullptr) return;
  answer_.remaining_validity = remaining_validity(static_cast<const SSL*>(info->internals));
}

std::string HttpAttempt::stage() const {
  curl_off_t asked_after = 0;
  curl_easy_getinfo(transfer_.easy(), CURLINFO_PRETRANSFER_TIME_T, &asked_after);
  if (header_bytes_ > 0)
    return fmt::format("reading the answer ({} bytes so far)", header_bytes_ + body_bytes_);
  if (asked_after > 0) return "waiting for the answer";
  return has_begun_tls_ ? "TLS handshake" : "connecting";
}

void HttpAttempt::end(CURLcode code) {
  answer_.latency = elapsed();
  finish(result_of(code));
}

ProbeResult HttpAttempt::result_of(CURLcode code) {
  if (trouble_) return std::move(*trouble_);
  if (code != CURLE_OK && !is_stopped_) return failure_of(code);
  if (auto failure = version_failure()) return std::move(*failure);
  long status = 0;
  curl_easy_getinfo(transfer_.easy(), CURLINFO_RESPONSE_CODE, &status);
  answer_.status = static_cast<std::uint32_t>(status);
  return judge(plan_.settings.expect, answer_);
}

// HTTP/2 was asked for by name: a silent fall-back to 1.1 is what the check is there to find.
std::optional<ProbeResult> HttpAttempt::version_failure() const {
  const HttpVersion wanted = plan_.settings.version;
  long version = 0;
  curl_easy_getinfo(transfer_.easy(), CURLINFO_HTTP_VERSION, &version);
  const bool wants_2 = wanted == HttpVersion::v2 || wanted == HttpVersion::v2_prior_knowledge;
  if (!wants_2 || version == CURL_HTTP_VERSION_2_0) return std::nullopt;
  return failed(Reason::protocol, "answered with HTTP/1.x, asked for HTTP/2");
}

ProbeResult HttpAttempt::failure_of(CURLcode code) const {
  if (transfer_.ended() == CurlMulti::End::unwatched) {
    return local_trouble(system_error_text("watch a socket", transfer_.watch_error()));
  }
  if (transfer_.ended() == CurlMulti::End::over_limit) {
    return failed(Reason::too_large,
                  fmt::format("no end of the answer within {} bytes or a thousand pieces", most_bytes()));
  }
  long error = 0;
  curl_easy_getinfo(transfer_.easy(), CURLINFO_OS_ERRNO, &error);
  const auto system_failure = [&](std::string_view attempted) {
    const std::string where = address_ ? to_string(*address_) : plan_.settings.unix_socket;
    const std::string whole = fmt::format("{} {}", attempted, where);
    return (address_ ? network_result : unix_socket_result)(whole, static_cast<int>(error));
  };
  const std::string text = printable(error_[0] != '\0' ? error_.data() : curl_easy_strerror(code), 160);
  switch (code) {
    case CURLE_COULDNT_CONNECT:
      if (error != 0) return system_failure("connect");
      return failed(Reason::unreachable, text);
    case CURLE_OPERATION_TIMEDOUT:
      return failed(Reason::timeout, text);
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:  // also broken framing, and what the peer objects to after a TLS 1.3 handshake
      if (error != 0) return system_failure("connection to");
      return failed(text.find("SSL") == std::string::npos ? Reason::protocol : Reason::tls, text);
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
      return failed(Reason::reset, text);
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_SHUTDOWN_FAILED:
      return failed(Reason::tls, text);
    case CURLE_TOO_MANY_REDIRECTS:
      return failed(Reason::status, fmt::format("more than {} redirects", plan_.settings.follow_redirects));
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT:
    case CURLE_SSL_CERTPROBLEM:  // the client's certificate
    case CURLE_ABORTED_BY_CALLBACK:
      return local_trouble(text);
    default:  // no HTTP, broken framing, a redirect to something else
      return failed(Reason::protocol, text);
  }
}

class HttpProbe final : public Probe {
 public:
  HttpProbe(HttpPlan plan, const Context& context)
      : plan_(std::move(plan)),
        context_(context),
        target_(plan_.settings.connect_to.value_or(plan_.settings.endpoint), plan_.socket.source,
                context.resolver) {}

  [[nodiscard]] std::expected<std::unique_ptr<Attempt>, ProbeResult> start(Done done) override {
    std::optional<SocketAddress> address;
    if (plan_.settings.unix_socket.empty()) {
      auto found = target_.address();
      if (!found) return std::unexpected(std::move(found.error()));
      address = *found;
    }
    auto attempt =
        std::make_unique<HttpAttempt>(plan_, curl_for(address), context_.ca_stores, address, std::move(done));
    if (!attempt->start()) return std::unexpected(local_trouble("no memory for curl"));
    return attempt;
  }

 private:
  // A kept connection is this probe's alone, with its own source, device and mark, and it goes when the name
  // gets another address.
  CurlMulti& curl_for(const std::optional<SocketAddress>& address) {
    if (!plan_.settings.reuse) return context_.curl;
    const std::string now = address ? to_string(*address) : "";
    if (!own_curl_ || now != connected_to_)
      own_curl_ = std::make_unique<CurlMulti>(context_.loop, CurlMulti::Connections::kept);
    connected_to_ = now;
    return *own_curl_;
  }

  HttpPlan plan_;
  Context context_;
  Target target_;
  std::string connected_to_;
  std::unique_ptr<CurlMulti> own_curl_;
};

}  // namespace

MadeProbe make_http(ProbeSettings& settings, const ProbeSpec& spec, const Context& context) {
  HttpPlan plan;
  plan.settings = std::move(static_cast<HttpSettings&>(settings));
  if (auto files = check_files(plan.settings.tls, context.ca_stores); !files)
    return std::unexpected(files.error());
  plan.headers = list_of(plan.settings.headers);
  plan.connect_to = list_of({kNoResolving});
  plan.socket = spec.socket;
  return std::make_unique<HttpProbe>(std::move(plan), context);
}

}  // namespace herald::probes
