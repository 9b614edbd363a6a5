// herald-http, seen from heraldd: the process that serves what heraldd shows by HTTP. It is started, told where to listen, asked
// whether it is well, and told what it asks for. It decides nothing, and what it says is a stranger's: what is no message ends it,
// and answering it takes a share of the loop's time and no more.
//
//   prepare(listen, done)   it is to listen there, too, and accept nobody yet: whether it can.
//   use() / forget()        what was prepared is where it listens from now on, and nowhere else; or nothing has changed.
//
// The process:
//
//   absent   there is nothing to listen at, or the pause before the next one is not over.
//   up       it was connected to, or started.
//
// From up to absent when it ends, talks junk, or leaves kMostUnanswered questions unanswered whether it is well; then it is killed,
// as far as it is heraldd's child, and another one is to listen where this one did. The loop outlives this.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/os/fd.h"
#include "sidecar/os/loop.h"
#include "sidecar/work/channel.h"
#include "sidecar/work/http_message.h"

namespace herald {

struct HttpOptions {
  std::filesystem::path socket{};   // of one that is a unit of its own; empty: `program` is started
  std::filesystem::path program{};  // herald-http
  std::string user{};               // whom it becomes where heraldd is root; empty: nobody else
};

class HttpHand {
 public:
  struct Told {
    std::function<work::HttpPart(const work::HttpAsk& ask)> part;
    std::function<void()> gone;  // nothing more is asked of what was asked for
    std::function<void(bool is_error, const std::string& text)> notice;
  };
  // Lines for people; none: it can listen at all of them. `untried` is why nobody has tried; "": somebody has.
  using Prepared = std::function<void(std::vector<std::string> problems, const std::string& untried)>;

  HttpHand(Loop& loop, HttpOptions options, Told told);
  HttpHand(const HttpHand&) = delete;
  HttpHand& operator=(const HttpHand&) = delete;
  ~HttpHand();

  // One at a time, until use() or forget(); `done` is called from the loop.
  void prepare(std::vector<std::string> listen, Prepared done);
  void use();
  void forget();
  // To all who are told of events; `data` is one line.
  void tell(std::string kind, std::string data);

 private:
  struct Preparing {
    std::vector<std::string> listen;
    Prepared done;  // until it is answered
    Source deadline;
  };

  [[nodiscard]] bool is_wanted() const;
  [[nodiscard]] const std::vector<std::string>& wanted() const;
  void connect();
  [[nodiscard]] std::expected<Fd, std::string> open_connection();
  [[nodiscard]] std::expected<Fd, std::string> start();
  void say(const work::HttpOrder& order);
  void ask_to_prepare();
  void hear(std::string_view packet);
  void hear(const work::HttpHello& word);
  void hear(const work::HttpPrepared& word);
  void hear(const work::HttpAsk& word);
  void hear(const work::HttpPong& word);
  void prepared(std::vector<std::string> problems, const std::string& untried);
  void serve(const std::vector<std::string>& problems);
  void tell_problems(const std::vector<std::string>& problems);
  void tell_trouble(std::string why);
  void answer();
  void ping();
  void ended(const std::string& why);
  void close();

  Loop& loop_;
  HttpOptions options_;
  Told told_;
  std::vector<std::string> listen_;  // in use
  std::optional<Preparing> preparing_;
  std::uint64_t ticket_ = 0;
  bool is_asked_ = false;              // what is to be prepared, and has not answered
  std::vector<std::string> found_;     // the problems of what was prepared
  bool in_use_ = false;                // by the process that is up
  std::vector<std::string> problems_;  // that have been told
  std::string trouble_ = "it has not been started yet";
  std::string told_trouble_;  // told once
  std::deque<work::HttpAsk> asks_;
  TimePoint window_begun_{};
  TimePoint window_end_{};
  Duration spent_{};  // on answers, in this window
  std::uint64_t pinged_ = 0;
  std::uint64_t ponged_ = 0;
  TimePoint up_at_{};
  Duration pause_{};
  pid_t pid_ = -1;  // while it is our child
  Source child_;
  std::unique_ptr<work::Channel> channel_;  // while it is up
  Source connecting_;
  Source preparing_again_;
  Source answering_;
  Source pinging_;
};

}  // namespace herald
