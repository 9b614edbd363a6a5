// UDP: a datagram is sent, again where no answer comes, and an answer is waited for.
//
// Each datagram is judged alone: nothing says that two belong together. One that is not what is expected does not end the
// attempt, as anybody who guesses the port could have forged it, and the answer may come behind it: shortly before the
// deadline the attempt fails with its text, never as a timeout.
//
// The socket is connected: the kernel drops what comes from elsewhere and tells of ICMP. An address of a name that refuses or
// cannot be reached is passed over, if there is another. What came before the refusal counts.

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "probes/address_walk.h"
#include "probes/bytes.h"
#include "probes/pattern.h"
#include "probes/probe.h"
#include "probes/result.h"
#include "probes/target.h"
#include "sidecar/config/json_reader.h"
#include "sidecar/config/kinds.h"
#include "sidecar/os/loop.h"

namespace herald::probes {
namespace {

constexpr std::size_t kLargestUdpSent = 65507;  // over IPv4
constexpr std::size_t kLargestUdpAnswer = 65536;
constexpr int kMostUdpPerTurn = 16;
constexpr std::size_t kMostUdpBytesPerTurn = 65536;
constexpr std::size_t kMostUdpAnswers = 1000;
constexpr std::size_t kMostUdpBytes = 1U << 20U;
constexpr std::uint32_t kMostUdpTries = 10;

struct UdpSettings final : SettingsOf<UdpSettings> {
  Endpoint endpoint;
  std::string send;
  std::string expect;
  std::optional<Pattern> expect_matches;
  std::uint32_t tries = 2;

  [[nodiscard]] bool is_met_by(std::string_view answer) const {
    return answer.find(expect) != std::string_view::npos &&
           (!expect_matches || expect_matches->is_in(answer));
  }
  bool operator==(const UdpSettings&) const = default;
};

// What all attempts of a probe share.
struct UdpPlan {
  UdpSettings settings;
  SocketOptions socket;
  Duration try_for{};       // until the next try
  Duration settle_after{};  // when a wrong answer becomes the result: after the last try
};

// A free port among those that the kernel gives to clients may be given to the one that asks it, who would hear itself.
bool is_own_port(const Fd& fd, const SocketAddress& peer) {
  SocketAddress own;
  own.size = sizeof own.storage;
  if (getsockname(fd.get(), reinterpret_cast<sockaddr*>(&own.storage), &own.size) != 0) return false;
  return to_string(own) == to_string(peer);
}

class UdpAttempt final : public Attempt {
 public:
  UdpAttempt(const UdpPlan& plan, Loop& loop, Addresses addresses, Done done)
      : Attempt(std::move(done)), plan_(plan), loop_(loop), addresses_(std::move(addresses)) {}

  // An error is a result known at once.
  [[nodiscard]] std::expected<void, ProbeResult> start();
  [[nodiscard]] std::string stage() const override;
  [[nodiscard]] std::optional<Connection> connection() const override {
    return Connection{socket_.get(), true, datagrams_ > 0};
  }

 private:
  std::expected<void, ProbeResult> open();
  std::optional<ProbeResult> send_datagram();
  void try_again();
  // The attempt may be over after these, and this be gone.
  void receive(std::optional<ProbeResult> failure);
  void fail(ProbeResult failure);
  void settle();
  [[nodiscard]] ProbeResult mismatch() const;
  [[nodiscard]] std::string what() const { return "query " + to_string(addresses_.address()); }
  void close() override;

