// Whose request is next: of those who may change things first, then of each other user in turn, and of his clients in the order
// in which they came. Pure.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <map>
#include <optional>

namespace herald {

class Turns {
 public:
  using Client = std::uint64_t;

  void wait_first(Client client) { first_.push_back(client); }
  void wait(Client client, uid_t user);
  // It waits no more, if it did.
  void leave(Client client);

  [[nodiscard]] bool has_first() const { return !first_.empty(); }
  [[nodiscard]] bool has_other() const { return !users_.empty(); }
  // How many wait.
  [[nodiscard]] std::size_t count_first() const { return first_.size(); }
  [[nodiscard]] std::size_t count_other() const;
  // Takes the next one. Only if there is one.
  Client take_first();
  Client take_other();

 private:
  std::deque<Client> first_;
  std::deque<uid_t> users_;  // each once, in the order of their turns
  std::map<uid_t, std::deque<Client>> of_user_;
};

}  // namespace herald
