#include "sidecar/announce/frr/transport.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "sidecar/announce/frr/socket.h"
#include "sidecar/announce/frr/vtysh.h"

namespace herald {
namespace {

constexpr std::size_t kMostQuoted = 120;

// The socket, and vtysh when that fails. All lines are sent again then, which their being idempotent allows.
class SocketThenVtysh final : public FrrTransport {
 public:
  SocketThenVtysh(Loop& loop, const VtyshSpec& spec) : loop_(&loop), spec_(spec), socket_(loop, spec) {}

  void run(std::vector<std::string> lines, OnFailure on_failure, OnReply on_reply) override {
    vtysh_.reset();
    auto again = lines;
    socket_.run(std::move(lines), on_failure,
                [this, again = std::move(again), on_failure, on_reply = std::move(on_reply)](FrrReply reply) {
                  if (!reply.error) return on_reply(std::move(reply));
                  vtysh_.emplace(*loop_, spec_).run(again, on_failure, on_reply);
                });
  }

 private:
  Loop* loop_;
  VtyshSpec spec_;
  FrrSocket socket_;
  std::optional<FrrVtysh> vtysh_;
};

}  // namespace

std::unique_ptr<FrrTransport> make_frr_transport(Loop& loop, const VtyshSpec& spec) {
  if (spec.transport == Transport::socket) return std::make_unique<SocketThenVtysh>(loop, spec);
  return std::make_unique<FrrVtysh>(loop, spec);
}

std::string said(std::string_view text) {
  const std::size_t start = text.find_first_not_of("% \t\r\n");
  if (start == std::string_view::npos) return "no output";
  text.remove_prefix(start);
  std::string line(text.substr(0, std::min(text.find_first_of("\r\n"), kMostQuoted)));
  std::ranges::replace_if(line, [](unsigned char c) { return c < 0x20; }, ' ');
  return line;
}

}  // namespace herald
