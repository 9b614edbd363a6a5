// HTTP at one listening socket, by libmicrohttpd on the loop: read-only, GET and HEAD, and for anybody who comes.
//
// What a client may take is bounded (ServerLimits), and a connection is for one request: from its beginning to the last byte of the
// answer it has `whole`, however it drips or trickles; but for those that are told of events (event_streams.h). It refuses bodies. Everybody who wants the same at one time gets the same
// copy of it; what slow readers keep of copies is bounded, too.
//
// A request:
//
//   begun      its header is there.
//   waiting    its view is fetched (views.h), and the connection suspended, until it is there or its time is over.
//   answered   libmicrohttpd sends the answer at the client's pace.
//
// Loop and Views outlive it; it is not destroyed from a callback of its own.
#pragma once

#include <microhttpd.h>

#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "sidecar/http/event_streams.h"
#include "sidecar/http/paths.h"
#include "sidecar/http/views.h"
#include "sidecar/os/fd.h"
#include "sidecar/os/loop.h"

namespace herald::http {

// The figures are for tests to shorten.
struct ServerLimits {
  unsigned connections = 512;
  unsigned of_one_client = 256;  // by its address
  std::size_t request_bytes = std::size_t{16} << 10U;
  std::size_t unsent_bytes = std::size_t{64} << 20U;  // of all answers
  unsigned silence_seconds = 10;                      // of one who is to say or to take something
  Duration whole = std::chrono::seconds(30);
  Duration patience = std::chrono::seconds(10);  // of one request, for heraldd
};

class Server {
 public:
  // Accepts nobody before serve(). `path` is removed in the end; "": there is none. The error is a line for people.
  static std::expected<std::unique_ptr<Server>, std::string> start(Loop& loop, Fd listener, std::string path,
                                                                   Views& views, ServerLimits limits = {});
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  void serve();
  // To all who are told of events: one line.
  void tell(std::string_view kind, std::string_view data) { streams_.tell(kind, data); }

 private:
  struct StopDaemon {
    void operator()(MHD_Daemon* daemon) const noexcept { MHD_stop_daemon(daemon); }
  };
  struct FreeResponse {
    void operator()(MHD_Response* response) const noexcept { MHD_destroy_response(response); }
  };
  using Response = std::unique_ptr<MHD_Response, FreeResponse>;

  struct Request {
    Wanted wanted;
    std::optional<Views::Waiter> waiter;  // while it waits
    TimePoint since{};
    Response answer;
    std::optional<std::uint64_t> shares;  // in place of that, one that others have, too
    unsigned status = 0;
  };
  // What was fetched, for those that have waited for it and have not begun to send it yet.
  struct Shared {
    Response response;
    std::size_t takers = 0;
  };

  Server(Loop& loop, std::string path, Views& views, ServerLimits limits);
  static MHD_Result on_request(void* self, MHD_Connection* connection, const char* url, const char* method,
                               const char* version, const char* upload, std::size_t* upload_size,
                               void** request) noexcept;
  static void on_completed(void* self, MHD_Connection* connection, void** request,
                           MHD_RequestTerminationCode code) noexcept;
  static void on_connection(void* self, MHD_Connection* connection, void** context,
                            MHD_ConnectionNotificationCode code) noexcept;

  MHD_Result begin(MHD_Connection& connection, std::string_view url, std::string_view method, void** request);
  MHD_Result go_on(MHD_Connection& connection, Request& request);
  void ready(MHD_Connection& connection, const Views::Fetched* fetched);
  void say(MHD_Connection& connection, Request& request, unsigned status, std::string_view text,
           std::string_view content_type = "text/plain; charset=utf-8");
  void resume(MHD_Connection& connection, Request& request, unsigned status);
  void let_go(Request& request);
  void run_soon();
  [[nodiscard]] MHD_Result tell_of_events(MHD_Connection& connection);
  // Null where there is no memory for it, or too much is unsent.
  [[nodiscard]] Response copy_of(std::string_view text, std::string_view content_type);
  [[nodiscard]] MHD_Result refuse(MHD_Connection& connection, unsigned status, std::string_view text,
                                  const char* header = nullptr, const char* value = nullptr);
  void run();
  void sweep();

  Loop& loop_;
  const std::string path_;
  Views& views_;
  const ServerLimits limits_;
  std::size_t unsent_ = 0;
  std::map<MHD_Connection*, TimePoint> connections_;  // since when each is there
  std::map<MHD_Connection*, Request> requests_;
  std::map<std::uint64_t, Shared> shared_;
  EventStreams streams_{[this] { run_soon(); }};
  TimePoint pulse_at_{};
  std::unique_ptr<MHD_Daemon, StopDaemon> daemon_;
  Source ready_;
  Source timer_;
  Source sweeper_;
};

}  // namespace herald::http
