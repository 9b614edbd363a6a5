// HTTP and HTTPS by libcurl: one request on a connection of its own, and what came back.
//
// curl is kept from everything that would make a check depend on more than its target: no proxy, no .netrc,
// no cookies, no resolver (the address is put in where curl opens its socket), no CA directory, no resumed
// session.
//
// With nothing asked of the body, an answer is judged when its header is complete: what follows, or does not, says nothing of what
// was asked. Only for a connection that is to be kept, and to show the beginning of a page with a wrong status, the body is waited
// for, and no longer than kBodyGrace. With something asked of the body, an answer counts once it is complete, or once max_body of it
// has come: what is longer is cut off there and judged as it is, so a body without an end costs neither memory nor the loop's time.
// What is expected must be within that (too_large if not). A body that comes too slowly to reach max_body ends at the deadline.
//
// A connection that breaks after the header takes nothing back: where the body has no length of its own, a server that closes before
// it has read the request ends it with a reset, and what has come is judged.
//
// A body is decoded where it says that it is encoded (gzip and the like), though nobody asked for that: some send it anyway.

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

#include "probes/address_walk.h"
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
// How long the body of an answer that is decided already is waited for.
constexpr Duration kBodyGrace = std::chrono::milliseconds(50);
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

bool is_known_encoding(std::string_view value) {
  return std::ranges::any_of(std::array{"gzip", "x-gzip", "deflate", "br", "zstd", "identity"},
                             [&](const char* name) { return equal_ignoring_case(value, name); });
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
  HttpAttempt(const HttpPlan& plan, CurlMulti& curl, const Context& context, Addresses addresses, Done done)
      : Attempt(std::move(done)),
        plan_(plan),
        context_(context),
        curl_(curl),
        addresses_(std::move(addresses)) {}

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
  void take_field(std::string_view name, std::string_view value);
  bool end_header();
  bool take_body(std::string_view piece);
  [[nodiscard]] ProbeResult no_http(std::string_view beginning) const;
  [[nodiscard]] std::string http_2_text() const;
  void read_certificate();
  void end(CURLcode code);
  void end_without_body();
  bool try_next_address(CURLcode code);
  [[nodiscard]] ProbeResult result_of(CURLcode code);
  [[nodiscard]] bool may_be_judged(CURLcode code) const;
  [[nodiscard]] ProbeResult judged();
  [[nodiscard]] ProbeResult failure_of(CURLcode code) const;
  [[nodiscard]] std::optional<ProbeResult> version_failure() const;
  [[nodiscard]] long status() const;
  [[nodiscard]] const SocketAddress* address() const;
  void close() override;

  const HttpPlan& plan_;
  const Context& context_;
  CurlMulti& curl_;
  AddressWalk addresses_;  // none for a unix socket
  HttpAnswer answer_;
  bool has_begun_tls_ = false;
  bool was_asked_for_certificate_ = false;
  std::size_t header_bytes_ = 0;
  std::size_t body_bytes_ = 0;
  bool is_redirect_ = false;
  bool has_length_ = false;       // of its own, so that its end is known
  bool is_header_whole_ = false;  // of the answer that is judged
  Duration header_after_{};
  bool is_stopped_ = false;  // by us: enough of the answer has come
  std::optional<ProbeResult> trouble_;
  std::array<char, CURL_ERROR_SIZE> error_{};
  std::optional<CurlMulti::Transfer> transfer_;
  Source body_grace_;
};

// Chunks of a few bytes each are as long again as what is in them.
std::uint64_t HttpAttempt::most_bytes() const {
  return kMostHeaderBytes + 2 * std::uint64_t{plan_.settings.max_body} + kMostBeside;
}

