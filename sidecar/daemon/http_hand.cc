#include "sidecar/daemon/http_hand.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>
#include <variant>

#include "sidecar/os/spawn.h"
#include "sidecar/text/plain_text.h"

namespace herald {
namespace {

using namespace std::chrono_literals;

// Between one herald-http and the next.
constexpr Duration kShortestPause = 50ms;
constexpr Duration kMostPause = 5s;
constexpr Duration kLongLife = 10s;  // one that has lived so long was a good one
// It tries for two seconds where an address is taken.
constexpr Duration kLongestPreparation = 5s;
// What was free once and is taken now may become free again.
constexpr Duration kPrepareAgain = 5s;
constexpr Duration kPingEvery = 2s;
constexpr std::uint64_t kMostUnanswered = 4;
constexpr std::size_t kMostAsks = 64;
// Answers take about this share of every window, as those at the control socket to who may only look.
constexpr Duration kAnswerWindow = 100ms;
constexpr Duration kAnswerShare = 25ms;
// What it may say at once; 64 questions and their names are a third of it.
constexpr std::size_t kMostPacket = 65536;

std::expected<Fd, std::string> connect_to(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.native().size() >= sizeof address.sun_path)
    return std::unexpected(path.native() + ": too long for a socket");
  std::memcpy(address.sun_path, path.c_str(), path.native().size());
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return std::unexpected(system_error_text("socket"));
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return std::unexpected(system_error_text(path.native()));
  return socket;
}

}  // namespace

HttpHand::HttpHand(Loop& loop, HttpOptions options, Told told)
    : loop_(loop),
      options_(std::move(options)),
      told_(std::move(told)),
      connecting_(loop.timer([this] { connect(); })),
      preparing_again_(loop.timer([this] { ask_to_prepare(); })),
      answering_(loop.timer([this] { answer(); })),
      pinging_(loop.timer([this] { ping(); })) {}

// With the connection it ends by itself.
HttpHand::~HttpHand() = default;

// ---- where it is to listen

bool HttpHand::is_wanted() const {
  return !listen_.empty() || (preparing_ && !preparing_->listen.empty());
}

const std::vector<std::string>& HttpHand::wanted() const {
  return preparing_ ? preparing_->listen : listen_;
}

void HttpHand::prepare(std::vector<std::string> listen, Prepared done) {
  const bool is_same = listen == listen_ || listen.empty();
  preparing_.emplace(std::move(listen), std::move(done), Source{});
  found_.clear();
  // Soon, and not now: who asks goes on first.
  preparing_->deadline =
      loop_.timer_at(is_same ? Loop::clock() : Loop::clock() + kLongestPreparation, [this, is_same] {
        prepared({}, is_same ? "" : fmt::format("herald-http does not answer: {}", trouble_));
      });
  if (is_same) return;
  if (channel_) return ask_to_prepare();
  connecting_.set_time(Loop::clock());
}

void HttpHand::prepared(std::vector<std::string> problems, const std::string& untried) {
  preparing_->deadline.disarm();
  const Prepared done = std::exchange(preparing_->done, nullptr);
  if (done) done(std::move(problems), untried);
}

void HttpHand::use() {
  if (!preparing_) return;
  const bool is_other = preparing_->listen != listen_;
  listen_ = std::move(preparing_->listen);
  preparing_.reset();
  problems_.clear();
  if (listen_.empty()) return close();
  if (!is_other) return;
  if (!channel_) return connecting_.set_time(Loop::clock());
  if (!is_asked_) serve(found_);  // else once it has answered
}

// As far as it could be prepared; the rest is tried again.
void HttpHand::serve(const std::vector<std::string>& problems) {
  say(work::HttpUse{});
  in_use_ = true;
  if (!problems.empty()) preparing_again_.set_time(Loop::clock() + kPrepareAgain);
  tell_problems(problems);
}

void HttpHand::forget() {
  preparing_.reset();
  if (listen_.empty()) return close();
  if (!channel_) return;
  say(work::HttpForget{});
  // It took the place of another one meanwhile, or is still to have what was taken.
  if (!in_use_ || !problems_.empty()) ask_to_prepare();
}

void HttpHand::tell(std::string kind, std::string data) {
  if (channel_ && in_use_)
    work::append(channel_->soon(), work::HttpOrder(work::HttpEvent{std::move(kind), std::move(data)}));
}

void HttpHand::ask_to_prepare() {
  if (!channel_) return;
  is_asked_ = true;
  say(work::HttpPrepare{++ticket_, wanted()});
}

// ---- the process

void HttpHand::connect() {
  if (channel_ || !is_wanted()) return;
  auto connection = open_connection();
  if (!connection) {
    trouble_ = connection.error();
    tell_trouble("herald is not seen by HTTP: " + trouble_);
    pause_ = std::clamp(pause_ * 2, kShortestPause, kMostPause);
    connecting_.set_time(Loop::clock() + pause_);
    // A unit of its own may only be about to start; a program that is not there does not come.
    if (preparing_ && options_.socket.empty()) prepared({}, trouble_);
    return;
  }
  up_at_ = Loop::clock();
  pinged_ = ponged_ = 0;
  in_use_ = false;
  trouble_ = "it says nothing";
  channel_ = std::make_unique<work::Channel>(
      loop_, *std::move(connection), [this](std::string_view packet) { hear(packet); },
      [this](const std::string& why) { ended(why); });
  ask_to_prepare();
  ping();
}

