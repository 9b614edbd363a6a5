// What `heraldctl doctor` reads of BIRD, from 2.0.12 to 3.x. Pure: text in, facts out; asking is bird_facts_reader's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sidecar/core/config.h"
#include "sidecar/doctor/router_facts.h"

namespace herald {

// birdc greets with "BIRD 2.0.12 ready."; "" when BIRD has not been reached.
[[nodiscard]] std::string parse_bird_version(std::string_view text);

struct BirdProtocolFacts {
  std::vector<PeerFacts> peers;    // those of `spec.peers`, or all where it names none
  std::vector<std::string> names;  // BIRD's names of them; "" for one that it does not have
  bool has_direct = false;         // one that is up
  bool has_herald = false;         // a protocol out of herald's include file
};
// `show protocols all`.
[[nodiscard]] BirdProtocolFacts parse_bird_facts(std::string_view text, const RouterSpec& spec);

// Whether a bird.conf includes the file, by itself or by a pattern with "*".
[[nodiscard]] bool includes(std::string_view bird_conf, const std::string& file);

}  // namespace herald