bool HttpAttempt::start() {
  transfer_.emplace(curl_);
  CURL* easy = transfer_->easy();
  if (easy == nullptr) return false;
  set_common_options(easy);
  set_request(easy);
  if (plan_.settings.may_use_tls()) set_tls(easy);
  return transfer_->start(most_bytes(), [this](CURLcode code) { end(code); });
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
  curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 1L);   // to show what it is: see take_body()
  curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");  // decodes; make() keeps curl from asking for it
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "herald/" HERALD_VERSION);
  if (plan_.headers) curl_easy_setopt(easy, CURLOPT_HTTPHEADER, plan_.headers.get());
  if (settings.sends_body) {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(settings.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, settings.body.data());
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
  // A kept connection outlives the attempt that would be told.
  if (!plan_.settings.reuse) note_request_for_certificate(context, was_asked_for_certificate_);
  if (!plan_.settings.tls.verify) return true;
  const auto store = context_.ca_stores.get(plan_.settings.tls.ca_file);
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
  auto fd = open_socket(addresses_.address().family(), SOCK_STREAM, 0, plan_.socket);
  if (!fd) {
    trouble_ = std::move(fd.error());
    return CURL_SOCKET_BAD;
  }
  // The request carries the acknowledgement of the handshake: one packet less a check. Best effort.
  const int off = 0;
  setsockopt(fd->get(), IPPROTO_TCP, TCP_QUICKACK, &off, sizeof off);
  SocketAddress wanted;
  std::memcpy(&wanted.storage, &address.addr, address.addrlen);
  SocketAddress target = addresses_.address();
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
  if (is_header_whole_) return true;  // trailers
  if (line.starts_with("HTTP/")) {    // of an interim answer, a redirect, or the answer itself
    answer_.headers.clear();
    answer_.encoding.clear();
    is_redirect_ = false;
    has_length_ = false;
    if (plan_.settings.tls.warn_expiry) read_certificate();
    return true;
  }
  if (line == "\r\n" || line == "\n") return end_header();
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return true;
  std::string_view value = line.substr(colon + 1);
  constexpr std::string_view kSpace = " \t\r\n";
  value.remove_prefix(std::min(value.find_first_not_of(kSpace), value.size()));
  value = value.substr(0, value.find_last_not_of(kSpace) + 1);
  take_field(line.substr(0, colon), value);
  return true;
}

void HttpAttempt::take_field(std::string_view name, std::string_view value) {
  if (plan_.settings.expect.wants_header(name)) answer_.headers.emplace_back(name, value);
  if (equal_ignoring_case(name, "location")) is_redirect_ = true;
  if (equal_ignoring_case(name, "content-length") || equal_ignoring_case(name, "transfer-encoding"))
    has_length_ = true;
  if (!equal_ignoring_case(name, "content-encoding") || is_known_encoding(value)) return;
  // Some say "utf-8" here, and mean the charset: such a body is taken as it is, and the word shown where it does not match.
  answer_.encoding = value;
  curl_easy_setopt(transfer_->easy(), CURLOPT_HTTP_CONTENT_DECODING, 0L);
}

// False where nothing more is needed. A body that nobody asked for may still be there with the header, for a kept connection or to
// be shown.
bool HttpAttempt::end_header() {
  const long code = status();
  const bool is_interim = code < 200;
  const bool is_followed = plan_.settings.follow_redirects > 0 && code >= 300 && code < 400 && is_redirect_;
  if (is_interim || is_followed) return true;
  is_header_whole_ = true;
  header_after_ = elapsed();
  const bool is_wanted = plan_.settings.expect.accepts(static_cast<std::uint32_t>(code));
  if (is_wanted && plan_.settings.expect.needs_body()) return true;
  is_stopped_ = is_wanted && !plan_.settings.reuse;
  if (!is_stopped_) {
    body_grace_ = context_.loop.timer_at(Loop::clock() + kBodyGrace, [this] { end_without_body(); });
  }
  return !is_stopped_;
}

bool HttpAttempt::take_body(std::string_view piece) {
  if (header_bytes_ == 0) {
    trouble_ = no_http(piece);
    return false;
  }
  if (!is_header_whole_) return true;  // of a redirect
  const HttpSettings& settings = plan_.settings;
  const bool is_wanted = settings.expect.accepts(static_cast<std::uint32_t>(status()));
  const std::size_t cap = is_wanted && settings.expect.needs_body() ? settings.max_body : kBodyStart;
  answer_.body += piece.substr(0, cap - std::min(cap, answer_.body.size()));
  body_bytes_ += piece.size();
  // A wrong status needs no more than a glance at its body.
  is_stopped_ = !is_wanted || body_bytes_ > settings.max_body;
  answer_.is_cut = body_bytes_ > settings.max_body;
  return !is_stopped_;
}

