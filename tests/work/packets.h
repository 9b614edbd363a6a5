// The other end of a channel: packets as they are on a socket, each with its size before it, and the messages in them.
#pragma once

#include <sys/socket.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "sidecar/os/fd.h"
#include "sidecar/work/http_message.h"
#include "sidecar/work/message.h"

namespace herald::work {

inline std::string framed(std::string_view packet) {
  const auto size = static_cast<std::uint32_t>(packet.size());
  std::string bytes(sizeof size, '\0');
  std::memcpy(bytes.data(), &size, sizeof size);
  return bytes.append(packet);
}

template <typename Message>
std::string packet_of(const std::vector<Message>& messages) {
  std::string packet;
  for (const Message& message : messages) append(packet, message);
  return packet;
}

inline void send_packet(const Fd& socket, std::string_view packet) {
  REQUIRE(write_all(socket, framed(packet)));
}

// All that has come until now.
inline std::string receive_bytes(const Fd& socket) {
  std::string all;
  std::array<char, 65536> buffer;
  ssize_t count = 0;
  while ((count = recv(socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT)) > 0)
    all.append(buffer.data(), static_cast<std::size_t>(count));
  return all;
}

// The orders, or the reports, that have come; each of them can be read.
template <typename Message>
class Received {
 public:
  void take(const Fd& socket) {
    bytes_ += receive_bytes(socket);
    std::uint32_t size = 0;
    while (bytes_.size() >= sizeof size) {
      std::memcpy(&size, bytes_.data(), sizeof size);
      if (bytes_.size() < sizeof size + size) return;
      const auto read = messages_of(std::string_view(bytes_).substr(sizeof size, size));
      REQUIRE(read);
      messages_.insert(messages_.end(), read->begin(), read->end());
      bytes_.erase(0, sizeof size + size);
    }
  }

  [[nodiscard]] const std::vector<Message>& all() const { return messages_; }
  // Those of one kind.
  template <typename One>
  [[nodiscard]] std::vector<One> of() const {
    std::vector<One> found;
    for (const Message& message : messages_) {
      if (const auto* one = std::get_if<One>(&message)) found.push_back(*one);
    }
    return found;
  }

 private:
  static auto messages_of(std::string_view packet) {
    if constexpr (std::is_same_v<Message, Order>) {
      return read_orders(packet);
    } else if constexpr (std::is_same_v<Message, HttpOrder>) {
      return read_http_orders(packet);
    } else if constexpr (std::is_same_v<Message, HttpReport>) {
      return read_http_reports(packet);
    } else {
      return read_reports(packet);
    }
  }

  std::string bytes_;
  std::vector<Message> messages_;
};

}  // namespace herald::work
