// TCP: connect, and optionally send something and wait for an answer, in the clear or with TLS.
//
//   connecting → (handshake) → (sending) → (receiving) → (accepting) → done
//
// An answer that is not what is expected is a failure with its text, and no timeout: at once where the peer has closed, or says no in
// the form in which yes is expected ("-NOAUTH" for "+PONG", "421" for "220"); else shortly before the deadline, as more may follow.
// An answer that came before the connection broke counts, though the peer never read what was sent. Where a name has several
// addresses, the next is tried where nobody listens.
//
// The kernel completes a handshake for a process that is stopped, too. With `accepted` the kernel is asked whether a process has
// taken the connection (far_end.h), again and again until it has. Where that cannot be told it is said at once, and proves nothing.
//
// A probe that only connects closes with a reset: the target never sees a connection to read from, and no
// port is left in TIME_WAIT.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "probes/address_walk.h"
#include "probes/far_end.h"
#include "probes/probe.h"
#include "probes/result.h"
#include "probes/stream.h"
#include "probes/target.h"
#include "probes/tcp_settings.h"
#include "probes/tls.h"
#include "sidecar/os/loop.h"

namespace herald::probes {
namespace {

constexpr std::size_t kMostAnswer = 65536;
// Each piece costs a look at all that has come: a drip of single bytes must not cost a look for each.
constexpr std::size_t kMostPieces = 1000;
// Between two looks whether it is accepted; a process that runs does so within a tenth of a millisecond.
constexpr Duration kFirstAcceptWait = std::chrono::microseconds(250);
constexpr Duration kLongestAcceptWait = std::chrono::milliseconds(8);
// So long a busy machine may take to end a handshake; then the listener waits for more than that.
constexpr Duration kHandshakeEnds = std::chrono::milliseconds(100);

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// "220 ready", and not "220-more follows".
bool is_last_line_of_reply(std::string_view line) {
  return line.size() >= 4 && is_digit(line[0]) && is_digit(line[1]) && is_digit(line[2]) && line[3] == ' ';
}

// Whether a whole line of the answer says no where `expected` is a yes: of Redis and POP3, of SMTP, FTP and NNTP.
bool contradicts(std::string_view expected, std::string_view answer) {
  const bool is_plus = expected.starts_with('+');
  const bool is_code = expected.size() >= 3 && (expected[0] == '2' || expected[0] == '3') &&
                       is_digit(expected[1]) && is_digit(expected[2]);
  if (!is_plus && !is_code) return false;
  for (std::size_t end = answer.find('\n'); end != std::string_view::npos; end = answer.find('\n')) {
    const std::string_view line = answer.substr(0, end);
    if (is_plus && line.starts_with('-')) return true;
    if (is_code && is_last_line_of_reply(line) && (line[0] == '4' || line[0] == '5')) return true;
    answer.remove_prefix(end + 1);
  }
  return false;
}

// What all attempts of a probe share.
struct TcpPlan {
  TcpSettings settings;
  SocketOptions socket;
  Duration settle_after{};  // when an answer that does not match is taken for all that comes
};

class TcpAttempt final : public Attempt {
 public:
  TcpAttempt(const TcpPlan& plan, const Context& shared, Addresses addresses, ContextPtr context, Done done)
      : Attempt(std::move(done)),
        plan_(plan),
        settings_(plan.settings),
        loop_(shared.loop),
        far_ends_(shared.far_ends),
        addresses_(std::move(addresses)),
        context_(std::move(context)) {}

  // An error is a result known at once.
  [[nodiscard]] std::expected<void, ProbeResult> start();
  [[nodiscard]] std::string stage() const override;
  [[nodiscard]] std::optional<Connection> connection() const override;

 private:
  enum class State : std::uint8_t { connecting, handshake, sending, receiving, accepting };

  std::expected<void, ProbeResult> open();
  std::expected<void, ProbeResult> open_next(ProbeResult failure);
  bool break_off(ProbeResult failure);
  void settle();
  void on_ready();
  // Each is true when its state is over and the next one may begin. After false, this may be gone.
  bool connect();
  bool shake_hands();
  bool send();
  void receive();
  [[nodiscard]] bool is_answered() const;
  [[nodiscard]] ProbeResult mismatch() const;
  [[nodiscard]] ProbeResult failure_of(Stream::Io io) const;
  bool wait_or_fail(Stream::Io io);
  void wait_for_accept();
  void look_for_accept();
  [[nodiscard]] std::optional<ProbeResult> closed_by_target() const;
  void cannot_tell(const std::string& why);
  void pass();
  void close() override;

