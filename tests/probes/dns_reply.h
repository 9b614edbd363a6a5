// Replies to DNS queries, right ones and wrong ones.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace herald::probes::test {

struct ReplyWish {
  std::vector<std::string> answers{};  // "name ttl type data"
  std::uint8_t rcode = 0;
  bool authoritative = false;
  bool authenticated = false;
  bool truncated = false;
};

// Has the id and the question of `query`, a whole message.
std::string reply_to(const std::string& query, const ReplyWish& wish);
// The name in the question, with its last dot, and the number of its type.
std::string asked_name(const std::string& query);
std::uint16_t asked_type(const std::string& query);
// With its length before it, as TCP carries it.
std::string framed(const std::string& message);

}  // namespace herald::probes::test
