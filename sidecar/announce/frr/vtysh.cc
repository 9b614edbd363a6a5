#include "sidecar/announce/frr/vtysh.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace herald {
namespace {

// Runs after all others, and is taken in every node: its echo proves that vtysh came to the end.
constexpr std::string_view kLast = "end";

struct Echo {
  std::size_t begin = 0;  // of the line with the prompt
  std::size_t end = 0;    // where what was said begins
};

// The next "host(config)# LINE".
std::optional<Echo> find_echo(std::string_view text, std::size_t from, std::string_view line) {
  const std::string needle = fmt::format("# {}\n", line);
  const std::size_t found = text.find(needle, from);
  if (found == std::string_view::npos) return std::nullopt;
  const std::size_t newline = text.substr(0, found).rfind('\n');
  return Echo{newline == std::string_view::npos ? 0 : newline + 1, found + needle.size()};
}

// Why vtysh did not begin. No reason is that it has no file of its own, as in a new pathspace, or may not read it. Nor is,
// and without a newline, that PAM could not ask /etc/shadow whether the account has expired: a process that may gain no
// privileges cannot, and vtysh goes on.
std::string why_not(std::string_view text) {
  const auto skip_past = [&](char last) {
    text.remove_prefix(std::min(text.find(last), text.size() - 1) + 1);
  };
  while (text.starts_with("% Can't open configuration file")) skip_past('\n');
  if (text.starts_with("vtysh_pam: Failed in account validation")) skip_past(')');
  return "vtysh: " + said(text);
}

}  // namespace

void FrrVtysh::run(std::vector<std::string> lines, OnFailure on_failure, OnReply on_reply) {
  auto argv = vtysh_argv(spec_, lines, on_failure);
  command_.run(
      std::move(argv), spec_.timeout,
      [lines = std::move(lines), on_failure, on_reply = std::move(on_reply)](auto text) {
        if (!text) return on_reply({.answers = {}, .error = text.error(), .blind = false});
        if (on_failure == OnFailure::stop) return on_reply(parse_vtysh_echo(*text, lines));
        // It says so on stderr, which -n leaves alone.
        const bool began = !text->contains("Exiting: failed to connect");
        on_reply(
            {.answers = {}, .error = began ? std::nullopt : std::optional(why_not(*text)), .blind = began});
      });
}

std::vector<std::string> vtysh_argv(const VtyshSpec& spec, std::span<const std::string> lines,
                                    OnFailure on_failure) {
  std::vector<std::string> argv{spec.path};
  // The pathspace is appended to the directory, in whichever order they stand.
  if (spec.socket_dir != VtyshSpec{}.socket_dir) argv.insert(argv.end(), {"--vty_socket", spec.socket_dir});
  if (!spec.pathspace.empty()) argv.insert(argv.end(), {"-N", spec.pathspace});
  argv.insert(argv.end(), {"-d", "bgpd", on_failure == OnFailure::stop ? "-E" : "-n"});
  for (const std::string& line : lines) argv.insert(argv.end(), {"-c", line});
  argv.insert(argv.end(), {"-c", std::string(kLast)});
  return argv;
}

FrrReply parse_vtysh_echo(std::string_view text, std::span<const std::string> lines) {
  FrrReply reply;
  std::optional<Echo> here = lines.empty() ? std::nullopt : find_echo(text, 0, lines.front());
  if (!here) {
    reply.error = why_not(text);
    return reply;
  }
  for (std::size_t index = 0; index < lines.size() && here; ++index) {
    const bool is_last = index + 1 == lines.size();
    const auto next = find_echo(text, here->end, is_last ? kLast : lines[index + 1]);
    FrrAnswer answer;
    answer.text = text.substr(here->end, (next ? next->begin : text.size()) - here->end);
    if (!next) {
      answer.status = kFrrFailed;
    } else if (answer.text.starts_with('%')) {
      answer.status = kFrrWarning;
    }
    reply.answers.push_back(std::move(answer));
    here = next;
  }
  return reply;
}

}  // namespace herald
