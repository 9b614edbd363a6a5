#include "sidecar/os/netlink.h"

#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <utility>

#include "sidecar/os/address_message.h"
#include "sidecar/os/link_message.h"

namespace herald {
namespace {

constexpr std::size_t kDumpBuffer = 32768;  // as the kernel's own dumps are sized
constexpr int kMonitorBuffer = 1 << 20;
constexpr int kMostReadsPerDrain = 256;
constexpr int kMostListAttempts = 5;
constexpr int kMostStaleReplies = 1024;

std::size_t size_of(const Address& address) {
  return address.family == AF_INET ? 4 : 16;
}

nlmsghdr* start_message(void* buffer, std::uint16_t type, std::uint16_t flags, const Address& address,
                        std::uint32_t index) {
  nlmsghdr* header = mnl_nlmsg_put_header(buffer);
  header->nlmsg_type = type;
  header->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
  auto* body = static_cast<ifaddrmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(ifaddrmsg)));
  body->ifa_family = static_cast<std::uint8_t>(address.family);
  body->ifa_prefixlen = address.prefix_length;
  body->ifa_scope = RT_SCOPE_UNIVERSE;
  body->ifa_index = index;
  mnl_attr_put(header, IFA_LOCAL, size_of(address), address.bytes.data());
  mnl_attr_put(header, IFA_ADDRESS, size_of(address), address.bytes.data());
  return header;
}

// Nobody's packets are to leave from an anycast address by themselves: the answers would go to another site. An IPv6 address
// that is deprecated is chosen as a source only when there is no other (RFC 6724, rule 3); it is answered as any is, and FRR and
// BIRD redistribute it. IPv4 has no such choice: the kernel takes the first address of the interface that the packet leaves by.
std::uint32_t preferred_lifetime(const Address& address, std::uint32_t lifetime) {
  return address.family == AF_INET6 ? 0 : lifetime;
}

using Dump = std::vector<AddressMessage>;

int take_address_message(const nlmsghdr* header, void* data) noexcept {
  if (auto read = read_address_message(header)) static_cast<Dump*>(data)->push_back(std::move(*read));
  return MNL_CB_OK;
}

int take_link_message(const nlmsghdr* header, void* data) noexcept {
  auto& link = *static_cast<std::optional<Link>*>(data);
  if (!link) link = read_link_message(header);
  return MNL_CB_OK;
}

// Whether addresses changed under the dump, so that one may be missing from it. The mark is taken away: mnl_cb_run() would stop
// at it and leave the rest of the dump unread, which would stand in the way of the next one.
bool take_interruption(std::span<char> datagram) {
  bool interrupted = false;
  while (datagram.size() >= sizeof(nlmsghdr)) {
    nlmsghdr header{};
    std::memcpy(&header, datagram.data(), sizeof header);
    interrupted = interrupted || (header.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
    header.nlmsg_flags = static_cast<std::uint16_t>(header.nlmsg_flags & ~NLM_F_DUMP_INTR);
    std::memcpy(datagram.data(), &header, sizeof header);
    datagram = datagram.subspan(std::min<std::size_t>(NLMSG_ALIGN(header.nlmsg_len), datagram.size()));
  }
  return interrupted;
}

}  // namespace

AddressMark kernel_address_mark() {
  utsname name{};
  int major = 0;
  int minor = 0;
  uname(&name);
  if (std::sscanf(name.release, "%d.%d", &major, &minor) != 2) return AddressMark::label;
  return major > 5 || (major == 5 && minor >= 18) ? AddressMark::protocol : AddressMark::label;
}

bool is_marked(const KernelAddress& address, AddressMark mark, bool configured) {
  if (mark == AddressMark::protocol) return address.protocol == kAddressProtocol;
  if (address.address.family == AF_INET)
    return !address.label.empty() && address.label == address_label(address.interface);
  return configured && address.valid_seconds.has_value();
}

std::string address_label(const std::string& interface) {
  std::string label = interface + ":herald";
  return label.size() < IFNAMSIZ ? label : "";
}

