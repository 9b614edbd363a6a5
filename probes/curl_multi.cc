#include "probes/curl_multi.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

namespace herald::probes {
namespace {

// Kept for the next attempts, about 6 KiB each.
constexpr std::size_t kMostIdle = 128;
constexpr int kMostAtOnce = 8;
// An ordinary answer, with TLS too, is there after these; counting from the first would cost each of them two calls a turn. In one
// turn curl takes 100 times its buffer at most, and then it wants to go on at once.
constexpr std::uint64_t kUncountedTurns = 3;
// A drip of single bytes costs a turn for each: so many turns, and one more for each KiB that may come.
constexpr std::uint64_t kMostTurns = 1000;
constexpr std::uint64_t kBytesPerTurn = 1024;
// What curl takes from a socket at once, at least, if it is there.
constexpr std::uint64_t kLeastRead = 4096;

std::uint64_t unread_bytes(int fd) {
  int count = 0;
  return ioctl(fd, SIOCINQ, &count) == 0 && count > 0 ? static_cast<std::uint64_t>(count) : 0;
}

// What has been read from a TCP connection since it began; none for another socket.
std::optional<std::uint64_t> bytes_read(int fd) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
  const std::uint64_t received = info.tcpi_bytes_received;
  return received - std::min(received, unread_bytes(fd));
}

CurlMulti::Transfer* transfer_of(CURL* easy) {
  CurlMulti::Transfer* transfer = nullptr;
  if (easy != nullptr) curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
  return transfer;
}

}  // namespace

CurlMulti::CurlMulti(Loop& loop, Connections connections) : loop_(loop), connections_(connections) {}

CurlMulti::~CurlMulti() {
  for (CURL* easy : idle_) curl_easy_cleanup(easy);
  if (multi_ == nullptr) return;
  curl_multi_cleanup(multi_);
  curl_global_cleanup();
}

bool CurlMulti::open() {
  if (multi_ != nullptr) return true;
  // Counted by curl, so a second CurlMulti may do the same.
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return false;
  multi_ = curl_multi_init();
  if (multi_ == nullptr) {
    curl_global_cleanup();
    return false;
  }
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &on_socket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &on_timer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  timer_ = loop_.timer([this] { on_time(); });
  soon_ = loop_.timer([this] { on_time(); });
  return true;
}

CURL* CurlMulti::take() {
  if (!open()) return nullptr;
  CURL* easy = nullptr;
  if (idle_.empty()) {
    easy = curl_easy_init();
  } else {
    easy = idle_.back();
    idle_.pop_back();
  }
  if (easy != nullptr) ++taken_;
  return easy;
}

bool CurlMulti::Transfer::start(std::uint64_t most_bytes, OnDone on_done) {
  on_done_ = std::move(on_done);
  most_bytes_ = most_bytes;
  received_ = 0;
  turns_ = 0;
  ended_ = End::by_curl;
  curl_easy_setopt(easy_, CURLOPT_PRIVATE, this);
  is_in_flight_ = curl_multi_add_handle(multi_.multi_, easy_) == CURLM_OK;
  if (!is_in_flight_) return false;
  ++multi_.in_flight_;
  multi_.begin();
  return true;
}

// Connects at once. What is connected at once, as on this machine, sends at the end of the turn, together with
// all others that the turn has begun: that saves a turn of the loop for each, and servers are woken once for
// many. Should a transfer end by either, it is reported in the next turn.
void CurlMulti::begin() {
  act(CURL_SOCKET_TIMEOUT, 0, kMostAtOnce);
  if (!turn_end_) turn_end_ = loop_.post([this] { send_begun(); });
}

void CurlMulti::send_begun() {
  turn_end_.reset();
  const std::vector<int> changed = changed_;
  for (const int fd : changed) {
    if (sockets_[static_cast<std::size_t>(fd)].wanted == CURL_POLL_OUT)
      act(fd, CURL_CSELECT_OUT, kMostAtOnce);
  }
  watch_changed();
  if (running_ < in_flight_) soon_.set_time(Loop::clock());
}

void CurlMulti::give_back(Transfer& transfer) noexcept {
  if (transfer.easy_ == nullptr) return;
  --taken_;
  if (transfer.is_in_flight_) remove(transfer);
  // Neither a reset nor the next transfer clears the errno of this one (libcurl 7.88), which would then
  // explain another probe's failure.
  long error = 0;
  curl_easy_getinfo(transfer.easy_, CURLINFO_OS_ERRNO, &error);
  if (error != 0 || idle_.size() >= kMostIdle) return curl_easy_cleanup(transfer.easy_);
  curl_easy_reset(transfer.easy_);
  idle_.push_back(transfer.easy_);
}

int CurlMulti::on_socket(CURL* easy, curl_socket_t fd, int what, void* self, void*) noexcept {
  static_cast<CurlMulti*>(self)->note(fd, what, easy);
  return 0;
}

int CurlMulti::on_timer(CURLM*, long milliseconds, void* self) noexcept {
  auto& multi = *static_cast<CurlMulti*>(self);
  multi.wants_now_ = milliseconds == 0;
  if (milliseconds < 0) {
    multi.timer_.disarm();
  } else if (milliseconds > 0) {
    multi.timer_.set_time(Loop::clock() + std::chrono::milliseconds(milliseconds));
  }
  return 0;
}

