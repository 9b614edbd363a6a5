// HTTP and HTTPS by libcurl: one request on a connection of its own, and what came back.
//
// With nothing asked of the body, an answer is judged when its header is complete. Only for a connection that is to be
// kept, and to show the beginning of a page with a wrong status, the body is waited for, and no longer than kBodyGrace.
// With something asked of the body, one that comes too slowly to reach max_body ends at the deadline. What is read of
// an answer is HttpReader's.
//
// A connection that breaks after the header takes nothing back: where the body has no length of its own, a server that
// closes before it has read the request ends it with a reset, and what has come is judged.
//
// A body is decoded where it says that it is encoded (gzip and the like), though nobody asked for that: some send it
// anyway.

#include <curl/curl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "probes/address_walk.h"
#include "probes/curl_multi.h"
#include "probes/http_failure.h"
#include "probes/http_reader.h"
#include "probes/http_request.h"
#include "probes/probe.h"
#include "probes/result.h"
#include "probes/socket.h"
#include "probes/target.h"
#include "probes/tls.h"

namespace herald::probes {
namespace {

// How long the body of an answer that is decided already is waited for.
constexpr Duration kBodyGrace = std::chrono::milliseconds(50);

class HttpAttempt final : public Attempt {
 public:
  HttpAttempt(const HttpPlan& plan, CurlMulti& curl, const Context& context, Addresses addresses, Done done)
      : Attempt(std::move(done)),
        plan_(plan),
        context_(context),
        curl_(curl),
        addresses_(std::move(addresses)),
        reader_(plan.settings) {}

  [[nodiscard]] bool start();
  [[nodiscard]] std::string stage() const override;
  [[nodiscard]] std::optional<Connection> connection() const override;

 private:
  void set_callbacks(CURL* easy);
  bool begin_tls(SSL_CTX& context);
  curl_socket_t open(curl_sockaddr& address);
  bool take_header(std::string_view line);
  void end_header();
  bool take_body(std::string_view piece);
  void read_certificate();
  void end(CURLcode code);
  void end_without_body();
  bool try_next_address(CURLcode code);
  [[nodiscard]] ProbeResult result_of(CURLcode code, Duration latency);
  [[nodiscard]] bool may_be_judged(CURLcode code) const;
  [[nodiscard]] ProbeResult judged(Duration latency);
  [[nodiscard]] ProbeResult failure(CURLcode code) const;
  [[nodiscard]] std::optional<ProbeResult> version_failure() const;
  [[nodiscard]] std::uint32_t status() const;
  void close() override;

