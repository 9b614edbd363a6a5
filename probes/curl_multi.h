// libcurl's multi handle on the loop: many transfers at a time, none of which blocks.
//
// It refuses to call curl from curl's own callbacks, which only record: sockets to watch, the time to wake
// up. What has ended is collected afterwards and reported from the loop. A handle is set up for each transfer
// and then reset and kept for the next, so that thousands of probes share a few; one that met an error of the
// system is not kept, because it would remember that.
//
// It refuses to trust curl with what a transfer may cost: curl reads much of what may come (the extensions of chunks, the body of
// a redirect, frames of HTTP/2) without telling anybody. So the bytes are counted where they come from, by the kernel, and the
// turns in which something came: from the fourth turn on, which an ordinary answer does not need. What is over its limit is ended.
//
// curl, and the libraries behind it, are initialised by the first transfer. Must outlive its Transfers, and
// the loop must outlive it.
#pragma once

#include <curl/curl.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "sidecar/os/loop.h"

namespace herald::probes {

class CurlMulti {
 public:
  using OnDone = std::function<void(CURLcode code)>;
  enum class End : std::uint8_t { by_curl, unwatched, over_limit };

  // One transfer. Destroying it cancels it, also from inside its callback. It has an address that curl knows,
  // so it does not move.
  class Transfer {
   public:
    // What curl does for it is on the account that it is made on (Loop::account).
    explicit Transfer(CurlMulti& multi)
        : multi_(multi), easy_(multi.take()), account_(multi.loop_.account()) {}
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;
    ~Transfer() { multi_.give_back(*this); }

    // A handle with curl's defaults, to be set up before start(); null without memory. CURLOPT_PRIVATE is
    // taken.
    [[nodiscard]] CURL* easy() const { return easy_; }
    // `on_done` is called at most once, later, from the loop. `most_bytes` may come from the peer, of whatever kind.
    [[nodiscard]] bool start(std::uint64_t most_bytes, OnDone on_done);
    // What ended it: curl, with the code that `on_done` got, or this: the kernel refused to watch its socket, or more came than may.
    [[nodiscard]] End ended() const { return ended_; }
    // The errno with which the kernel refused to watch its socket (ENOSPC, ENOMEM), or 0.
    [[nodiscard]] int watch_error() const { return watch_error_; }

   private:
    friend class CurlMulti;
    CurlMulti& multi_;
    CURL* easy_;
    std::uint64_t account_;
    OnDone on_done_;
    bool is_in_flight_ = false;
    End ended_ = End::by_curl;
    int watch_error_ = 0;
    std::uint64_t most_bytes_ = 0;
    std::uint64_t received_ = 0;  // as far as they were counted
    std::uint64_t turns_ = 0;     // in which its socket was ready
  };

  enum class Connections : std::uint8_t {
    fresh,
    kept
  };  // kept ones have bytes of earlier transfers to their name
  explicit CurlMulti(Loop& loop, Connections connections = Connections::fresh);
  // No Transfer of it is left.
  [[nodiscard]] bool is_unused() const { return taken_ == 0; }
  CurlMulti(const CurlMulti&) = delete;
  CurlMulti& operator=(const CurlMulti&) = delete;
  ~CurlMulti();

 private:
  static int on_socket(CURL* easy, curl_socket_t fd, int what, void* self, void* socket) noexcept;
  static int on_timer(CURLM* multi, long milliseconds, void* self) noexcept;

  enum class Turn : std::uint8_t { first, repeated };  // by the loop, or because curl wants to go on at once
  struct Socket {
    int wanted = 0;             // CURL_POLL_*
    CURL* easy = nullptr;       // whose it is, while `wanted` is not 0
    std::uint64_t counted = 0;  // of what it has received
    Source source;
  };

  bool open();
  CURL* take();
  void give_back(Transfer& transfer) noexcept;
  void begin();
  void send_begun();
  void on_ready(int fd, std::uint32_t ready);
  void on_time();
  void act(int fd, int events, int most_at_once);
  void note(int fd, int wanted, CURL* easy);
  void watch(int fd);
  void watch_changed();
  [[nodiscard]] static std::uint64_t account_of(CURL* easy);
  void give_up(Transfer& transfer, End why);
  bool is_over_limit(int fd, Turn turn);
  void remove(Transfer& transfer) noexcept;
  void report(Transfer& transfer, CURLcode code);
  void report_ended();

  Loop& loop_;
  Connections connections_;
  CURLM* multi_ = nullptr;
  std::vector<CURL*> idle_;
  std::size_t taken_ = 0;  // handles
  int in_flight_ = 0;
  int running_ = 0;                  // of those, what curl still works at
  bool wants_now_ = false;           // curl wants to go on without waiting for anything
  std::vector<Socket> sockets_;      // by descriptor
  std::vector<int> changed_;         // descriptors whose `wanted` is new
  std::vector<Transfer*> given_up_;  // and not yet reported
  Source timer_;                     // curl's own
  Source soon_;                      // ours
  Source turn_end_;                  // while something was begun in this turn
};

}  // namespace herald::probes
