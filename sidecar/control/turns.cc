#include "sidecar/control/turns.h"

#include <algorithm>

namespace herald {

void Turns::wait(Client client, uid_t user) {
  std::deque<Client>& his = of_user_[user];
  if (his.empty()) users_.push_back(user);
  his.push_back(client);
}

void Turns::leave(Client client) {
  std::erase(first_, client);
  for (auto next = of_user_.begin(); next != of_user_.end();) {
    const auto user = next++;
    if (std::erase(user->second, client) == 0 || !user->second.empty()) continue;
    std::erase(users_, user->first);
    of_user_.erase(user);
  }
}

std::size_t Turns::count_other() const {
  std::size_t count = 0;
  for (const auto& [user, clients] : of_user_) count += clients.size();
  return count;
}

Turns::Client Turns::take_first() {
  const Client client = first_.front();
  first_.pop_front();
  return client;
}

Turns::Client Turns::take_other() {
  const uid_t user = users_.front();
  users_.pop_front();
  const auto his = of_user_.find(user);
  const Client client = his->second.front();
  his->second.pop_front();
  if (his->second.empty()) {
    of_user_.erase(his);
  } else {
    users_.push_back(user);
  }
  return client;
}

}  // namespace herald
