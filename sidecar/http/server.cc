#include "sidecar/http/server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace herald::http {
namespace {

constexpr Duration kSweepEvery = std::chrono::seconds(1);
constexpr Duration kPulseEvery = std::chrono::seconds(10);
constexpr const char* kPlain = "text/plain; charset=utf-8";
constexpr unsigned kUnavailable = MHD_HTTP_SERVICE_UNAVAILABLE;
constexpr const char* kNoAnswer = "heraldd does not answer\n";

// The text of an answer, until libmicrohttpd has sent it to all who wait for it.
struct Body {
  std::string text;
  std::size_t& unsent;

  static void release(void* self) noexcept {
    const std::unique_ptr<Body> body(static_cast<Body*>(self));
    body->unsent -= body->text.size();
  }
};

void dress(MHD_Response& response, const std::string& content_type) {
  const std::pair<const char*, const char*> headers[] = {{MHD_HTTP_HEADER_CONTENT_TYPE, content_type.c_str()},
                                                         {MHD_HTTP_HEADER_CACHE_CONTROL, "no-store"},
                                                         {MHD_HTTP_HEADER_CONNECTION, "close"},
                                                         {"X-Content-Type-Options", "nosniff"}};
  for (const auto& [name, value] : headers) (void)MHD_add_response_header(&response, name, value);
}

}  // namespace

Server::Server(Loop& loop, std::string path, Views& views, ServerLimits limits)
    : loop_(loop), path_(std::move(path)), views_(views), limits_(limits) {}

std::expected<std::unique_ptr<Server>, std::string> Server::start(Loop& loop, Fd listener, std::string path,
                                                                  Views& views, ServerLimits limits) {
  std::unique_ptr<Server> server(new Server(loop, std::move(path), views, limits));
  server->daemon_.reset(MHD_start_daemon(
      MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, nullptr, nullptr, &on_request, server.get(),
      MHD_OPTION_LISTEN_SOCKET, listener.get(), MHD_OPTION_CONNECTION_LIMIT, limits.connections,
      MHD_OPTION_PER_IP_CONNECTION_LIMIT, limits.of_one_client, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
      limits.request_bytes, MHD_OPTION_CONNECTION_TIMEOUT, limits.silence_seconds,
      MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_NOTIFY_COMPLETED,
      &on_completed, server.get(), MHD_OPTION_NOTIFY_CONNECTION, &on_connection, server.get(),
      MHD_OPTION_END));
  if (!server->daemon_) return std::unexpected("libmicrohttpd does not start");
  (void)listener.release();  // libmicrohttpd closes it
  return server;
}

// libmicrohttpd may not end while connections are suspended.
Server::~Server() {
  for (auto& [connection, request] : requests_) {
    if (!request.waiter) continue;
    views_.drop(*request.waiter);
    say(*connection, request, kUnavailable, "herald-http ends\n");
  }
  streams_.end();
  daemon_.reset();
  if (!path_.empty()) ::unlink(path_.c_str());
}

void Server::serve() {
  const MHD_DaemonInfo* info = MHD_get_daemon_info(daemon_.get(), MHD_DAEMON_INFO_EPOLL_FD);
  timer_ = loop_.timer([this] { run(); });
  sweeper_ = loop_.timer([this] { sweep(); });
  sweeper_.set_time(Loop::clock() + kSweepEvery);
  if (info != nullptr) ready_ = loop_.watch_io(info->epoll_fd, EPOLLIN, [this](std::uint32_t) { run(); });
  run();
}

void Server::run() {
  (void)MHD_run(daemon_.get());
  MHD_UNSIGNED_LONG_LONG milliseconds = 0;
  if (MHD_get_timeout(daemon_.get(), &milliseconds) != MHD_YES) return timer_.disarm();
  constexpr MHD_UNSIGNED_LONG_LONG kMost = 60'000;
  timer_.set_time(Loop::clock() + std::chrono::milliseconds(std::min(milliseconds, kMost)));
}

// ---- what libmicrohttpd tells

MHD_Result Server::on_request(void* self, MHD_Connection* connection, const char* url, const char* method,
                              const char* /*version*/, const char* /*upload*/, std::size_t* upload_size,
                              void** request) noexcept {
  Server& server = *static_cast<Server*>(self);
  if (*request == nullptr) return server.begin(*connection, url, method, request);
  if (*upload_size != 0) return MHD_NO;  // it said that it had none
  return server.go_on(*connection, *static_cast<Request*>(*request));
}

void Server::on_completed(void* self, MHD_Connection* connection, void** /*request*/,
                          MHD_RequestTerminationCode /*code*/) noexcept {
  Server& server = *static_cast<Server*>(self);
  const auto found = server.requests_.find(connection);
  if (found == server.requests_.end()) return;
  if (found->second.waiter) server.views_.drop(*found->second.waiter);
  server.let_go(found->second);
  server.requests_.erase(found);
}

void Server::on_connection(void* self, MHD_Connection* connection, void** /*context*/,
                           MHD_ConnectionNotificationCode code) noexcept {
  Server& server = *static_cast<Server*>(self);
  if (code == MHD_CONNECTION_NOTIFY_STARTED) {
    server.connections_[connection] = Loop::clock();
  } else {
    server.connections_.erase(connection);
  }
}

// ---- one request