void AddressSocket::Close::operator()(mnl_socket* socket) const noexcept {
  mnl_socket_close(socket);
}

std::expected<AddressSocket, std::string> AddressSocket::open() {
  mnl_socket* socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
  if (socket == nullptr) return std::unexpected(system_error_text("open a netlink socket"));
  AddressSocket opened(socket);
  if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
    return std::unexpected(system_error_text("bind a netlink socket"));
  const timeval patience{.tv_sec = 1, .tv_usec = 0};
  setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return opened;
}

int AddressSocket::fd() const {
  return mnl_socket_get_fd(socket_.get());
}

std::expected<std::vector<KernelAddress>, std::string> AddressSocket::list() {
  int error = 0;
  for (int attempt = 0; attempt < kMostListAttempts; ++attempt) {
    auto listed = list_once();
    if (listed) return std::move(*listed);
    error = listed.error();
    skip_rest();
  }
  return std::unexpected(error == EINTR ? "list addresses: they change faster than they can be read"
                                        : system_error_text("list addresses", error));
}

std::expected<std::vector<KernelAddress>, int> AddressSocket::list_once() {
  auto dump = dump_addresses();
  if (!dump) return std::unexpected(dump.error());
  std::map<std::uint32_t, std::string> names;  // "": the link has gone since, and its addresses with it
  std::vector<KernelAddress> addresses;
  for (AddressMessage& message : *dump) {
    auto name = names.find(message.index);
    if (name == names.end()) {
      const auto link = find_link(message.index);
      if (!link && link.error() != ENODEV) return std::unexpected(link.error());
      name = names.emplace(message.index, link ? link->name : "").first;
    }
    if (name->second.empty()) continue;
    message.address.interface = name->second;
    addresses.push_back(std::move(message.address));
  }
  return addresses;
}

std::expected<std::vector<AddressMessage>, int> AddressSocket::dump_addresses() {
  alignas(nlmsghdr) std::array<char, kDumpBuffer> buffer;
  nlmsghdr* header = mnl_nlmsg_put_header(buffer.data());
  header->nlmsg_type = RTM_GETADDR;
  header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  header->nlmsg_seq = ++sequence_;
  mnl_nlmsg_put_extra_header(header, sizeof(ifaddrmsg));
  mnl_socket* socket = socket_.get();
  if (mnl_socket_sendto(socket, header, header->nlmsg_len) < 0) return std::unexpected(errno);
  Dump dump;
  bool interrupted = false;
  for (;;) {
    const auto size = receive(buffer);
    if (!size) return std::unexpected(size.error());
    interrupted = take_interruption(std::span(buffer).first(*size)) || interrupted;
    const int more = mnl_cb_run(buffer.data(), *size, sequence_, mnl_socket_get_portid(socket),
                                take_address_message, &dump);
    if (more == MNL_CB_ERROR) return std::unexpected(errno);
    if (more == MNL_CB_STOP) break;
  }
  if (interrupted) return std::unexpected(EINTR);
  return dump;
}

// What is left unread of a dump that failed: the kernel would refuse the next one (EBUSY) or answer with it. Reading drives the
// dump on, so that at its end there is nothing; a fresh socket would do as well, and need a descriptor.
void AddressSocket::skip_rest() {
  std::array<char, kDumpBuffer> buffer;
  for (int reads = 0; reads < kMostStaleReplies; ++reads) {
    if (recv(fd(), buffer.data(), buffer.size(), MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EBADF))
      return;
  }
}

template <typename Asked>
std::expected<Link, int> AddressSocket::find_link(const Asked& asked) {
  LinkQuestion question;
  std::optional<Link> link;
  if (const int error = transact(ask_link(question, asked), take_link_message, &link); error != 0)
    return std::unexpected(error);
  if (!link) return std::unexpected(EBADMSG);
  return std::move(*link);
}

