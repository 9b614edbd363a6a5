// TCP: connect, and optionally send something and wait for an answer, in the clear or with TLS.
//
//   connecting → (handshake) → (sending) → (receiving) → done
//
// A probe that only connects closes with a reset: the target never sees a connection to read from, and no
// port is left in TIME_WAIT.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>

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

// What all attempts of a probe share.
struct TcpPlan {
  TcpSettings settings;
  SocketOptions socket;
};

class TcpAttempt final : public Attempt {
 public:
  TcpAttempt(const TcpPlan& plan, const SocketAddress& address, ContextPtr context, Done done)
      : Attempt(std::move(done)), settings_(plan.settings), address_(address), context_(std::move(context)) {}

  // An error is a result known at once.
  [[nodiscard]] std::expected<void, ProbeResult> start(Loop& loop, const SocketOptions& options);
  [[nodiscard]] std::string stage() const override;

 private:
  enum class State : std::uint8_t { connecting, handshake, sending, receiving };

  void on_ready();
  // Each is true when its state is over and the next one may begin. After false, this may be gone.
  bool connect();
  bool shake_hands();
  bool send();
  void receive();
  [[nodiscard]] bool is_answered() const;
  bool wait_or_fail(Stream::Io io);
  void pass();
  void close() override;

  const TcpSettings& settings_;
  SocketAddress address_;
  ContextPtr context_;
  State state_ = State::connecting;
  std::optional<Stream> stream_;
  std::size_t sent_ = 0;
  std::string answer_;
  std::size_t pieces_ = 0;
  Source source_;
};

std::expected<void, ProbeResult> TcpAttempt::start(Loop& loop, const SocketOptions& options) {
  auto fd = connect_socket(address_, SOCK_STREAM, options);
  if (!fd) return std::unexpected(std::move(fd.error()));
  stream_.emplace(std::move(*fd));
  source_ = loop.watch_io(stream_->fd(), EPOLLOUT, [this](std::uint32_t) { on_ready(); });
  if (!source_) return std::unexpected(local_trouble(system_error_text("watch a socket")));
  return {};
}

std::string TcpAttempt::stage() const {
  switch (state_) {
    case State::connecting:
      return "connecting";
    case State::handshake:
      return "TLS handshake";
    case State::sending:
      return "sending";
    case State::receiving:
      break;
  }
  return answer_.empty() ? "waiting for the answer"
                         : fmt::format("reading the answer ({} bytes so far)", answer_.size());
}

void TcpAttempt::on_ready() {
  if (state_ == State::connecting && !connect()) return;
  if (state_ == State::handshake && !shake_hands()) return;
  if (state_ == State::sending && !send()) return;
  receive();
}

bool TcpAttempt::connect() {
  if (const int error = pending_error(stream_->fd()); error != 0) {
    finish(network_result("connect " + to_string(address_), error));
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
  if (io == Stream::Io::closed) {
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
    if (io != Stream::Io::done) return wait_or_fail(io);
    sent_ += count;
  }
  if (!settings_.expects_answer()) {
    pass();
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
  }
  if (is_answered()) return pass();
  if (io == Stream::Io::closed) {
    return finish(answer_.empty()
                      ? failed(Reason::reset, "closed without an answer")
                      : failed(Reason::body, "the answer does not match: " + quoted_start(answer_)));
  }
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

// Always false: the state goes on later or never.
bool TcpAttempt::wait_or_fail(Stream::Io io) {
  if (io == Stream::Io::wants_read || io == Stream::Io::wants_write) {
    source_.set_io_events(io == Stream::Io::wants_read ? EPOLLIN : EPOLLOUT);
  } else {
    finish(io == Stream::Io::failed ? stream_->failure() : failed(Reason::reset, "closed without an answer"));
  }
  return false;
}

void TcpAttempt::pass() {
  const char* what = settings_.expects_answer() ? "answered" : settings_.tls ? "TLS handshake" : "connected";
  std::string summary = fmt::format("{} in {}", what, in_milliseconds(elapsed()));
  const auto validity = stream_->certificate_validity();
  const bool is_ending =
      settings_.tls && settings_.tls->warn_expiry && validity && *validity < *settings_.tls->warn_expiry;
  if (settings_.only_connects()) {
    stream_->reset_on_close();
  } else {
    stream_->say_goodbye();
  }
  finish(is_ending ? warned(Reason::expiry, fmt::format("{}, {}", summary, expiry_text(*validity)))
                   : passed(std::move(summary)));
}

void TcpAttempt::close() {
  source_.reset();
  stream_.reset();
}

class TcpProbe final : public Probe {
 public:
  TcpProbe(TcpPlan plan, const Context& context)
      : plan_(std::move(plan)),
        context_(context),
        target_(plan_.settings.endpoint, plan_.socket.source, context.resolver) {}

  [[nodiscard]] std::expected<std::unique_ptr<Attempt>, ProbeResult> start(Done done) override {
    const auto address = target_.address();
    if (!address) return std::unexpected(address.error());
    ContextPtr tls;
    if (plan_.settings.tls) {
      auto context = make_context(*plan_.settings.tls, context_.ca_stores);
      if (!context) return std::unexpected(local_trouble(context.error()));
      tls = std::move(*context);
    }
    auto attempt = std::make_unique<TcpAttempt>(plan_, *address, std::move(tls), std::move(done));
    if (auto started = attempt->start(context_.loop, plan_.socket); !started) {
      return std::unexpected(std::move(started.error()));
    }
    return attempt;
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
  return std::make_unique<TcpProbe>(TcpPlan{std::move(tcp), spec.socket}, context);
}

}  // namespace herald::probes
