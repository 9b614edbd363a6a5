#include "sidecar/http/listener.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/os/temporary_directory.h"

namespace listener_test {

using namespace herald;
using namespace herald::http;

namespace {

std::uint16_t port_of(const Fd& socket) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  REQUIRE(getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
  return ntohs(address.sin_port);
}

ListenAddress local(const std::filesystem::path& path) {
  return ListenAddress{path.native(), {}, 0};
}

// Any port: 0 is not to be configured, but the kernel takes it.
ListenAddress any_port() {
  return ListenAddress{"", *parse_address("127.0.0.1"), 0};
}

}  // namespace

TEST_CASE("listener: a port that is taken is told, with how to find out by whom") {
  const auto first = listen_at(any_port());
  REQUIRE(first);
  const std::uint16_t port = port_of(*first);
  const auto second = listen_at(ListenAddress{"", *parse_address("127.0.0.1"), port});
  REQUIRE_FALSE(second);
  CHECK(second.error().is_taken);
  const std::string number = std::to_string(port);
  CHECK(second.error().text ==
        "127.0.0.1:" + number + ": Address already in use; who has it: ss -ltnp 'sport = :" + number + "'");
}

TEST_CASE("listener: an address that this machine does not have yet is no error") {
  for (const char* address : {"192.0.2.1", "2001:db8::1"}) {
    CAPTURE(address);
    CHECK(listen_at(ListenAddress{"", *parse_address(address), 9476}));
  }
}

TEST_CASE("listener: an address that nobody can have is told, and nobody is to blame") {
  const auto listener = listen_at(ListenAddress{"", *parse_address("fe80::1"), 9476});  // without a link
  REQUIRE_FALSE(listener);
  CHECK_FALSE(listener.error().is_taken);
  CHECK(listener.error().text.find("fe80::1]:9476: Invalid argument") != std::string::npos);
}

TEST_CASE("listener: a path is taken over from who has gone, and from nobody else") {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "http.sock";
  auto first = listen_at(local(path));
  REQUIRE(first);
  struct stat file{};
  REQUIRE(stat(path.c_str(), &file) == 0);
  CHECK((file.st_mode & 0777U) == 0666);
  const auto second = listen_at(local(path));
  REQUIRE_FALSE(second);
  CHECK(second.error().is_taken);
  CHECK(second.error().text.find("who has it: ss -lxp 'src " + path.native() + "'") != std::string::npos);
  first->reset();  // as who is killed leaves it
  CHECK(listen_at(local(path)));
}

TEST_CASE("listener: what is no socket stays where it is") {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "notes.txt";
  std::ofstream(path) << "kept";
  const auto listener = listen_at(local(path));
  REQUIRE_FALSE(listener);
  CHECK(std::filesystem::file_size(path) == 4);
  CHECK_FALSE(listen_at(local(directory.path() / "no" / "such")));
}

}  // namespace listener_test
