// A client of an HTTP server in the same process, as simple as can be: what it sends is given byte by byte, and what comes is what
// there was until now.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "sidecar/os/fd.h"
#include "sidecar/os/loop.h"
#include "tests/os/run_until.h"

namespace fixture {

using namespace herald;
using namespace std::chrono_literals;

class Client {
 public:
  explicit Client(std::uint16_t port) {
    const int small = 4096;  // what is not read soon fills it
    setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }

  // False where the other end is gone.
  bool send(std::string_view text) const {
    return ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
  }
  bool get(std::string_view path, std::string_view more = "") const {
    return send("GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n" + std::string(more) + "\r\n");
  }
  const std::string& received() {
    std::array<char, 65536> buffer;
    ssize_t count = 0;
    while ((count = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT)) > 0)
      received_.append(buffer.data(), static_cast<std::size_t>(count));
    is_over_ = is_over_ || count == 0 || errno != EAGAIN;
    return received_;
  }
  // The whole answer: the server closes behind it.
  bool is_over() {
    (void)received();
    return is_over_;
  }
  std::string answer(Loop& loop, Duration most = 20s) {
    CHECK(run_until(loop, [this] { return is_over(); }, most));
    return received_;
  }

 private:
  Fd fd_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::string received_;
  bool is_over_ = false;
};

inline bool has_status(std::string_view answer, std::string_view status) {
  return answer.starts_with("HTTP/1.1 " + std::string(status) + " ");
}

inline std::string body_of(const std::string& answer) {
  const std::size_t at = answer.find("\r\n\r\n");
  return at == std::string::npos ? "" : answer.substr(at + 4);
}

}  // namespace fixture
