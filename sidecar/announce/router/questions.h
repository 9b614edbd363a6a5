// Several questions to a router's command-line client, one after another: the next is asked when the last has been
// answered, or has not been within its time. Destroying it ends them; nothing is called then.
#pragma once

#include <deque>
#include <expected>
#include <functional>
#include <string>
#include <vector>

#include "sidecar/announce/router/command.h"

namespace herald {

class Questions {
 public:
  using Take = std::function<void(std::expected<std::string, std::string>)>;

  explicit Questions(Loop& loop) : command_(loop) {}

  // `take` may ask more; they come at the end.
  void ask(std::vector<std::string> argv, Duration timeout, Take take);
  // Begins; `on_done` is called from the loop when no question is left, and never when there was none.
  void run(std::function<void()> on_done);

 private:
  struct Question {
    std::vector<std::string> argv;
    Duration timeout;
    Take take;
  };

  void next();

  std::deque<Question> questions_;
  std::function<void()> on_done_;
  Command command_;
};

}  // namespace herald
