// rtnetlink for addresses: messages by libmnl, on two sockets, one for requests and one for notifications.
//
// The kernel answers a request before send() returns, so requests are made and answered in place; a second
// bounds what else may happen. No request needs a descriptor beside its socket's: a lease has to be refreshed, and a dead service
// withdrawn, also when there is none left. Ownership: an address of ours carries IFA_PROTO (Linux 5.18), and a label
// ("lo:herald", IPv4 only) that `ip address` can show. On older kernels the label is the mark; see
// AddressMark.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/os/fd.h"
#include "sidecar/text/address.h"

struct mnl_socket;
struct nlmsghdr;

namespace herald {

struct AddressMessage;
struct Link;

// Our number among the kernel's address protocols; 1 to 3 are the kernel's own (linux/if_addr.h).
inline constexpr std::uint8_t kAddressProtocol = 72;

// How an address is recognised as ours.
enum class AddressMark : std::uint8_t {
  protocol,  // IFA_PROTO is kAddressProtocol
  label      // before 5.18: the IPv4 label; for IPv6, which has none, a finite lifetime of a configured VIP
};
// What the running kernel can do, by its release.
[[nodiscard]] AddressMark kernel_address_mark();

struct KernelAddress {
  Address address;
  std::string interface;
  std::string label;                           // IPv4
  std::uint8_t protocol = 0;                   // IFA_PROTO, 0 when there is none
  std::optional<std::uint32_t> valid_seconds;  // what is left of its lifetime; none: permanent
};

// "lo:herald", or "" when the interface's name leaves no room: a label has 15 characters.
inline constexpr std::size_t kLongestLabelledInterface = 15 - std::string_view(":herald").size();
[[nodiscard]] std::string address_label(const std::string& interface);

// Whether it carries herald's mark. Before 5.18 nothing but its lifetime marks an IPv6 address, so only one that equals a
// `configured` VIP is taken for marked.
[[nodiscard]] bool is_marked(const KernelAddress& address, AddressMark mark, bool configured);

class AddressSocket {
 public:
  static std::expected<AddressSocket, std::string> open();

  AddressSocket(AddressSocket&&) noexcept = default;
  AddressSocket& operator=(AddressSocket&&) noexcept = default;
  ~AddressSocket() = default;

  [[nodiscard]] int fd() const;

  // Every address of this network namespace. A dump that fails or that changes interrupt is begun again a few
  // times. The error is a line for people.
  [[nodiscard]] std::expected<std::vector<KernelAddress>, std::string> list();

  // Each answers with 0 or an errno value. `seconds`: lifetime; none: permanent.
  enum class Mode : std::uint8_t { create, replace };
  [[nodiscard]] int set(const Address& address, const std::string& interface,
                        std::optional<std::uint32_t> seconds, Mode mode);
  [[nodiscard]] int remove(const Address& address, const std::string& interface);

 private:
  struct Close {
    void operator()(mnl_socket* socket) const noexcept;
  };
  explicit AddressSocket(mnl_socket* socket) : socket_(socket) {}
  // The errors are errno values.
  std::expected<std::vector<KernelAddress>, int> list_once();
  std::expected<std::vector<AddressMessage>, int> dump_addresses();
  void skip_rest();
  // By number or by name; ENODEV: there is none.
  template <typename Asked>
  std::expected<Link, int> find_link(const Asked& asked);
  // `take` gets what is no error.
  using Take = int (*)(const nlmsghdr* header, void* taken);
  int transact(nlmsghdr* message, Take take = nullptr, void* taken = nullptr);
  std::expected<std::size_t, int> receive(std::span<char> buffer);

  std::unique_ptr<mnl_socket, Close> socket_;
  std::uint32_t sequence_ = 0;
};

// Notifications of addresses and links.
class AddressMonitor {
 public:
  static std::expected<AddressMonitor, std::string> open();

  [[nodiscard]] int fd() const { return fd_.get(); }
  // Reads what has come. True when something may have changed; also when the kernel dropped notifications
  // (ENOBUFS).
  [[nodiscard]] bool drain();

 private:
  explicit AddressMonitor(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

}  // namespace herald