void CurlMulti::on_ready(int fd, std::uint32_t ready) {
  const int ready_in = (ready & (EPOLLIN | EPOLLHUP)) != 0 ? CURL_CSELECT_IN : 0;
  const int ready_out = (ready & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0;
  const int failed = (ready & EPOLLERR) != 0 ? CURL_CSELECT_ERR : 0;
  if (!is_over_limit(fd, Turn::first)) act(fd, ready_in | ready_out | failed, kMostAtOnce);
  watch_changed();
  report_ended();
}

// Whose time it is, only curl knows; so nothing is repeated here, and what comes is counted between.
void CurlMulti::on_time() {
  act(CURL_SOCKET_TIMEOUT, 0, 0);
  watch_changed();
  // curl tells its next time only when it has changed, and it rounds: what came too early for it is still to
  // come.
  long milliseconds = -1;
  curl_multi_timeout(multi_, &milliseconds);
  if (milliseconds >= 0) timer_.set_time(Loop::clock() + std::chrono::milliseconds(milliseconds));
  report_ended();
}

// "At once" is carried out at once: the loop's timer would come up to a millisecond later. Where it is for more to read, a
// transfer's limit may be reached on the way.
void CurlMulti::act(int fd, int events, int most_at_once) {
  wants_now_ = false;
  curl_multi_socket_action(multi_, fd, events, &running_);
  for (int i = 0; i < most_at_once && wants_now_; ++i) {
    if (fd != CURL_SOCKET_TIMEOUT && is_over_limit(fd, Turn::repeated)) return;
    wants_now_ = false;
    curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running_);
  }
  if (wants_now_) soon_.set_time(Loop::clock());
}

// A wish that changes again before the loop goes on costs nothing. What is removed will be closed, so it goes
// now.
void CurlMulti::note(int fd, int wanted, CURL* easy) {
  const auto index = static_cast<std::size_t>(fd);
  if (index >= sockets_.size()) sockets_.resize(index + 1);
  sockets_[index].wanted = wanted == CURL_POLL_REMOVE ? 0 : wanted;
  sockets_[index].easy = easy;
  if (wanted == CURL_POLL_REMOVE) sockets_[index].counted = 0;
  if (wanted == CURL_POLL_REMOVE) {
    sockets_[index].source.reset();
  } else {
    changed_.push_back(fd);
  }
}

void CurlMulti::watch_changed() {
  for (const int fd : changed_) watch(fd);
  changed_.clear();
}

void CurlMulti::watch(int fd) {
  auto& [wanted, easy, counted, source] = sockets_[static_cast<std::size_t>(fd)];
  if (wanted == 0) return;
  const std::uint64_t account = account_of(easy);
  const std::uint32_t events =
      ((wanted & CURL_POLL_IN) != 0 ? EPOLLIN : 0U) | ((wanted & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0U);
  if (source) {
    source.set_account(account);
    return source.set_io_events(events);
  }
  const Loop::Account on_account(loop_, account);
  if (connections_ == Connections::kept) counted = bytes_read(fd).value_or(0);
  source = loop_.watch_io(fd, events, [this, fd](std::uint32_t ready) { on_ready(fd, ready); });
  if (source) return;
  // Unwatched, a transfer would run into its deadline, and its target would be blamed for what is herald's own trouble.
  const int error = errno;
  if (Transfer* transfer = transfer_of(easy); transfer != nullptr && transfer->watch_error_ == 0) {
    transfer->watch_error_ = error;
    give_up(*transfer, End::unwatched);
  }
}

std::uint64_t CurlMulti::account_of(CURL* easy) {
  const Transfer* transfer = easy == nullptr ? nullptr : transfer_of(easy);
  return transfer == nullptr ? 0 : transfer->account_;
}

bool CurlMulti::is_over_limit(int fd, Turn turn) {
  Socket& socket = sockets_[static_cast<std::size_t>(fd)];
  Transfer* transfer = socket.wanted != 0 ? transfer_of(socket.easy) : nullptr;
  if (transfer == nullptr) return false;
  if (++transfer->turns_ <= kUncountedTurns && turn == Turn::first) return false;
  if (const auto all = bytes_read(fd)) {
    transfer->received_ += *all - std::min(*all, socket.counted);
    socket.counted = *all;
  } else {
    // What curl is about to read: all that is there, where it has just read a hundred times and wants to go on.
    const std::uint64_t unread = unread_bytes(fd);
    transfer->received_ += turn == Turn::repeated ? unread : std::min(unread, kLeastRead);
  }
  const std::uint64_t most_turns = kMostTurns + transfer->most_bytes_ / kBytesPerTurn;
  if (transfer->received_ <= transfer->most_bytes_ && transfer->turns_ <= most_turns) return false;
  give_up(*transfer, End::over_limit);
  socket.source.reset();
  return true;
}

void CurlMulti::give_up(Transfer& transfer, End why) {
  if (transfer.ended_ != End::by_curl) return;
  transfer.ended_ = why;
  given_up_.push_back(&transfer);
  soon_.set_time(Loop::clock());
}

void CurlMulti::remove(Transfer& transfer) noexcept {
  transfer.is_in_flight_ = false;
  --in_flight_;
  std::erase(given_up_, &transfer);
  curl_multi_remove_handle(multi_, transfer.easy_);
}

void CurlMulti::report(Transfer& transfer, CURLcode code) {
  remove(transfer);
  // The callback may destroy the Transfer.
  const auto on_done = std::move(transfer.on_done_);
  const Loop::Account on_account(loop_, transfer.account_);
  on_done(code);
}

// A callback may cancel other transfers and start new ones; neither ends any before the loop comes back here.
void CurlMulti::report_ended() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    report(*transfer_of(message->easy_handle), message->data.result);
  }
  // Not those that a callback starts and that end in the same way: they are reported in the next turn.
  for (std::size_t i = given_up_.size(); i > 0 && !given_up_.empty(); --i) {
    report(*given_up_.front(), CURLE_ABORTED_BY_CALLBACK);
  }
}

}  // namespace herald::probes
