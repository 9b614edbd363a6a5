// DNS: one query to one server, over UDP with retries inside the deadline, or over TCP.
//
// Each attempt has a socket, a port and a random id of its own. What does not answer the query is ignored and the waiting
// goes on: a forged packet cannot fail a service. What does and cannot be read is a failure at once. A truncated answer is
// asked for again over TCP.
//
// A server that does not know EDNS is asked without it (dns_edns.h). An address of a name that refuses or cannot be
// reached is passed over, if there is another.

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "probes/address_walk.h"
#include "probes/dns_edns.h"
#include "probes/dns_settings.h"
#include "probes/probe.h"
#include "probes/result.h"
#include "probes/stream.h"
#include "probes/target.h"
#include "sidecar/os/loop.h"
#include "sidecar/text/plain_text.h"

namespace herald::probes {
namespace {

// More than we say that we take; what is longer is cut by the kernel and then cannot be read.
constexpr std::size_t kLargestDatagram = 4096;
constexpr int kMostDatagramsPerTurn = 16;

// What all attempts of a probe share.
struct DnsPlan {
  DnsSettings settings;
  DnsQuery query;  // and settings.expect.answers are canonical
  DnsQuery plain;  // the same without EDNS
  SocketOptions socket;
  Duration try_for{};  // until the next try
};

class DnsAttempt final : public Attempt {
 public:
  DnsAttempt(const DnsPlan& plan, EdnsMemory& memory, Loop& loop, Addresses servers, Done done)
      : Attempt(std::move(done)),
        plan_(plan),
        loop_(loop),
        servers_(std::move(servers)),
        edns_(plan.settings.edns, plan.settings.tries == 1 || plan.settings.uses_tcp, memory) {}

  // An error is a result known at once.
  [[nodiscard]] std::expected<void, ProbeResult> start();
  [[nodiscard]] std::string stage() const override;
  [[nodiscard]] std::optional<Connection> connection() const override;

 private:
  void set_query();
  std::expected<void, ProbeResult> open();
  std::expected<void, ProbeResult> start_udp();
  std::expected<void, ProbeResult> start_tcp();
  std::optional<ProbeResult> send_datagram();
  void try_again();
  std::expected<void, ProbeResult> open_next(ProbeResult failure);
  void fall_back();
  void fail(ProbeResult failure);
  // Where these are true, the attempt is over or goes on over TCP, and this may be gone.
  void on_datagrams();
  bool take_datagram(Bytes message);
  bool take_truncated(Bytes message);
  void on_stream();
  bool send_on_stream();
  void read_from_stream();
  void take_from_stream();
  void wait_or_fail(Stream::Io io);
  void take_reply(Bytes message);
  [[nodiscard]] const SocketAddress& server() const { return servers_.address(); }
  void close() override;

