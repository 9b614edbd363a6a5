// What birdc prints, from BIRD 2.0.12 to 3.x. Pure: text in, facts out.
#pragma once

#include <array>
#include <expected>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/core/config.h"
#include "sidecar/core/route/router_view.h"

namespace herald {

struct BirdPeer {
  std::string protocol;  // BIRD's name for it
  RouterPeer peer;
  bool ipv4 = false;  // has such a channel
  bool ipv6 = false;
};

struct BirdStatic {
  bool up = false;          // not while somebody has disabled it
  std::string description;  // bird_mark() of what BIRD loaded

  bool operator==(const BirdStatic&) const = default;
};

// A protocol that takes addresses of interfaces (direct) or routes of the kernel (kernel, where it learns) into the table.
struct BirdImport {
  std::string name;
  bool direct = false;
  bool up = false;
  // IPv4, IPv6: whether what comes in is filtered; none: nothing comes in.
  std::array<std::optional<bool>, 2> filtered = {};

  bool operator==(const BirdImport&) const = default;
};

struct BirdProtocols {
  std::vector<BirdPeer> peers;
  std::map<std::string, BirdStatic> statics;  // by name
  std::vector<BirdImport> imports;
};

// `show protocols all`. The error is birdc's own line when it could not ask BIRD.
[[nodiscard]] std::expected<BirdProtocols, std::string> parse_bird_protocols(std::string_view text);

// Questions about VIPs, each short enough for BIRD's command line: which are in any table and not from BGP, and which
// went to a protocol.
[[nodiscard]] std::vector<std::string> bird_table_commands(const std::vector<Vip>& vips);
[[nodiscard]] std::vector<std::string> bird_export_commands(const std::vector<Vip>& vips,
                                                            const std::string& protocol);
// All that the protocols whose names begin so have brought in.
[[nodiscard]] std::string bird_origin_command(std::string_view protocols);
// When BIRD will undo a configuration that nobody has confirmed (`configure timeout`), by the answer to `configure status`;
// none where there is none, or BIRD does not know the question.
[[nodiscard]] std::optional<Duration> parse_bird_undo(std::string_view text);
// The prefixes of any `show route` answer.
[[nodiscard]] std::expected<std::set<Vip>, std::string> parse_bird_routes(std::string_view text);

// The same, with the names of the protocols that brought them in.
using BirdOrigins = std::map<Vip, std::set<std::string>>;
[[nodiscard]] std::expected<BirdOrigins, std::string> parse_bird_origins(std::string_view text);

// What BIRD would take an address of an interface in by. What a direct protocol looks at is in bird.conf, and BIRD does not
// tell: any may take the VIP's interface.
[[nodiscard]] std::optional<InterfaceImport> bird_import(const BirdProtocols& protocols, bool ipv6);
// The protocols of these names, without those of herald's file.
[[nodiscard]] std::vector<OtherOrigin> bird_others(const BirdProtocols& protocols,
                                                   const std::set<std::string>& names);

}  // namespace herald
