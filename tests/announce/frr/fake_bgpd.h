// A bgpd that is nothing but its vty socket, on the loop of the test.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <catch2/catch.hpp>
#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/os/fd.h"
#include "sidecar/os/loop.h"

namespace herald {

class FakeBgpd {
 public:
  // What to send for a line, as it goes over the wire; empty: nothing.
  using OnLine = std::function<std::string(const std::string& line)>;

  static std::string answer(int status, std::string_view text = "") {
    std::string bytes(text);
    bytes.append(3, '\0');
    bytes.push_back(static_cast<char>(status));
    return bytes;
  }

  FakeBgpd(Loop& loop, const std::string& path, OnLine on_line) : loop_(&loop), on_line_(std::move(on_line)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    listener_ = Fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    REQUIRE(bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(listen(listener_.get(), 8) == 0);
    accept_ = loop.watch_io(listener_.get(), EPOLLIN, [this](auto) { accept_one(); });
  }

  std::vector<std::string> lines;  // all that came
  bool closes = false;             // instead of answering

 private:
  struct Client {
    Fd fd;
    std::string pending;
    Source io;
  };

  void accept_one() {
    Client& client = clients_.emplace_back();
    client.fd = Fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    client.io = loop_->watch_io(client.fd.get(), EPOLLIN, [this, &client](auto) { serve(client); });
  }

  void serve(Client& client) {
    std::array<char, 4096> buffer;
    const ssize_t count = recv(client.fd.get(), buffer.data(), buffer.size(), 0);
    if (count <= 0 || closes) {
      client.io.reset();
      client.fd.reset();
      return;
    }
    client.pending.append(buffer.data(), static_cast<std::size_t>(count));
    for (std::size_t end = 0; (end = client.pending.find('\0')) != std::string::npos;) {
      lines.push_back(client.pending.substr(0, end));
      client.pending.erase(0, end + 1);
      const std::string bytes = on_line_(lines.back());
      if (!bytes.empty()) send(client.fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    }
  }

  Loop* loop_;
  OnLine on_line_;
  Fd listener_;
  std::list<Client> clients_;
  Source accept_;
};

}  // namespace herald
