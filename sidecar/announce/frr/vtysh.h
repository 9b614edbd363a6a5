// Lines to bgpd by vtysh, FRR's contract with its users: one child for all of them.
//
// vtysh stops at the first line that is refused, and its exit code does not say which. It is asked to echo each line
// (-E), so that what was said is known line by line. To go on after a refusal it has to be told -n, and then it says
// nothing at all.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/announce/frr/transport.h"
#include "sidecar/announce/router/command.h"

namespace herald {

class FrrVtysh final : public FrrTransport {
 public:
  FrrVtysh(Loop& loop, const VtyshSpec& spec) : spec_(spec), command_(loop) {}

  void run(std::vector<std::string> lines, OnFailure on_failure, OnReply on_reply) override;

 private:
  VtyshSpec spec_;
  Command command_;
};

// The whole command line. bgpd alone is asked: one hung daemon blocks a plain vtysh for ever.
[[nodiscard]] std::vector<std::string> vtysh_argv(const VtyshSpec& spec, std::span<const std::string> lines,
                                                  OnFailure on_failure);

// What vtysh -E printed for vtysh_argv(lines).
[[nodiscard]] FrrReply parse_vtysh_echo(std::string_view text, std::span<const std::string> lines);

}  // namespace herald
