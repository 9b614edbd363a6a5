// A Writer that carries everything out at once, in this process: for tests of what is asked of it.
#pragma once

#include <deque>
#include <utility>

#include "sidecar/state/writer.h"

namespace fixture {

using namespace herald;

class DirectWriter : public Writer {
 public:
  void write(WriteRequest request) override {
    requests_.push_back(std::move(request));
    if (is_held || requests_.size() > 1) return;  // asked from within an answer: it has its turn
    release();
  }
  [[nodiscard]] bool is_idle() const override { return requests_.empty(); }

  // What is held is answered as the disk would.
  void release() {
    is_held = false;
    while (!requests_.empty()) {
      const WriteRequest& request = requests_.front();
      const auto order = request.make();
      const auto done = order ? carry_out(*order, {}) : std::expected<void, std::string>();
      Written written;
      if (!done) written = std::unexpected(WriteError{done.error(), false});
      if (request.done) request.done(written);
      requests_.pop_front();
    }
  }
  // As the disk that does not answer: the first one has been made, may be carried out later, and is.
  void time_out() {
    const WriteRequest request = std::move(requests_.front());
    requests_.pop_front();
    const auto order = request.make();
    request.done(std::unexpected(WriteError{"the disk does not answer within 2 s", true}));
    if (order) (void)carry_out(*order, {});
  }

  bool is_held = false;

 private:
  std::deque<WriteRequest> requests_;
};

}  // namespace fixture