  const DnsPlan& plan_;
  Loop& loop_;
  AddressWalk servers_;
  EdnsChoice edns_;
  bool is_truncated_ = false;        // the answer over UDP
  std::vector<std::uint8_t> query_;  // with the id, and over TCP the length before it
  std::uint16_t id_ = 0;
  std::uint32_t tries_ = 0;
  std::size_t ignored_ = 0;
  Fd datagrams_;
  std::optional<Stream> stream_;
  bool is_connected_ = false;
  std::size_t sent_ = 0;
  std::string received_;  // over TCP: the length and what follows
  Source next_try_;
  Source source_;
};

std::expected<void, ProbeResult> DnsAttempt::start() {
  if (getrandom(&id_, sizeof id_, 0) != sizeof id_)
    return std::unexpected(local_trouble(system_error_text("getrandom")));
  edns_.begin();
  set_query();
  auto started = open();
  return started ? started : open_next(std::move(started.error()));
}

void DnsAttempt::set_query() {
  query_ = (edns_.is_plain() ? plan_.plain : plan_.query).wire;
  query_[0] = static_cast<std::uint8_t>(id_ >> 8U);
  query_[1] = static_cast<std::uint8_t>(id_ & 0xFFU);
}

std::expected<void, ProbeResult> DnsAttempt::open() {
  return plan_.settings.uses_tcp ? start_tcp() : start_udp();
}

std::expected<void, ProbeResult> DnsAttempt::start_udp() {
  auto fd = connect_socket(server(), SOCK_DGRAM, plan_.socket);
  if (!fd) return std::unexpected(std::move(fd.error()));
  source_.reset();
  datagrams_ = std::move(*fd);
  source_ = loop_.watch_io(datagrams_.get(), EPOLLIN, [this](std::uint32_t) { on_datagrams(); });
  if (!source_) return std::unexpected(local_trouble(system_error_text("watch a socket")));
  if (auto failure = send_datagram()) return std::unexpected(std::move(*failure));
  const bool has_more = plan_.settings.tries > tries_;
  if (has_more && !next_try_)
    next_try_ = loop_.timer_at(started() + plan_.try_for * tries_, [this] { try_again(); });
  return {};
}

std::expected<void, ProbeResult> DnsAttempt::start_tcp() {
  auto fd = connect_socket(server(), SOCK_STREAM, plan_.socket);
  if (!fd) return std::unexpected(std::move(fd.error()));
  set_query();
  const auto size = static_cast<std::uint16_t>(query_.size());
  query_.insert(query_.begin(),
                {static_cast<std::uint8_t>(size >> 8U), static_cast<std::uint8_t>(size & 0xFFU)});
  source_.reset();
  stream_.emplace(std::move(*fd));
  is_connected_ = false;
  sent_ = 0;
  received_.clear();
  source_ = loop_.watch_io(stream_->fd(), EPOLLOUT, [this](std::uint32_t) { on_stream(); });
  if (!source_) return std::unexpected(local_trouble(system_error_text("watch a socket")));
  return {};
}

std::string DnsAttempt::stage() const {
  const std::string transport = stream_ ? "TCP" : "UDP";
  std::string text = stream_ && !is_connected_ ? "connecting over TCP"
                     : received_.empty()
                         ? "waiting for the answer over " + transport
                         : fmt::format("reading the answer ({} bytes so far)", received_.size());
  if (is_truncated_) text = "the answer over UDP was truncated, " + text;
  if (tries_ > 1) text += fmt::format(", sent {} times", tries_);
  if (ignored_ > 0) text += fmt::format(", ignored {} answers that did not match", ignored_);
  return text;
}

std::optional<Attempt::Connection> DnsAttempt::connection() const {
  if (!stream_) return Connection{datagrams_.get(), true, ignored_ > 0};
  if (!is_connected_) return std::nullopt;
  return Connection{stream_->fd(), sent_ > 0, !received_.empty()};
}

std::optional<ProbeResult> DnsAttempt::send_datagram() {
  ++tries_;
  // A refusal of the try before is told here as well as by recv.
  if (send(datagrams_.get(), query_.data(), query_.size(), 0) >= 0 || errno == EAGAIN) return std::nullopt;
  const int error = errno;
  return network_result("query " + to_string(server()), error);
}

void DnsAttempt::try_again() {
  edns_.try_again();
  set_query();
  if (auto failure = send_datagram()) return fail(std::move(*failure));
  if (tries_ < plan_.settings.tries) next_try_.set_time(started() + plan_.try_for * tries_);
}

std::expected<void, ProbeResult> DnsAttempt::open_next(ProbeResult failure) {
  return servers_.next(std::move(failure), [this] { return open(); });
}

void DnsAttempt::fail(ProbeResult failure) {
  const bool is_unreached = failure.reason == Reason::refused || failure.reason == Reason::unreachable;
  if (is_unreached && !is_truncated_) {
    auto opened = open_next(std::move(failure));
    if (opened) return;
    failure = std::move(opened.error());
  }
  edns_.settle();
  if (is_truncated_) failure.detail = "the answer over UDP was truncated, and over TCP: " + failure.detail;
  finish(std::move(failure));
}

// The same once more, without EDNS. A late answer to what was asked before must not count: it has another id.
void DnsAttempt::fall_back() {
  edns_.refuse();
  ++id_;
  set_query();
  const bool is_stream = stream_.has_value();
  auto again = is_stream ? start_tcp() : start_udp();
  if (!again) fail(std::move(again.error()));
}

void DnsAttempt::on_datagrams() {
  std::array<std::uint8_t, kLargestDatagram> buffer;
  for (int i = 0; i < kMostDatagramsPerTurn; ++i) {
    const ssize_t count = recv(datagrams_.get(), buffer.data(), buffer.size(), 0);
    if (count >= 0) {
      if (take_datagram(Bytes(buffer).first(static_cast<std::size_t>(count)))) return;
      continue;
    }
    const int error = errno;
    if (error != EAGAIN && error != EINTR) fail(network_result("query " + to_string(server()), error));
    return;
  }
}

bool DnsAttempt::take_datagram(Bytes message) {
  if (!is_reply_to(plan_.query, id_, message)) {
    ++ignored_;
    return false;
  }
  if (is_truncated(message) && plan_.settings.on_truncation != OnTruncation::pass)
    return take_truncated(message);
  take_reply(message);
  return true;
}

// FORMERR or NOTIMP is what the user may ask for, too.
void DnsAttempt::take_reply(Bytes message) {
  auto result = judge(plan_.query, plan_.settings.expect, message, elapsed());
  if (refuses_edns(message) && edns_.is_doubtful() && result.verdict == Verdict::fail) return fall_back();
  edns_.take_reply();
  finish(std::move(result));
}

bool DnsAttempt::take_truncated(Bytes) {
  edns_.settle();
  if (plan_.settings.on_truncation == OnTruncation::fail) {
    finish(failed(Reason::answer, "the answer is truncated (TC)"));
    return true;
  }
  next_try_.reset();
  source_.reset();
  datagrams_.reset();
  is_truncated_ = true;
  if (auto started = start_tcp(); !started) fail(std::move(started.error()));
  return true;
}

void DnsAttempt::on_stream() {
  if (!is_connected_) {
    const int error = pending_error(stream_->fd());
    if (error != 0) return fail(network_result("connect " + to_string(server()), error));
    is_connected_ = true;
  }
  if (send_on_stream()) read_from_stream();
}

bool DnsAttempt::send_on_stream() {
  while (sent_ < query_.size()) {
    std::size_t count = 0;
    const std::string_view text(reinterpret_cast<const char*>(query_.data()), query_.size());
    const Stream::Io io = stream_->write(text.substr(sent_), count);
    // Broken: what the server said before may be there all the same.
    if (io == Stream::Io::failed || io == Stream::Io::closed) return true;
    if (io != Stream::Io::done) {
      wait_or_fail(io);
      return false;
    }
    sent_ += count;
  }
  return true;
}

void DnsAttempt::read_from_stream() {
  std::array<char, 16384> buffer;
  Stream::Io io = Stream::Io::done;
  // One message of at most 65535 bytes; a server has no reason to send more.
  constexpr std::size_t kMost = 2 + 65535;
  while (received_.size() < kMost) {
    std::size_t count = 0;
    io = stream_->read(std::span(buffer).first(std::min(buffer.size(), kMost - received_.size())), count);
    if (io != Stream::Io::done) break;
    received_.append(buffer.data(), count);
  }
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(received_[i]); };
  const std::size_t size = received_.size() < 2 ? kMost : byte(0) * 256U + byte(1);
  if (received_.size() >= 2 + size) return take_from_stream();
  wait_or_fail(io);
}

void DnsAttempt::take_from_stream() {
  const auto* data = reinterpret_cast<const std::uint8_t*>(received_.data());
  const Bytes message(data + 2, data[0] * 256U + data[1]);
  if (is_reply_to(plan_.query, id_, message)) return take_reply(message);
  fail(failed(Reason::protocol, "what came over TCP does not answer the query"));
}

void DnsAttempt::wait_or_fail(Stream::Io io) {
  switch (io) {
    case Stream::Io::wants_read:
      return source_.set_io_events(EPOLLIN);
    case Stream::Io::wants_write:
      return source_.set_io_events(EPOLLOUT);
    default:
      break;
  }
  // A server that does not know EDNS may close without a word.
  if (edns_.is_doubtful() && is_connected_ && received_.empty()) return fall_back();
  fail(io == Stream::Io::failed ? stream_->failure() : failed(Reason::reset, "closed without an answer"));
}

void DnsAttempt::close() {
  next_try_.reset();
  source_.reset();
  datagrams_.reset();
  stream_.reset();
}

class DnsProbe final : public Probe {
 public:
  DnsProbe(DnsPlan plan, const Context& context)
      : plan_(std::move(plan)),
        loop_(context.loop),
        target_(plan_.settings.server, plan_.socket, context.resolver, context.vips) {}

