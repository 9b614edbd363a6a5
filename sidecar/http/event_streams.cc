#include "sidecar/http/event_streams.h"

#include <algorithm>
#include <utility>

namespace herald::http {
namespace {

constexpr std::size_t kBlock = 4096;
// So that the client knows at once that it is heard, and comes again soon when it is not.
constexpr const char* kHello = "retry: 2000\n: herald\n\n";
constexpr std::string_view kPulse = ":\n\n";

}  // namespace

MHD_Response* EventStreams::open(MHD_Connection& connection) {
  if (streams_.size() >= kMost || streams_.contains(&connection)) return nullptr;
  auto stream = std::make_unique<Stream>(*this, connection, kHello);
  MHD_Response* const response =
      MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, kBlock, &on_room, stream.get(), &on_released);
  if (response != nullptr) streams_[&connection] = std::move(stream);
  return response;
}

bool EventStreams::has(const MHD_Connection* connection) const {
  return streams_.contains(connection);
}

void EventStreams::tell(std::string_view kind, std::string_view data) {
  std::string text("event: ");
  text.append(kind).append("\ndata: ").append(data).append("\n\n");
  send(text);
}

void EventStreams::pulse() {
  send(kPulse);
}

void EventStreams::send(std::string_view text) {
  for (const auto& [connection, stream] : streams_) {
    stream->is_over = stream->is_over || stream->unsent.size() + text.size() > kMostUnsent;
    if (!stream->is_over) stream->unsent += text;
    wake(*stream);
  }
}

void EventStreams::end() {
  for (const auto& [connection, stream] : streams_) {
    stream->is_over = true;
    wake(*stream);
  }
}

void EventStreams::wake(Stream& stream) {
  if (!std::exchange(stream.is_asleep, false)) return;
  MHD_resume_connection(&stream.connection);
  woken_();
}

ssize_t EventStreams::on_room(void* self, std::uint64_t /*position*/, char* buffer,
                              std::size_t room) noexcept {
  Stream& stream = *static_cast<Stream*>(self);
  if (stream.is_over) return MHD_CONTENT_READER_END_WITH_ERROR;
  const std::size_t count = std::min(room, stream.unsent.size());
  if (count == 0) {
    stream.is_asleep = true;
    MHD_suspend_connection(&stream.connection);
    return 0;
  }
  stream.unsent.copy(buffer, count);
  stream.unsent.erase(0, count);
  return static_cast<ssize_t>(count);
}

void EventStreams::on_released(void* self) noexcept {
  const Stream& stream = *static_cast<Stream*>(self);
  stream.all.streams_.erase(&stream.connection);
}

}  // namespace herald::http
