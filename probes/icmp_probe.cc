// ICMP echo, over IPv4 and IPv6: what ping does, by an unprivileged ping socket (net.ipv4.ping_group_range), or by a raw one
// where the machine gives none and herald has CAP_NET_RAW.
//
// A reply has to repeat the whole payload, whose beginning is random: a forged or damaged one is ignored.

#include <fmt/format.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <sys/random.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "probes/address_walk.h"
#include "probes/probe.h"
#include "probes/result.h"
#include "probes/target.h"
#include "sidecar/config/json_reader.h"
#include "sidecar/config/kinds.h"
#include "sidecar/os/loop.h"

namespace herald::probes {
namespace {

constexpr std::uint32_t kMostEchoes = 10;
constexpr std::uint32_t kLargestPayload = 65507;  // of IPv4
constexpr std::size_t kHeaderSize = 8;
constexpr std::size_t kTokenSize = 16;
constexpr std::size_t kShortestIpHeader = 20;
constexpr int kMostDatagramsPerTurn = 16;

using Bytes = std::span<const std::uint8_t>;

struct IcmpSettings final : SettingsOf<IcmpSettings> {
  std::string host;
  std::uint32_t count = 1;
  std::uint32_t size = 56;
  bool df = false;
  bool operator==(const IcmpSettings&) const = default;
};

// What all attempts of a probe share.
struct IcmpPlan {
  std::uint32_t count = 1;
  std::uint32_t size = 0;
  bool df = false;
  SocketOptions socket;
  Duration echo_for{};  // until the next one
};

// RFC 1071. The kernel writes that of a ping socket and of ICMPv6 itself.
std::uint16_t checksum(Bytes message) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < message.size(); ++i) sum += i % 2 == 0 ? message[i] * 256U : message[i];
  while (sum > 0xFFFF) sum = (sum & 0xFFFFU) + (sum >> 16U);
  return static_cast<std::uint16_t>(~sum);
}

void put(std::vector<std::uint8_t>& message, std::size_t at, std::uint32_t number) {
  message[at] = static_cast<std::uint8_t>(number >> 8U);
  message[at + 1] = static_cast<std::uint8_t>(number & 0xFFU);
}

struct Socket {
  Fd fd;
  bool is_raw = false;
};

std::expected<Socket, ProbeResult> open_ping_socket(int family, const SocketOptions& options) {
  const int protocol = family == AF_INET ? static_cast<int>(IPPROTO_ICMP) : static_cast<int>(IPPROTO_ICMPV6);
  auto ping = open_socket(family, SOCK_DGRAM, protocol, options);
  if (ping) return Socket{std::move(*ping), false};
  auto raw = open_socket(family, SOCK_RAW, protocol, options);
  if (raw) return Socket{std::move(*raw), true};
  return std::unexpected(local_trouble("ping " + ping.error().detail));
}

bool refuse_fragments(const Fd& fd, int family) {
  const int always =
      family == AF_INET ? static_cast<int>(IP_PMTUDISC_DO) : static_cast<int>(IPV6_PMTUDISC_DO);
  if (family == AF_INET)
    return setsockopt(fd.get(), IPPROTO_IP, IP_MTU_DISCOVER, &always, sizeof always) == 0;
  const int on = 1;
  return setsockopt(fd.get(), IPPROTO_IPV6, IPV6_MTU_DISCOVER, &always, sizeof always) == 0 &&
         setsockopt(fd.get(), IPPROTO_IPV6, IPV6_DONTFRAG, &on, sizeof on) == 0;
}

class IcmpAttempt final : public Attempt {
 public:
  IcmpAttempt(const IcmpPlan& plan, Loop& loop, Addresses addresses, Done done)
      : Attempt(std::move(done)), plan_(plan), loop_(loop), addresses_(std::move(addresses)) {}

  // An error is a result known at once.
  [[nodiscard]] std::expected<void, ProbeResult> start() {
    auto opened = open();
    if (!opened) opened = open_next(std::move(opened.error()));
    if (!opened) return opened;
    if (plan_.count > 1) next_ = loop_.timer_at(started() + plan_.echo_for, [this] { send_next(); });
    return {};
  }

  [[nodiscard]] std::string stage() const override {
    return fmt::format("waiting for the echo{}", sent_ > 1 ? fmt::format(", asked {} times", sent_) : "");
  }

 private:
  [[nodiscard]] const SocketAddress& address() const { return addresses_.address(); }
  [[nodiscard]] bool is_v4() const { return address().family() == AF_INET; }

  std::expected<void, ProbeResult> open() {
    what_ = "ping " + to_string(address());
    message_.assign(kHeaderSize + plan_.size, 0);
    message_[0] = is_v4() ? std::uint8_t{ICMP_ECHO} : std::uint8_t{ICMP6_ECHO_REQUEST};
    // The identifier is the kernel's for a ping socket; a raw one has it here.
    const std::size_t random = std::min<std::size_t>(plan_.size, kTokenSize);
    if (getrandom(&message_[4], 2, 0) != 2 ||
        getrandom(message_.data() + kHeaderSize, random, 0) != static_cast<ssize_t>(random)) {
      return std::unexpected(local_trouble(system_error_text("getrandom")));
    }
    auto socket = open_ping_socket(address().family(), plan_.socket);
    if (!socket) return std::unexpected(std::move(socket.error()));
    source_.reset();
    socket_ = std::move(*socket);
    if (plan_.df && !refuse_fragments(socket_.fd, address().family()))
      return std::unexpected(local_trouble(system_error_text("df")));
    if (connect(socket_.fd.get(), address().get(), address().size) != 0)
      return std::unexpected(network_result(what_, errno));
    source_ = loop_.watch_io(socket_.fd.get(), EPOLLIN, [this](std::uint32_t) { on_ready(); });
    if (!source_) return std::unexpected(local_trouble(system_error_text("watch a socket")));
    if (auto failure = send_echo()) return std::unexpected(std::move(*failure));
    return {};
  }