std::string HttpAttempt::http_2_text() const {
  return fmt::format("the server speaks HTTP/2 alone: \"http_version\" has to be \"{}\"",
                     plan_.settings.is_https ? "2" : "2-prior-knowledge");
}

// What curl takes for HTTP/0.9, which has no header. A server of HTTP/2 alone begins with a frame of type SETTINGS.
ProbeResult HttpAttempt::no_http(std::string_view beginning) const {
  constexpr std::size_t kFrameHeader = 9;
  constexpr char kSettings = 4;
  const bool is_http_2 = beginning.size() >= kFrameHeader && beginning[0] == 0 && beginning[3] == kSettings &&
                         beginning.substr(5, 4) == std::string_view("\0\0\0\0", 4);
  if (is_http_2) return failed(Reason::protocol, http_2_text());
  return failed(Reason::protocol, "not HTTP, unless it were HTTP/0.9: " + quoted_start(beginning));
}

// Only while the connection is there: curl closes it before it reports the end.
void HttpAttempt::read_certificate() {
  curl_tlssessioninfo* info = nullptr;
  if (curl_easy_getinfo(transfer_->easy(), CURLINFO_TLS_SSL_PTR, &info) != CURLE_OK || info == nullptr)
    return;
  if (info->backend != CURLSSLBACKEND_OPENSSL || info->internals == nullptr) return;
  answer_.certificate_end = first_end(*static_cast<const SSL*>(info->internals));
}

std::string HttpAttempt::stage() const {
  curl_off_t asked_after = 0;
  curl_easy_getinfo(transfer_->easy(), CURLINFO_PRETRANSFER_TIME_T, &asked_after);
  if (header_bytes_ > 0)
    return fmt::format("reading the answer ({} bytes so far)", header_bytes_ + body_bytes_);
  if (asked_after > 0) return "waiting for the answer";
  return has_begun_tls_ ? "TLS handshake" : "connecting";
}

long HttpAttempt::status() const {
  long code = 0;
  curl_easy_getinfo(transfer_->easy(), CURLINFO_RESPONSE_CODE, &code);
  return code;
}

const SocketAddress* HttpAttempt::address() const {
  return addresses_.is_empty() ? nullptr : &addresses_.address();
}

void HttpAttempt::end(CURLcode code) {
  if (code != CURLE_OK && try_next_address(code)) return;
  answer_.latency = is_header_whole_ && !plan_.settings.expect.needs_body() ? header_after_ : elapsed();
  finish(result_of(code));
}

void HttpAttempt::end_without_body() {
  answer_.latency = header_after_;
  auto result = judged();
  result.latency = header_after_;
  finish(std::move(result));
}

// The next address of a name, where nobody answers at this one.
bool HttpAttempt::try_next_address(CURLcode code) {
  const bool is_unanswered =
      code == CURLE_COULDNT_CONNECT && transfer_->ended() == CurlMulti::End::by_curl && !trouble_;
  if (!is_unanswered) return false;
  const auto failure = failure_of(code);
  if (failure.verdict != Verdict::fail || !addresses_.go_on(failure)) return false;
  error_.fill('\0');
  if (!start()) trouble_ = local_trouble("no memory for curl");
  return !trouble_;
}

ProbeResult HttpAttempt::result_of(CURLcode code) {
  if (code == CURLE_COULDNT_CONNECT) return addresses_.standing(trouble_ ? *trouble_ : failure_of(code));
  if (trouble_) return std::move(*trouble_);
  if (code == CURLE_OK || is_stopped_) return judged();
  if (!may_be_judged(code)) return failure_of(code);
  auto result = judged();
  return result.verdict == Verdict::fail && plan_.settings.expect.needs_body() ? failure_of(code) : result;
}