  const UdpPlan& plan_;
  Loop& loop_;
  AddressWalk addresses_;
  std::uint32_t tries_ = 1;
  std::size_t datagrams_ = 0;  // from this address, and none was what is expected
  std::size_t bytes_ = 0;
  std::string last_;  // of them, as it is shown
  Fd socket_;
  Source settle_;
  Source next_try_;
  Source source_;
};

std::expected<void, ProbeResult> UdpAttempt::start() {
  auto opened = open();
  if (!opened) opened = addresses_.next(std::move(opened.error()), [this] { return open(); });
  if (!opened) return opened;
  if (plan_.settings.tries > 1)
    next_try_ = loop_.timer_at(started() + plan_.try_for, [this] { try_again(); });
  settle_ = loop_.timer_at(started() + plan_.settle_after, [this] { settle(); });
  return {};
}

std::expected<void, ProbeResult> UdpAttempt::open() {
  const SocketAddress& address = addresses_.address();
  auto fd = connect_socket(address, SOCK_DGRAM, plan_.socket);
  if (!fd) return std::unexpected(std::move(fd.error()));
  if (is_own_port(*fd, address)) return std::unexpected(network_result(what(), ECONNREFUSED));
  source_.reset();
  socket_ = std::move(*fd);
  source_ = loop_.watch_io(socket_.get(), EPOLLIN, [this](std::uint32_t) { receive(std::nullopt); });
  if (!source_) return std::unexpected(local_trouble(system_error_text("watch a socket")));
  if (auto failure = send_datagram()) return std::unexpected(std::move(*failure));
  return {};
}

std::string UdpAttempt::stage() const {
  std::string text = "waiting for the answer";
  if (tries_ > 1) text += fmt::format(", sent {} times", tries_);
  if (datagrams_ > 0) text += fmt::format(", {} did not match, the last {}", datagrams_, last_);
  return text;
}

// What is lost on the way out is sent again with the next try. EMSGSIZE is the path's: the kernel cuts the next one.
bool is_loss(int error) {
  return error == EAGAIN || error == EINTR || error == EMSGSIZE;
}

std::optional<ProbeResult> UdpAttempt::send_datagram() {
  const std::string& text = plan_.settings.send;
  if (send(socket_.get(), text.data(), text.size(), 0) >= 0 || is_loss(errno)) return std::nullopt;
  const int error = errno;
  return network_result(what(), error);
}

void UdpAttempt::try_again() {
  ++tries_;
  if (tries_ < plan_.settings.tries) next_try_.set_time(started() + plan_.try_for * tries_);
  // A refusal of the try before is told here as well as by recv.
  if (auto failure = send_datagram()) receive(std::move(failure));
}

// The kernel tells an error before what came ahead of it.
void UdpAttempt::receive(std::optional<ProbeResult> failure) {
  std::array<char, kLargestUdpAnswer> buffer;
  std::size_t bytes = 0;
  for (int i = 0; i < kMostUdpPerTurn && bytes < kMostUdpBytesPerTurn; ++i) {
    const ssize_t count = recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (count < 0) {
      const int error = errno;
      if (error == EAGAIN) break;
      if (!is_loss(error) && !failure) failure = network_result(what(), error);
      continue;
    }
    const std::string_view answer(buffer.data(), static_cast<std::size_t>(count));
    if (plan_.settings.is_met_by(answer)) return finish(passed("answered in " + in_milliseconds(elapsed())));
    ++datagrams_;
    bytes += answer.size();
    last_ = quoted_start(answer);
  }
  bytes_ += bytes;
  if (failure) return fail(std::move(*failure));
  if (datagrams_ >= kMostUdpAnswers || bytes_ >= kMostUdpBytes) {
    finish(failed(Reason::too_large,
                  fmt::format("no match in {} bytes, {} datagrams: {}", bytes_, datagrams_, last_)));
  }
}

void UdpAttempt::fail(ProbeResult failure) {
  if (datagrams_ > 0 && failure.verdict == Verdict::fail) return finish(mismatch());
  const bool is_unreached = failure.reason == Reason::refused || failure.reason == Reason::unreachable;
  if (is_unreached) {
    auto opened = addresses_.next(std::move(failure), [this] { return open(); });
    if (opened) return;
    failure = std::move(opened.error());
  }
  finish(addresses_.standing(std::move(failure)));
}

void UdpAttempt::settle() {
  if (datagrams_ > 0) finish(mismatch());
}

ProbeResult UdpAttempt::mismatch() const {
  const std::string which = datagrams_ == 1 ? "" : fmt::format(" (the last of {})", datagrams_);
  return failed(Reason::body, fmt::format("the answer does not match: {}{}", last_, which));
}

void UdpAttempt::close() {
  settle_.reset();
  next_try_.reset();
  source_.reset();
  socket_.reset();
}

class UdpProbe final : public Probe {
 public:
  UdpProbe(UdpPlan plan, const Context& context)
      : plan_(std::move(plan)),
        loop_(context.loop),
        target_(plan_.settings.endpoint, plan_.socket, context.resolver, context.vips) {}

  [[nodiscard]] std::expected<std::unique_ptr<Attempt>, ProbeResult> start(Done done) override {
    auto addresses = target_.addresses();
    if (!addresses) return std::unexpected(std::move(addresses.error()));
    auto attempt = std::make_unique<UdpAttempt>(plan_, loop_, std::move(*addresses), std::move(done));
    if (auto started = attempt->start(); !started) return std::unexpected(std::move(started.error()));
    return attempt;
  }

 private:
  UdpPlan plan_;
  Loop& loop_;
  Target target_;
};

}  // namespace

CheckedProbe check_udp(ObjectReader& keys) {
  auto settings = std::make_unique<UdpSettings>();
  std::string address;
  if (keys.require("address") && keys.read("address", address)) {
    auto endpoint = parse_endpoint(address, std::nullopt);
    if (!endpoint) keys.fail("address", endpoint.error());
    if (endpoint) settings->endpoint = std::move(*endpoint);
  }
  read_bytes(keys, "send", settings->send, kLargestUdpSent);
  read_bytes(keys, "expect", settings->expect, kLargestUdpSent);
  read_pattern(keys, "expect_matches", settings->expect_matches, PatternOver::bytes);
  keys.read("tries", settings->tries, 1, kMostUdpTries);
  return {literal_of(settings->endpoint.host), to_string(settings->endpoint), std::move(settings),
          Listens::udp};
}

MadeProbe make_udp(ProbeSettings& settings, const ProbeSpec& spec, const Context& context) {
  auto& udp = static_cast<UdpSettings&>(settings);
  const Duration timeout = spec.timing.timeout;
  const Duration try_for = timeout / udp.tries;
  const Duration settle_after = timeout - std::min(timeout / 8, try_for / 2);
  return std::make_unique<UdpProbe>(UdpPlan{std::move(udp), spec.socket, try_for, settle_after}, context);
}

}  // namespace herald::probes
