#include "sidecar/http/session.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "sidecar/work/http_message.h"

namespace herald::http {
namespace {

constexpr Duration kTryAgain = std::chrono::milliseconds(50);

}  // namespace

Session::Session(Loop& loop, Fd connection, std::function<void(const std::string&)> on_end)
    : loop_(loop),
      on_end_(std::move(on_end)),
      views_([this](const work::HttpAsk& ask) { report(ask); }),
      again_(loop.timer([this] { prepare(); })),
      channel_(
          loop, std::move(connection), [this](std::string_view packet) { hear(packet); },
          [this](const std::string& why) { end(why); }) {
  report(work::HttpHello{HERALD_VERSION});
}

void Session::hear(std::string_view packet) {
  const auto orders = work::read_http_orders(packet);
  if (!orders) return end(orders.error());
  for (const work::HttpOrder& order : *orders) std::visit([this](const auto& one) { on(one); }, order);
}

void Session::on(const work::HttpPrepare& order) {
  prepared_.clear();
  preparing_ = {order.ticket, order.listen, Loop::clock() + kTakenPatience};
  prepare();
}

void Session::prepare() {
  std::vector<std::string> problems;
  bool may_become_free = false;
  for (const std::string& listen : preparing_.listen) {
    if (used_.contains(listen) || prepared_.contains(listen)) continue;
    if (auto failure = prepare(listen)) {
      may_become_free = may_become_free || failure->is_taken;
      problems.push_back(std::move(failure->text));
    }
  }
  if (may_become_free && Loop::clock() < preparing_.until) return again_.set_time(Loop::clock() + kTryAgain);
  report(work::HttpPrepared{preparing_.ticket, std::move(problems)});
}

std::optional<ListenFailure> Session::prepare(const std::string& listen) {
  const auto address = parse_listen_address(listen);
  if (!address) return ListenFailure{false, listen + ": " + address.error()};
  auto listener = listen_at(*address);
  if (!listener) return listener.error();
  auto server = Server::start(loop_, std::move(*listener), address->path, views_);
  if (!server) return ListenFailure{false, listen + ": " + server.error()};
  prepared_[listen] = std::move(*server);
  return std::nullopt;
}

void Session::on(const work::HttpUse& /*order*/) {
  again_.disarm();
  std::erase_if(used_, [&](const auto& entry) {
    return std::ranges::find(preparing_.listen, entry.first) == preparing_.listen.end();
  });
  for (auto& [listen, server] : prepared_) {
    server->serve();
    used_[listen] = std::move(server);
  }
  prepared_.clear();
}

void Session::on(const work::HttpForget& /*order*/) {
  again_.disarm();
  prepared_.clear();
}

void Session::on(const work::HttpPart& order) {
  (void)views_.take(order);
}

void Session::on(const work::HttpPing& order) {
  report(work::HttpPong{order.number});
}

void Session::on(const work::HttpEvent& order) {
  for (const auto& [listen, server] : used_) server->tell(order.kind, order.data);
}

void Session::report(const work::HttpReport& report) {
  work::append(channel_.next(), report);
}

// Later: its end is the end of this, and who calls here goes on.
void Session::end(std::string why) {
  ended_ = loop_.timer_at(Loop::clock(), [this, why = std::move(why)] {
    const auto told = std::move(on_end_);
    told(why);
  });
}

}  // namespace herald::http