// Whether what broke off has told all the same: the body ends with the connection, or is not asked for.
bool HttpAttempt::may_be_judged(CURLcode code) const {
  if (!is_header_whole_ || transfer_->ended() != CurlMulti::End::by_curl) return false;
  const bool is_wanted = plan_.settings.expect.accepts(static_cast<std::uint32_t>(status()));
  if (!is_wanted || !plan_.settings.expect.needs_body()) return true;
  return !has_length_ && (code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR);
}

ProbeResult HttpAttempt::judged() {
  if (auto failure = version_failure()) return std::move(*failure);
  answer_.status = static_cast<std::uint32_t>(status());
  return judge(plan_.settings.expect, answer_);
}

void HttpAttempt::close() {
  body_grace_.reset();
  transfer_.reset();
}

// HTTP/2 was asked for by name: a silent fall-back to 1.1 is what the check is there to find.
std::optional<ProbeResult> HttpAttempt::version_failure() const {
  const HttpVersion wanted = plan_.settings.version;
  long version = 0;
  curl_easy_getinfo(transfer_->easy(), CURLINFO_HTTP_VERSION, &version);
  const bool wants_2 = wanted == HttpVersion::v2 || wanted == HttpVersion::v2_prior_knowledge;
  if (!wants_2 || version == CURL_HTTP_VERSION_2_0) return std::nullopt;
  return failed(Reason::protocol, "answered with HTTP/1.x, asked for HTTP/2");
}

ProbeResult HttpAttempt::failure_of(CURLcode code) const {
  if (transfer_->ended() == CurlMulti::End::unwatched) {
    return local_trouble(system_error_text("watch a socket", transfer_->watch_error()));
  }
  if (transfer_->ended() == CurlMulti::End::over_limit) {
    return failed(Reason::too_large,
                  fmt::format("no end of the answer within {} bytes or a thousand pieces", most_bytes()));
  }
  long error = 0;
  curl_easy_getinfo(transfer_->easy(), CURLINFO_OS_ERRNO, &error);
  const auto system_failure = [&](std::string_view attempted) {
    const std::string where = address() != nullptr ? to_string(*address()) : plan_.settings.unix_socket;
    const std::string whole = fmt::format("{} {}", attempted, where);
    return (address() != nullptr ? network_result : unix_socket_result)(whole, static_cast<int>(error));
  };
  // With TLS 1.3 the handshake is over before the server misses the certificate, and its alert may be lost in a reset.
  const bool is_broken = code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR || code == CURLE_GOT_NOTHING;
  if (is_broken && was_asked_for_certificate_) return failed(Reason::tls, kCertificateWanted);
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
      if (text.find("no application protocol") != std::string::npos)
        return failed(Reason::tls, text + ": " + http_2_text());
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
    Addresses addresses;
    if (plan_.settings.unix_socket.empty()) {
      auto found = target_.addresses();
      if (!found) return std::unexpected(std::move(found.error()));
      addresses = std::move(*found);
    }
    CurlMulti& curl = curl_for(addresses);
    auto attempt =
        std::make_unique<HttpAttempt>(plan_, curl, context_, std::move(addresses), std::move(done));
    if (!attempt->start()) return std::unexpected(local_trouble("no memory for curl"));
    return attempt;
  }

 private:
  // A kept connection is this probe's alone, with its own source, device and mark, and it goes when the name
  // gets other addresses.
  CurlMulti& curl_for(const Addresses& addresses) {
    if (!plan_.settings.reuse) return context_.curl;
    std::string now;
    for (const auto& address : addresses) now += to_string(address) + " ";
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
  // A header of that name keeps curl from sending its own, and one without a value is not sent at all.
  std::vector<std::string> headers = plan.settings.headers;
  if (!has_header(plan.settings, "accept-encoding:")) headers.emplace_back("Accept-Encoding:");
  plan.headers = list_of(headers);
  plan.connect_to = list_of({kNoResolving});
  plan.socket = spec.socket;
  return std::make_unique<HttpProbe>(std::move(plan), context);
}

}  // namespace herald::probes