  const HttpPlan& plan_;
  const Context& context_;
  CurlMulti& curl_;
  AddressWalk addresses_;  // none for a unix socket
  HttpReader reader_;
  std::optional<CertificateEnd> certificate_end_;
  bool has_begun_tls_ = false;
  bool was_asked_for_certificate_ = false;
  Duration header_after_{};
  int opened_ = -1;  // curl's, and closed by it
  std::optional<ProbeResult> trouble_;
  std::array<char, CURL_ERROR_SIZE> error_{};
  std::optional<CurlMulti::Transfer> transfer_;
  Source body_grace_;
};

bool HttpAttempt::start() {
  transfer_.emplace(curl_);
  CURL* easy = transfer_->easy();
  if (easy == nullptr) return false;
  set_request(easy, plan_);
  set_callbacks(easy);
  return transfer_->start(most_bytes(plan_.settings), [this](CURLcode code) { end(code); });
}

void HttpAttempt::set_callbacks(CURL* easy) {
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error_.data());
  if (!addresses_.is_empty()) {
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, this);
    curl_easy_setopt(
        easy, CURLOPT_OPENSOCKETFUNCTION,
        +[](void* self, curlsocktype, curl_sockaddr* address) noexcept -> curl_socket_t {
          return static_cast<HttpAttempt*>(self)->open(*address);
        });
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
  if (!plan_.settings.may_use_tls()) return;
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
  return opened_ = fd->release();
}

bool HttpAttempt::take_header(std::string_view line) {
  const bool was_whole = reader_.is_header_whole();
  if (!was_whole && plan_.settings.may_use_tls() && line.starts_with("HTTP/")) read_certificate();
  const bool goes_on = reader_.take_header(line, status());
  if (reader_.is_left_encoded()) curl_easy_setopt(transfer_->easy(), CURLOPT_HTTP_CONTENT_DECODING, 0L);
  if (!was_whole && reader_.is_header_whole()) end_header();
  if (reader_.trouble()) trouble_ = reader_.trouble();
  return goes_on;
}

void HttpAttempt::end_header() {
  header_after_ = elapsed();
  if (reader_.is_stopped() || reader_.needs_body(status())) return;
  body_grace_ = context_.loop.timer_at(Loop::clock() + kBodyGrace, [this] { end_without_body(); });
}

bool HttpAttempt::take_body(std::string_view piece) {
  const bool goes_on = reader_.take_body(piece, status());
  if (reader_.trouble()) trouble_ = reader_.trouble();
  return goes_on;
}

// Only while the connection is there: curl closes it before it reports the end.
void HttpAttempt::read_certificate() {
  curl_tlssessioninfo* info = nullptr;
  if (curl_easy_getinfo(transfer_->easy(), CURLINFO_TLS_SSL_PTR, &info) != CURLE_OK || info == nullptr)
    return;
  if (info->backend != CURLSSLBACKEND_OPENSSL || info->internals == nullptr) return;
  certificate_end_ = first_end(*static_cast<const SSL*>(info->internals));
}

std::string HttpAttempt::stage() const {
  curl_off_t asked_after = 0;
  curl_easy_getinfo(transfer_->easy(), CURLINFO_PRETRANSFER_TIME_T, &asked_after);
  if (reader_.has_begun()) return fmt::format("reading the answer ({} bytes so far)", reader_.bytes());
  if (asked_after > 0) return "waiting for the answer";
  return has_begun_tls_ ? "TLS handshake" : "connecting";
}

// None of a connection that was kept: which one curl has taken is not known here.
std::optional<Attempt::Connection> HttpAttempt::connection() const {
  if (opened_ < 0) return std::nullopt;
  return Connection{opened_, true, reader_.has_begun()};
}

std::uint32_t HttpAttempt::status() const {
  long code = 0;
  curl_easy_getinfo(transfer_->easy(), CURLINFO_RESPONSE_CODE, &code);
  return static_cast<std::uint32_t>(code);
}

void HttpAttempt::end(CURLcode code) {
  if (code != CURLE_OK && try_next_address(code)) return;
  const bool is_header_all = reader_.is_header_whole() && !plan_.settings.expect.needs_body();
  finish(result_of(code, is_header_all ? header_after_ : elapsed()));
}

void HttpAttempt::end_without_body() {
  auto result = judged(header_after_);
  result.latency = header_after_;
  finish(std::move(result));
}

// The next address of a name, where nobody answers at this one.
bool HttpAttempt::try_next_address(CURLcode code) {
  const bool is_unanswered = code == CURLE_COULDNT_CONNECT && transfer_->ended() == CurlMulti::End::by_curl;
  if (!is_unanswered || !addresses_.go_on(trouble_ ? *trouble_ : failure(code))) return false;
  trouble_.reset();
  error_.fill('\0');
  const bool is_started = start();  // what open() may have met is told at the end of this one
  if (!is_started) trouble_ = local_trouble("no memory for curl");
  return is_started;
}

ProbeResult HttpAttempt::result_of(CURLcode code, Duration latency) {
  if (code == CURLE_COULDNT_CONNECT) return addresses_.standing(trouble_ ? *trouble_ : failure(code));
  if (trouble_) return std::move(*trouble_);
  if (code == CURLE_OK || reader_.is_stopped()) return judged(latency);
  if (!may_be_judged(code)) return failure(code);
  auto result = judged(latency);
  return result.verdict == Verdict::fail && plan_.settings.expect.needs_body() ? failure(code) : result;
}

// Whether what broke off has told all the same: the body ends with the connection, or is not asked for.
bool HttpAttempt::may_be_judged(CURLcode code) const {
  if (!reader_.is_header_whole() || transfer_->ended() != CurlMulti::End::by_curl) return false;
  if (!reader_.needs_body(status())) return true;
  return !reader_.has_length() && (code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR);
}

ProbeResult HttpAttempt::judged(Duration latency) {
  if (auto failure = version_failure()) return std::move(*failure);
  HttpAnswer answer = reader_.take_answer();
  answer.status = status();
  answer.latency = latency;
  answer.certificate_end = certificate_end_;
  auto result = judge(plan_.settings.expect, answer);
  if (certificate_end_) result.certificate_end = certificate_end_->at;
  return result;
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

ProbeResult HttpAttempt::failure(CURLcode code) const {
  long error = 0;
  curl_easy_getinfo(transfer_->easy(), CURLINFO_OS_ERRNO, &error);
  const bool is_unix = addresses_.is_empty();
  return failure_of({.code = code,
                     .ended = transfer_->ended(),
                     .watch_error = transfer_->watch_error(),
                     .error = static_cast<int>(error),
                     .text = error_.data(),
                     .where = is_unix ? plan_.settings.unix_socket : to_string(addresses_.address()),
                     .is_unix = is_unix,
                     .wanted_certificate = was_asked_for_certificate_},
                    plan_.settings);
}

class HttpProbe final : public Probe {
 public:
  HttpProbe(HttpPlan plan, const Context& context)
      : plan_(std::move(plan)),
        context_(context),
        target_(plan_.settings.connect_to.value_or(plan_.settings.endpoint), plan_.socket, context.resolver,
                context.vips) {}

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

  [[nodiscard]] std::expected<Fd, ProbeResult> connect() override {
    if (!plan_.settings.unix_socket.empty()) return connect_unix(plan_.settings.unix_socket);
    const auto address = target_.address();
    if (!address) return std::unexpected(address.error());
    return connect_socket(*address, SOCK_STREAM, plan_.socket);
  }

 private:
  // A kept connection is this probe's alone, with its own source, device and mark, and it goes when the name
  // gets other addresses. What is in flight on the former ones goes on there.
  CurlMulti& curl_for(const Addresses& addresses) {
    if (!plan_.settings.reuse) return context_.curl;
    std::string now;
    for (const auto& address : addresses) now += to_string(address) + " ";
    std::erase_if(former_curls_, [](const auto& former) { return former->is_unused(); });
    if (!own_curl_ || now != connected_to_) {
      if (own_curl_ && !own_curl_->is_unused()) former_curls_.push_back(std::move(own_curl_));
      own_curl_ = std::make_unique<CurlMulti>(context_.loop, CurlMulti::Connections::kept);
    }
    connected_to_ = now;
    return *own_curl_;
  }

  HttpPlan plan_;
  Context context_;
  Target target_;
  std::string connected_to_;
  std::unique_ptr<CurlMulti> own_curl_;
  std::vector<std::unique_ptr<CurlMulti>> former_curls_;
};

}  // namespace

MadeProbe make_http(ProbeSettings& settings, const ProbeSpec& spec, const Context& context) {
  auto& http = static_cast<HttpSettings&>(settings);
  if (auto files = check_files(http.tls, context.ca_stores); !files) return std::unexpected(files.error());
  return std::make_unique<HttpProbe>(plan_of(std::move(http), spec.socket), context);
}

}  // namespace herald::probes