MHD_Result Server::begin(MHD_Connection& connection, std::string_view url, std::string_view method,
                         void** request) {
  if (method != MHD_HTTP_METHOD_GET && method != MHD_HTTP_METHOD_HEAD) {
    return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "this is only to be looked at\n",
                  MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
  }
  for (const char* header : {MHD_HTTP_HEADER_CONTENT_LENGTH, MHD_HTTP_HEADER_TRANSFER_ENCODING}) {
    const char* value = MHD_lookup_connection_value(&connection, MHD_HEADER_KIND, header);
    if (value != nullptr && std::string_view(value) != "0")
      return refuse(connection, MHD_HTTP_CONTENT_TOO_LARGE, "this takes no body\n");
  }
  const char* accept = MHD_lookup_connection_value(&connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
  if (url == kEventsPath) return tell_of_events(connection);
  auto wanted = wanted_at(url, accept == nullptr ? "" : accept);
  if (!wanted) {
    return refuse(connection, MHD_HTTP_NOT_FOUND,
                  "there is nothing here; there are /metrics, /healthz, /service/NAME, /status.json, "
                  "/why/NAME.json, /history.json, /events\n");
  }
  Request& one = requests_[&connection];
  one.wanted = *std::move(wanted);
  one.since = Loop::clock();
  *request = &one;
  return MHD_YES;
}

MHD_Result Server::go_on(MHD_Connection& connection, Request& request) {
  if (request.answer) return MHD_queue_response(&connection, request.status, request.answer.get());
  if (request.shares) {
    MHD_Response* const response = shared_.at(*request.shares).response.get();
    const MHD_Result queued = MHD_queue_response(&connection, request.status, response);
    let_go(request);
    return queued;
  }
  if (request.waiter) return MHD_YES;
  if (request.status != 0) return MHD_NO;  // there is no room for its answer
  request.waiter = views_.await(key_of(request.wanted), [this, &connection](const Views::Fetched* fetched) {
    ready(connection, fetched);
  });
  if (!request.waiter) return refuse(connection, kUnavailable, "too much is asked for at once\n");
  MHD_suspend_connection(&connection);
  return MHD_YES;
}

void Server::ready(MHD_Connection& connection, const Views::Fetched* fetched) {
  Request& request = requests_.at(&connection);
  if (fetched == nullptr) return say(connection, request, kUnavailable, kNoAnswer);
  const Answer answer = answer_to(request.wanted, *fetched);
  if (answer.text) return say(connection, request, answer.status, *answer.text, answer.content_type);
  Shared& shared = shared_[fetched->number];
  if (!shared.response) shared.response = copy_of(fetched->text, answer.content_type);
  if (!shared.response) {
    shared_.erase(fetched->number);
    return say(connection, request, kUnavailable, "others have not read what they asked for\n");
  }
  ++shared.takers;
  request.shares = fetched->number;
  resume(connection, request, answer.status);
}

void Server::say(MHD_Connection& connection, Request& request, unsigned status, std::string_view text,
                 std::string_view content_type) {
  request.answer = copy_of(text, content_type);
  resume(connection, request, status);
}

void Server::resume(MHD_Connection& connection, Request& request, unsigned status) {
  request.waiter.reset();
  request.status = status;
  MHD_resume_connection(&connection);
  run_soon();
}

void Server::run_soon() {
  if (timer_) timer_.set_time(Loop::clock());
}

void Server::let_go(Request& request) {
  const auto found = request.shares ? shared_.find(*request.shares) : shared_.end();
  request.shares.reset();
  if (found != shared_.end() && --found->second.takers == 0) shared_.erase(found);
}

Server::Response Server::copy_of(std::string_view text, std::string_view content_type) {
  if (unsent_ + text.size() > limits_.unsent_bytes) return nullptr;
  auto body = std::make_unique<Body>(std::string(text), unsent_);
  Response response(MHD_create_response_from_buffer_with_free_callback_cls(
      body->text.size(), body->text.data(), &Body::release, body.get()));
  if (!response) return nullptr;
  unsent_ += text.size();
  (void)body.release();  // it is released with the response
  dress(*response, std::string(content_type));
  return response;
}

MHD_Result Server::tell_of_events(MHD_Connection& connection) {
  const Response response(streams_.open(connection));
  if (!response) return refuse(connection, kUnavailable, "there are too many who are told of events\n");
  dress(*response, "text/event-stream");
  return MHD_queue_response(&connection, MHD_HTTP_OK, response.get());
}

MHD_Result Server::refuse(MHD_Connection& connection, unsigned status, std::string_view text,
                          const char* header, const char* value) {
  const Response response = copy_of(text, kPlain);
  if (!response) return MHD_NO;
  if (header != nullptr) (void)MHD_add_response_header(response.get(), header, value);
  return MHD_queue_response(&connection, status, response.get());
}

// ---- time

// Who drips a request or an answer, each byte in its time, has an end all the same.
void Server::sweep() {
  const TimePoint now = Loop::clock();
  for (auto& [connection, request] : requests_) {
    if (!request.waiter || now - request.since < limits_.patience) continue;
    views_.drop(*request.waiter);
    say(*connection, request, kUnavailable, kNoAnswer);
  }
  for (const auto& [connection, since] : connections_) {
    if (now - since < limits_.whole || streams_.has(connection)) continue;
    const MHD_ConnectionInfo* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info != nullptr) ::shutdown(info->connect_fd, SHUT_RDWR);
  }
  if (now >= pulse_at_) {
    streams_.pulse();
    pulse_at_ = now + kPulseEvery;
  }
  sweeper_.set_time(now + kSweepEvery);
}

}  // namespace herald::http
