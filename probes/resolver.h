// Addresses of targets that are given by name. Only names pass through here; a literal address never does.
//
// It refuses to make a probe wait or fail for DNS: an attempt gets the address known now. A stale one is
// refreshed in the background and stays in use until a new one is there; a name that has none yet makes the
// attempt inconclusive. A name has its first kMostAddresses addresses, in the order of the answer, IPv4 before IPv6; a probe tries the
// next one where nobody listens, as every client of the target does.
//
// "localhost" is 127.0.0.1 and ::1, as every resolver has it (RFC 6761), whatever /etc/hosts says.
//
// c-ares and its descriptors exist only once a name is asked for. Must not outlive the loop.
#pragma once

#include <sys/socket.h>

#include <compare>
#include <expected>
#include <map>
#include <string>
#include <vector>

#include "probes/target.h"
#include "sidecar/core/types.h"
#include "sidecar/os/loop.h"
#include "sidecar/text/address.h"

struct ares_addrinfo;
struct ares_channeldata;

namespace herald::probes {

inline constexpr std::size_t kMostAddresses = 8;

class Resolver final : public NameService {
 public:
  // `servers` ("127.0.0.1:53,...") stands for those of /etc/resolv.conf; empty for the latter.
  explicit Resolver(Loop& loop, std::string servers = "");
  ~Resolver() override;

  [[nodiscard]] std::expected<std::vector<Address>, std::string> find(const std::string& name,
                                                                      int family = AF_UNSPEC) override;

 private:
  struct Key {
    std::string name;
    int family = AF_UNSPEC;

    auto operator<=>(const Key&) const = default;
  };
  struct Entry {
    std::vector<Address> addresses;
    std::string error = "the first look-up is under way";
    TimePoint stale_at{};
    TimePoint used_at{};
    bool is_asking = false;
  };
  struct Question;

  void ask(const Key& key, Entry& entry);
  void answer(const Question& question, int status, ares_addrinfo* answers);
  void forget_unused();
  bool open();
  void watch(int fd, bool readable, bool writable);
  void process(int readable, int writable);
  void arm_timer();

  Loop& loop_;
  std::string servers_;
  std::map<Key, Entry> entries_;
  std::size_t asking_ = 0;
  bool must_reopen_ = false;  // after a failure: resolv.conf may have changed
  ares_channeldata* channel_ = nullptr;
  std::map<int, Source> sockets_;
  Source timer_;
};

}  // namespace herald::probes
