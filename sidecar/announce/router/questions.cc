#include "sidecar/announce/router/questions.h"

#include <utility>

namespace herald {

void Questions::ask(std::vector<std::string> argv, Duration timeout, Take take) {
  questions_.push_back({std::move(argv), timeout, std::move(take)});
}

void Questions::run(std::function<void()> on_done) {
  on_done_ = std::move(on_done);
  next();
}

void Questions::next() {
  if (questions_.empty()) return;
  Question question = std::move(questions_.front());
  questions_.pop_front();
  command_.run(std::move(question.argv), question.timeout,
               [this, take = std::move(question.take)](auto text) {
                 take(std::move(text));
                 if (!questions_.empty()) return next();
                 if (const auto on_done = std::exchange(on_done_, nullptr)) on_done();
               });
}

}  // namespace herald