  [[nodiscard]] std::expected<std::unique_ptr<Attempt>, ProbeResult> start(Done done) override {
    auto servers = target_.addresses();
    if (!servers) return std::unexpected(std::move(servers.error()));
    auto attempt = std::make_unique<DnsAttempt>(plan_, memory_, loop_, std::move(*servers), std::move(done));
    if (auto started = attempt->start(); !started) return std::unexpected(std::move(started.error()));
    return attempt;
  }

 private:
  DnsPlan plan_;
  EdnsMemory memory_;
  Loop& loop_;
  Target target_;
};

// What only ldns can read is found wrong here, after the check of the configuration.
std::expected<void, std::string> make_canonical(const DnsQuery& query, std::vector<std::string>& answers) {
  for (std::string& answer : answers) {
    auto data = canonical_data(query, answer);
    if (!data)
      return std::unexpected(fmt::format("expect.answers: {} {}", printable(answer, 60), data.error()));
    answer = std::move(*data);
  }
  return {};
}

}  // namespace

MadeProbe make_dns(ProbeSettings& settings, const ProbeSpec& spec, const Context& context) {
  auto& dns = static_cast<DnsSettings&>(settings);
  auto query = parse_query(dns.query, dns.flags);
  if (!query) return std::unexpected("query: " + query.error());
  DnsFlags without = dns.flags;
  without.edns = false;
  auto plain = parse_query(dns.query, without);
  if (!plain) return std::unexpected("query: " + plain.error());
  if (auto made = make_canonical(*query, dns.expect.answers); !made) return std::unexpected(made.error());
  const Duration try_for = spec.timing.timeout / dns.tries;
  return std::make_unique<DnsProbe>(
      DnsPlan{std::move(dns), std::move(*query), std::move(*plain), spec.socket, try_for}, context);
}

}  // namespace herald::probes