std::expected<Fd, std::string> HttpHand::open_connection() {
  return options_.socket.empty() ? start() : connect_to(options_.socket);
}

std::expected<Fd, std::string> HttpHand::start() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0)
    return std::unexpected(system_error_text("socketpair"));
  Fd ours(ends[0]);
  const Fd theirs(ends[1]);
  std::vector<std::string> command{options_.program, "--connection", std::to_string(kFirstGiven)};
  if (!options_.user.empty()) command.insert(command.end(), {"--user", options_.user});
  const auto started = spawn_beside(options_.program.native(), command, std::array{theirs.get()});
  if (!started)
    return std::unexpected(system_error_text("run " + options_.program.native(), started.error()));
  // Its connection tells of its end.
  child_ = loop_.watch_child(*started, [this](int, int) { pid_ = -1; });
  if (!child_) {
    const int error = errno;
    ::kill(*started, SIGKILL);
    ::waitpid(*started, nullptr, 0);
    return std::unexpected(system_error_text("watch a process", error));
  }
  pid_ = *started;
  return ours;
}

void HttpHand::close() {
  const auto closed = std::move(channel_);  // it may be on the stack
  if (pid_ > 0) ::kill(std::exchange(pid_, -1), SIGKILL);
  child_.reset();
  is_asked_ = false;
  asks_.clear();
  told_.gone();
  for (Source* timer : {&connecting_, &preparing_again_, &answering_, &pinging_}) timer->disarm();
}

void HttpHand::ended(const std::string& why) {
  const TimePoint now = Loop::clock();
  close();
  trouble_ = why;
  const bool was_good = now - up_at_ >= kLongLife;
  pause_ = was_good ? kShortestPause : std::clamp(pause_ * 2, kShortestPause, kMostPause);
  if (was_good) told_trouble_.clear();
  tell_trouble(fmt::format("herald-http has ended: {}; it is started again", trouble_));
  connecting_.set_time(now + pause_);
  if (preparing_ && options_.socket.empty()) prepared({}, trouble_);
}

void HttpHand::ping() {
  if (!channel_) return;
  if (pinged_ - ponged_ >= kMostUnanswered) return ended("it does not answer");
  say(work::HttpPing{++pinged_});
  pinging_.set_time(Loop::clock() + kPingEvery);
}

void HttpHand::say(const work::HttpOrder& order) {
  work::append(channel_->next(), order);
}

// ---- what it says

void HttpHand::hear(std::string_view packet) {
  if (packet.size() > kMostPacket) return ended("it says too much at once");
  const auto words = work::read_http_reports(packet);
  if (!words) return ended("it says what is no message");
  for (const work::HttpReport& word : *words) {
    if (!channel_) return;
    std::visit([&](const auto& one) { hear(one); }, word);
  }
}

void HttpHand::hear(const work::HttpHello& word) {
  if (word.version == HERALD_VERSION) return;
  ended(fmt::format("it is of version {}, and heraldd is of {}", cut(printable(word.version), 40),
                    HERALD_VERSION));
}

void HttpHand::hear(const work::HttpPrepared& word) {
  if (word.ticket != ticket_ || !std::exchange(is_asked_, false)) return;
  std::vector<std::string> problems;
  for (const std::string& problem : word.problems)
    if (problems.size() < wanted().size()) problems.push_back("http.listen: " + cut(printable(problem), 300));
  if (preparing_) {
    found_ = problems;
    return prepared(std::move(problems), "");
  }
  serve(problems);  // it has taken the place of another one, or what was taken is tried again
}

void HttpHand::tell_problems(const std::vector<std::string>& problems) {
  const bool is_news = problems != std::exchange(problems_, problems);
  for (const std::string& problem : problems)
    if (is_news) told_.notice(true, problem + "; it is tried again");
  if (problems.empty()) told_.notice(false, fmt::format("seen by HTTP at {}", fmt::join(listen_, ", ")));
}

void HttpHand::tell_trouble(std::string why) {
  if (why == told_trouble_) return;
  told_trouble_ = std::move(why);
  told_.notice(true, told_trouble_);
}

void HttpHand::hear(const work::HttpAsk& word) {
  if (asks_.size() >= kMostAsks) return ended("it asks for too much");
  asks_.push_back(word);
  if (asks_.size() == 1)
    answering_.set_time(std::max(Loop::clock(), spent_ < kAnswerShare ? TimePoint{} : window_end_));
}

void HttpHand::hear(const work::HttpPong& word) {
  if (word.number <= pinged_) ponged_ = std::max(ponged_, word.number);
}

// One part a turn: there is other work between two.
void HttpHand::answer() {
  if (asks_.empty() || !channel_) return;
  const TimePoint before = Loop::clock();
  if (before >= window_end_) {
    window_begun_ = before;
    window_end_ = before + kAnswerWindow;
    spent_ = {};
  }
  const work::HttpAsk ask = std::move(asks_.front());
  asks_.pop_front();
  say(told_.part(ask));
  const TimePoint now = Loop::clock();
  spent_ += now - before;
  // One long answer makes its window longer, or it would take more than the share.
  window_end_ = std::max(window_end_, window_begun_ + spent_ * (kAnswerWindow / kAnswerShare));
  if (!asks_.empty()) answering_.set_time(spent_ < kAnswerShare ? now : window_end_);
}

}  // namespace herald