  // Where there is no way to an address.
  std::expected<void, ProbeResult> open_next(ProbeResult failure) {
    return addresses_.next(std::move(failure), [this] { return open(); });
  }

  void fail(ProbeResult failure) {
    if (auto opened = open_next(std::move(failure)); !opened) finish(std::move(opened.error()));
  }

  std::optional<ProbeResult> send_echo() {
    put(message_, 6, ++sent_);
    put(message_, 2, 0);
    if (is_v4()) put(message_, 2, checksum(message_));
    if (send(socket_.fd.get(), message_.data(), message_.size(), 0) >= 0 || errno == EAGAIN)
      return std::nullopt;
    return network_result(what_, errno);
  }

  void send_next() {
    if (auto failure = send_echo()) return fail(std::move(*failure));
    if (sent_ < plan_.count) next_.set_time(started() + plan_.echo_for * sent_);
  }

  void on_ready() {
    std::vector<std::uint8_t> buffer(message_.size() + 64);  // and the header that a raw socket shows
    for (int i = 0; i < kMostDatagramsPerTurn; ++i) {
      const ssize_t count = recv(socket_.fd.get(), buffer.data(), buffer.size(), 0);
      if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
      if (count < 0) return fail(network_result(what_, errno));
      if (is_reply(without_ip_header(Bytes(buffer).first(static_cast<std::size_t>(count)))))
        return finish(passed("echo in " + in_milliseconds(elapsed())));
    }
  }

  [[nodiscard]] Bytes without_ip_header(Bytes packet) const {
    if (!socket_.is_raw || !is_v4()) return packet;
    const std::size_t size = packet.size() < kShortestIpHeader ? packet.size() : (packet[0] & 0x0FU) * 4U;
    return packet.subspan(std::min(size, packet.size()));
  }

  // To any of the echoes that were asked for: the payload is the same in all.
  [[nodiscard]] bool is_reply(Bytes message) const {
    const std::uint8_t type = is_v4() ? std::uint8_t{ICMP_ECHOREPLY} : std::uint8_t{ICMP6_ECHO_REPLY};
    if (message.size() != message_.size() || message[0] != type) return false;
    if (socket_.is_raw && !std::equal(message.begin() + 4, message.begin() + 6, message_.begin() + 4))
      return false;
    return std::equal(message.begin() + kHeaderSize, message.end(), message_.begin() + kHeaderSize);
  }

  void close() override {
    next_.reset();
    source_.reset();
  }

  const IcmpPlan& plan_;
  Loop& loop_;
  AddressWalk addresses_;
  std::string what_;
  std::vector<std::uint8_t> message_;
  std::uint32_t sent_ = 0;
  Socket socket_;
  Source next_;
  Source source_;
};

class IcmpProbe final : public Probe {
 public:
  IcmpProbe(const std::string& host, IcmpPlan plan, const Context& context)
      : plan_(std::move(plan)),
        loop_(context.loop),
        target_({host, 0}, plan_.socket, context.resolver, context.vips) {}

  [[nodiscard]] std::expected<std::unique_ptr<Attempt>, ProbeResult> start(Done done) override {
    auto addresses = target_.addresses();
    if (!addresses) return std::unexpected(std::move(addresses.error()));
    auto attempt = std::make_unique<IcmpAttempt>(plan_, loop_, std::move(*addresses), std::move(done));
    if (auto started = attempt->start(); !started) return std::unexpected(std::move(started.error()));
    return attempt;
  }

 private:
  IcmpPlan plan_;
  Loop& loop_;
  Target target_;
};

}  // namespace

CheckedProbe check_icmp(ObjectReader& keys) {
  auto settings = std::make_unique<IcmpSettings>();
  if (keys.require("address") && keys.read("address", settings->host)) {
    const std::string missing = missing_zone(settings->host);
    if (!is_host(settings->host)) keys.fail("address", "must be an address or a name, without a port");
    if (!missing.empty()) keys.fail("address", missing);
  }
  keys.read("count", settings->count, 1, kMostEchoes);
  keys.read("size", settings->size, 0, kLargestPayload);
  keys.read("df", settings->df);
  const std::string literal = literal_of(settings->host);
  return {literal, literal.empty() ? settings->host : literal, std::move(settings)};
}

MadeProbe make_icmp(ProbeSettings& settings, const ProbeSpec& spec, const Context& context) {
  const auto& icmp = static_cast<const IcmpSettings&>(settings);
  return std::make_unique<IcmpProbe>(
      icmp.host, IcmpPlan{icmp.count, icmp.size, icmp.df, spec.socket, spec.timing.timeout / icmp.count},
      context);
}

}  // namespace herald::probes
