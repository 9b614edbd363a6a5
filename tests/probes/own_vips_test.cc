// Whether an address is on this machine is the kernel's to say, at the moment when it is asked.
#include "probes/own_vips.h"

#include <array>
#include <catch2/catch.hpp>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/os/own_namespace.h"

namespace own_vips_test {

using namespace herald;
using namespace herald::probes;

namespace {

SocketAddress at(const std::string& text) {
  return socket_address(*parse_address(text), 80);
}

bool here(const std::string& text, const SocketOptions& options = {}) {
  const auto is_one = is_here(at(text), options);
  CHECK(is_one);
  return is_one && *is_one;
}

}  // namespace

TEST_CASE("VIPs are addresses of both families, whatever the port") {
  OwnVips vips;
  CHECK_FALSE(vips.contains(at("10.99.0.1")));
  vips.set({*parse_address("10.99.0.1"), *parse_address("fd00:99::1")});
  CHECK(vips.contains(at("10.99.0.1")));
  CHECK(vips.contains(socket_address(*parse_address("fd00:99::1"), 0)));
  CHECK_FALSE(vips.contains(at("10.99.0.2")));
  vips.set({});
  CHECK_FALSE(vips.contains(at("10.99.0.1")));
}

// In a namespace of its own, which is the thread's.
void check_interfaces() {
  enter_new_namespace();
  const auto run = [](const std::string& command) { CHECK(std::system(command.c_str()) == 0); };
  for (const char* command :
       {"ip link add uplink type veth peer name far", "ip link set far up", "ip link set uplink up",
        "ip address add 192.0.2.2/24 dev uplink", "ip route add default via 192.0.2.1"})
    run(command);
  for (const std::string address : {"10.99.0.1", "fd00:99::1"}) {
    for (const std::string device : {"lo", "uplink"}) {
      CAPTURE(address, device);
      CHECK_FALSE(here(address));
      const std::string place =
          (address.contains(':') ? address + "/128 nodad" : address + "/32") + " dev " + device;
      run("ip address add " + place);
      CHECK(here(address));
      run("ip address del " + place);
    }
  }
  run("ip address add 10.99.0.1/32 dev lo");
  CHECK(here("10.99.0.1", {"192.0.2.2", "", 0}));  // whatever the source of the attempts is
  CHECK(here("10.99.0.1", {"", "lo", 0}));
  CHECK_FALSE(here("10.99.0.1", {"", "uplink", 0}));  // its packets leave by that
}

// Two ports for all, and both taken.
void check_without_ports() {
  enter_new_namespace();
  CHECK(std::system("ip address add 10.99.0.1/32 dev lo") == 0);
  std::ofstream("/proc/sys/net/ipv4/ip_local_port_range") << "40000 40001\n";
  std::vector<Fd> taken;
  for (const std::uint16_t port : std::to_array<std::uint16_t>({40000, 40001})) {
    taken.emplace_back(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const SocketAddress any = socket_address(*parse_address("0.0.0.0"), port);
    REQUIRE(bind(taken.back().get(), any.get(), any.size) == 0);
  }
  const auto found = is_here(at("10.99.0.1"), {});
  REQUIRE_FALSE(found);
  CHECK(found.error().verdict == Verdict::inconclusive);
  CHECK(found.error().reason == Reason::local);
  taken.clear();
  CHECK(here("10.99.0.1"));
}

TEST_CASE("herald's own lack of ports says nothing of where an address is") {
  std::thread(check_without_ports).join();
}

TEST_CASE("an address is here from when it is put on an interface until it is taken away") {
  std::thread(check_interfaces).join();
}

}  // namespace own_vips_test
