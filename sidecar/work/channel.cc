#include "sidecar/work/channel.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace herald::work {
namespace {

constexpr std::size_t kHead = sizeof(std::uint32_t);
constexpr std::size_t kReadSize = 65536;

}  // namespace

Channel::Channel(Loop& loop, Fd fd, OnPacket on_packet, OnEnd on_end)
    : loop_(loop), fd_(std::move(fd)), on_packet_(std::move(on_packet)), on_end_(std::move(on_end)) {
  const Loop::Account nobody(loop_, 0);
  soon_ = loop_.timer([this] { end(std::exchange(failure_, {})); });
  source_ = loop_.watch_io(fd_.get(), EPOLLIN, [this](std::uint32_t events) { on_ready(events); });
  if (!source_) {
    failure_ = system_error_text("watch a socket");
    soon_.set_time(Loop::clock());
  }
  held_ = loop_.timer([this] { flush(); });
  turn_end_ = loop_.post([this] {
    if (is_due_) flush();
  });
}

Channel::~Channel() {
  if (gone_ != nullptr) *gone_ = true;
}

void Channel::make_room() {
  if (next_.size() > kPiece) flush();
}

std::string& Channel::next() {
  make_room();
  is_due_ = true;
  return next_;
}

std::string& Channel::soon() {
  make_room();
  if (next_.empty() && !is_due_) held_.set_time(Loop::clock() + kPatience);
  return next_;
}

void Channel::flush() {
  is_due_ = false;
  if (next_.empty() || !source_) return;
  const auto size = static_cast<std::uint32_t>(next_.size());
  std::array<char, kHead> head{};
  std::memcpy(head.data(), &size, kHead);
  unsent_.append(head.data(), kHead);
  unsent_ += next_;
  next_.clear();
  if (!waits_for_room_) return send();
  if (unsent_.size() - sent_ > kMostUnsent) fail_soon("it takes nothing of what it is sent");
}

void Channel::send() {
  while (sent_ < unsent_.size()) {
    const ssize_t count =
        ::send(fd_.get(), unsent_.data() + sent_, unsent_.size() - sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) break;
    sent_ += static_cast<std::size_t>(count);
  }
  const bool is_done = sent_ == unsent_.size();
  const int error = errno;
  // Who is gone is told of by what he has said last, if anything.
  if (!is_done && error != EAGAIN) return fail_soon(system_error_text("send", error));
  if (unsent_.size() - sent_ > kMostUnsent) return fail_soon("it takes nothing of what it is sent");
  if (is_done || sent_ > kLongestPacket) {  // who is always a little late must not make it grow for ever
    unsent_.erase(0, std::exchange(sent_, 0));
  }
  if (std::exchange(waits_for_room_, !is_done) != !is_done)
    source_.set_io_events(is_done ? EPOLLIN : EPOLLIN | EPOLLOUT);
}

void Channel::fail_soon(std::string why) {
  failure_ = std::move(why);
  soon_.set_time(Loop::clock());
}

void Channel::on_ready(std::uint32_t events) {
  if ((events & EPOLLOUT) != 0) send();
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return;
  bool gone = false;
  gone_ = &gone;
  const bool goes_on = receive();
  if (gone) return;
  const bool is_good = deliver();
  if (gone) return;
  gone_ = nullptr;
  if (!is_good) return end("a packet that is too long");
  if (!goes_on) end("it is gone");
}

// False at the end of what will ever come.
bool Channel::receive() {
  std::array<char, kReadSize> buffer;
  const ssize_t count = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  received_.append(buffer.data(), static_cast<std::size_t>(count));
  return count > 0;
}

// False: what comes is no packet. Also when this is gone.
bool Channel::deliver() {
  bool& gone = *gone_;
  std::size_t at = 0;
  std::uint32_t size = 0;
  while (received_.size() - at >= kHead) {
    std::memcpy(&size, received_.data() + at, kHead);
    if (size > kLongestPacket) return false;
    if (received_.size() - at - kHead < size) break;
    on_packet_(std::string_view(received_).substr(at + kHead, size));
    if (gone) return false;
    at += kHead + size;
  }
  received_.erase(0, at);
  return true;
}

void Channel::end(std::string why) {
  source_.reset();
  held_.disarm();
  soon_.disarm();
  const auto told = std::move(on_end_);
  if (told) told(why);
}

}  // namespace herald::work
