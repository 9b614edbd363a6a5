// Clients that are told of events as they happen (server-sent events, https://html.spec.whatwg.org/multipage/server-sent-events.html).
//
// A stream:
//
//   asleep    it was sent all that there was; its connection is suspended.
//   awake     there is something for it, which libmicrohttpd takes at the client's pace.
//   over      too much was left unread: it ends.
//
// Its end is libmicrohttpd's matter: the response is released with the connection, and the stream with the response. end() has to
// come before libmicrohttpd is stopped. This outlives every response that it has made.
#pragma once

#include <microhttpd.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace herald::http {

class EventStreams {
 public:
  static constexpr std::size_t kMost = 64;
  static constexpr std::size_t kMostUnsent = std::size_t{128} << 10U;  // bytes of one client

  // `woken`: libmicrohttpd is to be run.
  explicit EventStreams(std::function<void()> woken) : woken_(std::move(woken)) {}
  EventStreams(const EventStreams&) = delete;
  EventStreams& operator=(const EventStreams&) = delete;
  ~EventStreams() = default;

  // Null where there are too many, or there is no memory.
  [[nodiscard]] MHD_Response* open(MHD_Connection& connection);
  [[nodiscard]] bool has(const MHD_Connection* connection) const;
  // One line.
  void tell(std::string_view kind, std::string_view data);
  // Finds out who has gone.
  void pulse();
  void end();

 private:
  struct Stream {
    EventStreams& all;
    MHD_Connection& connection;
    std::string unsent;
    bool is_asleep = false;
    bool is_over = false;
  };

  static ssize_t on_room(void* stream, std::uint64_t position, char* buffer, std::size_t room) noexcept;
  static void on_released(void* stream) noexcept;
  void send(std::string_view text);
  void wake(Stream& stream);

  std::function<void()> woken_;
  std::map<const MHD_Connection*, std::unique_ptr<Stream>> streams_;
};

}  // namespace herald::http