int AddressSocket::transact(nlmsghdr* header, Take take, void* taken) {
  header->nlmsg_seq = ++sequence_;
  mnl_socket* socket = socket_.get();
  if (mnl_socket_sendto(socket, header, header->nlmsg_len) < 0) return errno;
  alignas(nlmsghdr) std::array<char, kDumpBuffer> buffer;
  const auto size = receive(buffer);
  if (!size) return size.error();
  const int result = mnl_cb_run(buffer.data(), *size, sequence_, mnl_socket_get_portid(socket), take, taken);
  return result == MNL_CB_ERROR ? errno : 0;
}

// The next datagram that answers the current request. One of an earlier request, which had timed out, is
// skipped: here rather than by what mnl_cb_run() says of it, since the kernel may answer with the same errno.
std::expected<std::size_t, int> AddressSocket::receive(std::span<char> buffer) {
  for (int stale = 0; stale < kMostStaleReplies; ++stale) {
    const ssize_t size = mnl_socket_recvfrom(socket_.get(), buffer.data(), buffer.size());
    if (size < 0) return std::unexpected(errno);
    const std::span<const char> datagram = buffer.first(static_cast<std::size_t>(size));
    if (datagram.empty() || !messages_fit(datagram)) return std::unexpected(EBADMSG);
    nlmsghdr header{};
    std::memcpy(&header, datagram.data(), sizeof header);
    if (header.nlmsg_seq == sequence_) return datagram.size();
  }
  return std::unexpected(EPROTO);
}

int AddressSocket::set(const Address& address, const std::string& interface,
                       std::optional<std::uint32_t> seconds, Mode mode) {
  const auto link = find_link(interface);
  if (!link) return link.error();
  alignas(nlmsghdr) std::array<char, 512> buffer{};
  const auto how =
      static_cast<std::uint16_t>(mode == Mode::create ? NLM_F_CREATE | NLM_F_EXCL : NLM_F_REPLACE);
  nlmsghdr* header = start_message(buffer.data(), RTM_NEWADDR, how, address, link->index);
  const std::uint32_t lifetime = seconds.value_or(kForeverSeconds);
  const ifa_cacheinfo info{
      .ifa_prefered = preferred_lifetime(address, lifetime), .ifa_valid = lifetime, .cstamp = 0, .tstamp = 0};
  mnl_attr_put(header, IFA_CACHEINFO, sizeof info, &info);
  mnl_attr_put_u8(header, IFA_PROTO, kAddressProtocol);  // every refresh repeats it, or the kernel drops it
  // Duplicate address detection is for links with neighbours; a VIP must be usable at once.
  if (address.family == AF_INET6) mnl_attr_put_u32(header, IFA_FLAGS, IFA_F_NODAD);
  const std::string label = address_label(interface);
  if (address.family == AF_INET && !label.empty()) mnl_attr_put_strz(header, IFA_LABEL, label.c_str());
  return transact(header);
}

int AddressSocket::remove(const Address& address, const std::string& interface) {
  const auto link = find_link(interface);
  if (!link) return link.error() == ENODEV ? 0 : link.error();  // the interface took the address with it
  alignas(nlmsghdr) std::array<char, 512> buffer{};
  return transact(start_message(buffer.data(), RTM_DELADDR, 0, address, link->index));
}

std::expected<AddressMonitor, std::string> AddressMonitor::open() {
  Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  if (!fd) return std::unexpected(system_error_text("open a netlink socket"));
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kMonitorBuffer, sizeof kMonitorBuffer);
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
    return std::unexpected(system_error_text("subscribe to address changes"));
  }
  return AddressMonitor(std::move(fd));
}

bool AddressMonitor::drain() {
  bool changed = false;
  std::array<char, kDumpBuffer> buffer;
  for (int reads = 0; reads < kMostReadsPerDrain; ++reads) {
    const ssize_t size = recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (size >= 0 || errno == ENOBUFS) {
      changed = true;
    } else if (errno != EINTR) {
      break;
    }
  }
  return changed;
}

}  // namespace herald
