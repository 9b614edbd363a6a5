#include "probes/resolver.h"

#include <ares.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

namespace herald::probes {
namespace {

using namespace std::chrono_literals;

constexpr Duration kShortestUse = 5s;
constexpr Duration kLongestUse = 10min;
constexpr Duration kRetryAfter = 5s;
constexpr Duration kForgetAfter = 1h;
constexpr std::size_t kMostNames = 10'000;
// Five seconds in all before a look-up counts as failed; the next one begins with a fresh resolv.conf.
constexpr int kTryTimeout = 1500;
constexpr int kTries = 2;

Address address_of(const sockaddr& from) {
  Address address{from.sa_family, {}, 0};
  if (from.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &from, sizeof v4);
    std::memcpy(address.bytes.data(), &v4.sin_addr, sizeof v4.sin_addr);
    address.prefix_length = 32;
  } else {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &from, sizeof v6);
    std::memcpy(address.bytes.data(), &v6.sin6_addr, sizeof v6.sin6_addr);
    address.prefix_length = 128;
  }
  return address;
}

void append(const ares_addrinfo& answers, int family, std::vector<Address>& out) {
  for (const auto* node = answers.nodes; node != nullptr && out.size() < kMostAddresses;
       node = node->ai_next) {
    if (node->ai_family == family) out.push_back(address_of(*node->ai_addr));
  }
}

std::vector<Address> loopback(int family) {
  std::vector<Address> addresses;
  if (family != AF_INET6) addresses.push_back(*parse_address("127.0.0.1"));
  if (family != AF_INET) addresses.push_back(*parse_address("::1"));
  return addresses;
}

}  // namespace

struct Resolver::Question {
  Resolver& resolver;
  Key key;
};

Resolver::Resolver(Loop& loop, std::string servers) : loop_(loop), servers_(std::move(servers)) {}

Resolver::~Resolver() {
  if (channel_ != nullptr) ares_destroy(channel_);
}

std::expected<std::vector<Address>, std::string> Resolver::find(const std::string& name, int family) {
  if (name == "localhost") return loopback(family);
  const Key key{name, family};
  auto found = entries_.find(key);
  if (found == entries_.end()) {
    forget_unused();
    if (entries_.size() >= kMostNames) return std::unexpected("too many names");
    found = entries_.try_emplace(key).first;
  }
  Entry& entry = found->second;
  entry.used_at = loop_.now();
  // What is in flight ends within seconds, and until then nothing is added to it: look-ups that overlap for
  // ever would put off the reopening for ever.
  const bool must_wait = must_reopen_ && asking_ > 0;
  if (!entry.is_asking && !must_wait && entry.stale_at <= loop_.now()) ask(key, entry);
  if (!entry.addresses.empty()) return entry.addresses;
  return std::unexpected(entry.error);
}

void Resolver::ask(const Key& key, Entry& entry) {
  if (!open()) {
    entry.error = "the resolver cannot be set up";
    entry.stale_at = loop_.now() + kRetryAfter;
    return;
  }
  entry.is_asking = true;
  ++asking_;
  ares_addrinfo_hints hints{};
  hints.ai_family = key.family;
  hints.ai_flags = ARES_AI_NOSORT;  // sorting opens sockets, and the order is ours anyway
  // The answer may come before this returns (a name of /etc/hosts).
  auto question = std::make_unique<Question>(*this, key);
  ares_getaddrinfo(
      channel_, key.name.c_str(), nullptr, &hints,
      [](void* asked, int status, int, ares_addrinfo* answers) noexcept {
        const std::unique_ptr<Question> back(static_cast<Question*>(asked));
        const std::unique_ptr<ares_addrinfo, decltype(&ares_freeaddrinfo)> owned(answers, ares_freeaddrinfo);
        if (status != ARES_EDESTRUCTION) back->resolver.answer(*back, status, answers);
      },
      question.release());
  arm_timer();
}

void Resolver::answer(const Question& question, int status, ares_addrinfo* answers) {
  --asking_;
  Entry& entry = entries_[question.key];
  entry.is_asking = false;
  std::vector<Address> addresses;
  if (status == ARES_SUCCESS && answers != nullptr) {
    append(*answers, AF_INET, addresses);
    append(*answers, AF_INET6, addresses);
  }
  if (addresses.empty()) {
    entry.error = ares_strerror(status == ARES_SUCCESS ? ARES_ENODATA : status);
    entry.stale_at = loop_.now() + kRetryAfter;
    must_reopen_ = true;
    return;
  }
  entry.addresses = std::move(addresses);
  entry.stale_at = loop_.now() + std::clamp<Duration>(std::chrono::seconds(answers->nodes->ai_ttl),
                                                      kShortestUse, kLongestUse);
}

void Resolver::forget_unused() {
  const TimePoint now = loop_.now();
  std::erase_if(entries_, [&](const auto& named) {
    return !named.second.is_asking && named.second.used_at + kForgetAfter < now;
  });
}

bool Resolver::open() {
  // Never with a look-up in flight: it would be lost, and this may be called from its callback.
  if (channel_ != nullptr && must_reopen_ && asking_ == 0) {
    ares_destroy(std::exchange(channel_, nullptr));
    sockets_.clear();
  }
  if (channel_ != nullptr) return true;
  must_reopen_ = false;
  ares_options options{};
  options.timeout = kTryTimeout;
  options.tries = kTries;
  options.sock_state_cb = [](void* self, ares_socket_t fd, int readable, int writable) noexcept {
    static_cast<Resolver*>(self)->watch(fd, readable != 0, writable != 0);
  };
  options.sock_state_cb_data = this;
  const int flags = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
  if (ares_init_options(&channel_, &options, flags) != ARES_SUCCESS) {
    channel_ = nullptr;
    return false;
  }
  if (!servers_.empty()) ares_set_servers_ports_csv(channel_, servers_.c_str());
  if (!timer_) timer_ = loop_.timer([this] { process(ARES_SOCKET_BAD, ARES_SOCKET_BAD); });
  return true;
}

void Resolver::watch(int fd, bool readable, bool writable) {
  if (!readable && !writable) {
    sockets_.erase(fd);
    return;
  }
  const std::uint32_t events = (readable ? EPOLLIN : 0U) | (writable ? EPOLLOUT : 0U);
  auto& source = sockets_[fd];
  if (source) return source.set_io_events(events);
  source = loop_.watch_io(fd, events, [this, fd](std::uint32_t ready) {
    const bool can_read = (ready & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0;
    process(can_read ? fd : ARES_SOCKET_BAD, (ready & EPOLLOUT) != 0 ? fd : ARES_SOCKET_BAD);
  });
}

void Resolver::process(int readable, int writable) {
  ares_process_fd(channel_, readable, writable);
  arm_timer();
}

void Resolver::arm_timer() {
  timeval wait{};
  if (ares_timeout(channel_, nullptr, &wait) == nullptr) return timer_.disarm();
  timer_.set_time(loop_.now() + std::chrono::seconds(wait.tv_sec) + std::chrono::microseconds(wait.tv_usec));
}

}  // namespace herald::probes