  const TcpPlan& plan_;
  const TcpSettings& settings_;
  Loop& loop_;
  FarEnds& far_ends_;
  AddressWalk addresses_;
  ContextPtr context_;
  bool was_asked_for_certificate_ = false;
  State state_ = State::connecting;
  std::optional<Stream> stream_;
  std::size_t sent_ = 0;
  std::string answer_;
  std::size_t pieces_ = 0;
  TimePoint received_at_{};
  std::optional<ProbeResult> broken_;  // why nothing more can be sent
  TimePoint connected_at_{};
  Duration accept_wait_ = kFirstAcceptWait;
  bool was_full_ = false;  // the listener's queue: what did not come through it may come late
  Source accept_;
  Source settle_;
  Source source_;
};

std::expected<void, ProbeResult> TcpAttempt::start() {
  if (context_) note_request_for_certificate(*context_, was_asked_for_certificate_);
  auto opened = open();
  if (!opened) opened = open_next(std::move(opened.error()));
  if (!opened) return opened;
  if (settings_.expects_answer())
    settle_ = loop_.timer_at(started() + plan_.settle_after, [this] { settle(); });
  return {};
}

std::expected<void, ProbeResult> TcpAttempt::open() {
  auto fd = connect_socket(addresses_.address(), SOCK_STREAM, plan_.socket);
  if (!fd) return std::unexpected(std::move(fd.error()));
  source_.reset();
  stream_.emplace(std::move(*fd));
  source_ = loop_.watch_io(stream_->fd(), EPOLLOUT, [this](std::uint32_t) { on_ready(); });
  if (!source_) return std::unexpected(local_trouble(system_error_text("watch a socket")));
  return {};
}

std::expected<void, ProbeResult> TcpAttempt::open_next(ProbeResult failure) {
  return addresses_.next(std::move(failure), [this] { return open(); });
}

std::string TcpAttempt::stage() const {
  switch (state_) {
    case State::connecting:
      return "connecting";
    case State::handshake:
      return "TLS handshake";
    case State::sending:
      return "sending";
    case State::accepting:
      return "waiting to be accepted";
    case State::receiving:
      break;
  }
  if (answer_.empty()) return "waiting for the answer";
  return fmt::format("reading the answer ({} bytes so far: {})", answer_.size(), quoted_start(answer_));
}

std::optional<Attempt::Connection> TcpAttempt::connection() const {
  if (!stream_ || state_ == State::connecting) return std::nullopt;
  return Connection{stream_->fd(), sent_ > 0 || settings_.tls, !answer_.empty()};
}

void TcpAttempt::on_ready() {
  if (state_ == State::accepting) return look_for_accept();
  if (state_ == State::connecting && !connect()) return;
  if (state_ == State::handshake && !shake_hands()) return;
  if (state_ == State::sending && !send()) return;
  receive();
}

bool TcpAttempt::connect() {
  if (const int error = pending_error(stream_->fd()); error != 0) {
    auto failure = network_result("connect " + to_string(addresses_.address()), error);
    const bool is_reset = failure.reason == Reason::reset;
    if (is_reset && settings_.expects_answer() && !settings_.tls) return break_off(std::move(failure));
    if (auto opened = open_next(std::move(failure)); !opened) finish(std::move(opened.error()));
    return false;
  }
  state_ = State::sending;
  if (settings_.tls) {
    const std::string& name = settings_.tls->server_name;
    if (!stream_->use_tls(*context_, name.empty() ? settings_.endpoint.host : name)) {
      finish(local_trouble("no memory for TLS"));
      return false;
    }
    state_ = State::handshake;
  }
  return true;
}

bool TcpAttempt::shake_hands() {
  const Stream::Io io = stream_->handshake();
  if (io == Stream::Io::closed && !was_asked_for_certificate_) {
    finish(failed(Reason::reset, "closed during the TLS handshake"));
    return false;
  }
  if (io != Stream::Io::done) return wait_or_fail(io);
  state_ = State::sending;
  return true;
}

bool TcpAttempt::send() {
  while (sent_ < settings_.send.size()) {
    std::size_t count = 0;
    const Stream::Io io = stream_->write(std::string_view(settings_.send).substr(sent_), count);
    const bool is_broken = io == Stream::Io::failed || io == Stream::Io::closed;
    if (is_broken && settings_.expects_answer()) return break_off(failure_of(io));
    if (io != Stream::Io::done) return wait_or_fail(io);
    sent_ += count;
  }
  if (!settings_.expects_answer()) {
    settings_.accepted ? wait_for_accept() : pass();
    return false;
  }
  state_ = State::receiving;
  return true;
}

void TcpAttempt::receive() {
  std::array<char, 16384> buffer;
  std::size_t count = 0;
  Stream::Io io = Stream::Io::done;
  while (answer_.size() < kMostAnswer && pieces_ < kMostPieces) {
    ++pieces_;  // also one of no data: of TLS there are messages that have none
    io = stream_->read(buffer, count);
    if (io != Stream::Io::done) break;
    answer_.append(buffer.data(), std::min(count, kMostAnswer - answer_.size()));
    received_at_ = Loop::clock();
  }
  if (is_answered()) return pass();
  const bool is_over = broken_ || io == Stream::Io::closed || io == Stream::Io::failed;
  if (!answer_.empty() && (is_over || contradicts(settings_.expect, answer_))) return finish(mismatch());
  if (broken_) return finish(std::move(*broken_));
  if (io == Stream::Io::done || (io == Stream::Io::wants_read && pieces_ >= kMostPieces)) {
    return finish(failed(Reason::too_large, fmt::format("no match in {} bytes, {} pieces: {}", answer_.size(),
                                                        pieces_, quoted_start(answer_))));
  }
  wait_or_fail(io);
}

bool TcpAttempt::is_answered() const {
  return answer_.find(settings_.expect) != std::string::npos &&
         (!settings_.expect_matches || settings_.expect_matches->is_in(answer_));
}

ProbeResult TcpAttempt::mismatch() const {
  return failed(Reason::body, "the answer does not match: " + quoted_start(answer_));
}

// What has come is all that comes when it is whole lines, or when nothing has followed for a while.
void TcpAttempt::settle() {
  const bool is_quiet = Loop::clock() - received_at_ > plan_.settle_after / 4;
  if (!answer_.empty() && (answer_.ends_with('\n') || is_quiet)) finish(mismatch());
}

// Nothing more can be sent. What the peer said before may be there all the same.
bool TcpAttempt::break_off(ProbeResult failure) {
  broken_ = std::move(failure);
  state_ = State::receiving;
  receive();
  return false;
}

// Of an end that came too early. With TLS 1.3 the handshake is over before the server misses a certificate.
ProbeResult TcpAttempt::failure_of(Stream::Io io) const {
  const bool is_lost = io == Stream::Io::closed || stream_->failure().reason == Reason::reset;
  if (is_lost && was_asked_for_certificate_) return failed(Reason::tls, kCertificateWanted);
  return io == Stream::Io::failed ? stream_->failure() : failed(Reason::reset, "closed without an answer");
}

// Always false: the state goes on later or never.
bool TcpAttempt::wait_or_fail(Stream::Io io) {
  if (io == Stream::Io::wants_read || io == Stream::Io::wants_write) {
    source_.set_io_events(io == Stream::Io::wants_read ? EPOLLIN : EPOLLOUT);
  } else {
    finish(failure_of(io));
  }
  return false;
}

void TcpAttempt::wait_for_accept() {
  state_ = State::accepting;
  connected_at_ = Loop::clock();
  source_.set_io_events(EPOLLIN);  // its end, or what only a process can send
  accept_ = loop_.timer_at(connected_at_ + kFirstAcceptWait, [this] { look_for_accept(); });
}

void TcpAttempt::look_for_accept() {
  const auto seen = far_ends_.look(stream_->fd());
  if (!seen) return cannot_tell(seen.error());
  switch (seen->is) {
    case FarEnd::accepted:
      return pass();
    case FarEnd::closed:
    case FarEnd::elsewhere: {
      auto end = closed_by_target();
      if (!end) return cannot_tell("its end is not on this machine, or in another network namespace");
      return end->verdict == Verdict::pass ? pass() : finish(std::move(*end));
    }
    case FarEnd::deferred:
      if (!was_full_ && Loop::clock() - connected_at_ > kHandshakeEnds)
        return cannot_tell("it waits for data first (TCP_DEFER_ACCEPT); let the probe `send` something");
      break;
    case FarEnd::full:
      was_full_ = true;
      break;
    case FarEnd::unaccepted:
      break;
  }
  accept_.set_time(Loop::clock() + accept_wait_);
  accept_wait_ = std::min(2 * accept_wait_, kLongestAcceptWait);
}

// A listener's end resets what nobody has accepted; only a process closes in order.
std::optional<ProbeResult> TcpAttempt::closed_by_target() const {
  char byte = 0;
  const ssize_t count = recv(stream_->fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (count >= 0) return passed("");
  if (errno == EAGAIN || errno == EINTR) return std::nullopt;
  return network_result("connection", errno);
}

void TcpAttempt::cannot_tell(const std::string& why) {
  finish(local_trouble(
      fmt::format("whether {} has accepted cannot be told: {}", to_string(addresses_.address()), why)));
}

void TcpAttempt::pass() {
  const char* what = settings_.expects_answer() ? "answered"
                     : settings_.tls            ? "TLS handshake"
                     : settings_.accepted       ? "accepted"
                                                : "connected";
  std::string summary = fmt::format("{} in {}", what, in_milliseconds(elapsed()));
  const auto end = settings_.tls ? stream_->certificate_end() : std::nullopt;
  const bool is_ending = end && settings_.tls->warn_expiry && end->remaining < *settings_.tls->warn_expiry;
  if (settings_.only_connects()) {
    stream_->reset_on_close();
  } else {
    stream_->say_goodbye();
  }
  auto result = is_ending ? warned(Reason::expiry, fmt::format("{}, {}", summary, expiry_text(*end)))
                          : passed(std::move(summary));
  if (end) result.certificate_end = end->at;
  finish(std::move(result));
}

void TcpAttempt::close() {
  settle_.reset();
  accept_.reset();
  source_.reset();
  stream_.reset();
}

class TcpProbe final : public Probe {
 public:
  TcpProbe(TcpPlan plan, const Context& context)
      : plan_(std::move(plan)),
        context_(context),
        target_(plan_.settings.endpoint, plan_.socket, context.resolver, context.vips) {}

  [[nodiscard]] std::expected<std::unique_ptr<Attempt>, ProbeResult> start(Done done) override {
    auto addresses = target_.addresses();
    if (!addresses) return std::unexpected(std::move(addresses.error()));
    ContextPtr tls;
    if (plan_.settings.tls) {
      auto context = make_context(*plan_.settings.tls, context_.ca_stores);
      if (!context) return std::unexpected(local_trouble(context.error()));
      tls = std::move(*context);
    }
    auto attempt =
        std::make_unique<TcpAttempt>(plan_, context_, std::move(*addresses), std::move(tls), std::move(done));
    if (auto started = attempt->start(); !started) {
      return std::unexpected(std::move(started.error()));
    }
    return attempt;
  }

  [[nodiscard]] std::expected<Fd, ProbeResult> connect() override {
    const auto address = target_.address();
    if (!address) return std::unexpected(address.error());
    return connect_socket(*address, SOCK_STREAM, plan_.socket);
  }

 private:
  TcpPlan plan_;
  Context context_;
  Target target_;
};

}  // namespace

MadeProbe make_tcp(ProbeSettings& settings, const ProbeSpec& spec, const Context& context) {
  auto& tcp = static_cast<TcpSettings&>(settings);
  if (tcp.tls) {
    if (auto files = check_files(*tcp.tls, context.ca_stores); !files) return std::unexpected(files.error());
  }
  return std::make_unique<TcpProbe>(TcpPlan{std::move(tcp), spec.socket, spec.timing.timeout * 7 / 8},
                                    context);
}

}  // namespace herald::probes
