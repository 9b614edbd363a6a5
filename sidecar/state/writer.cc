#include "sidecar/state/writer.h"

#include <utility>

namespace herald {

void PretendingWriter::write(WriteRequest request) {
  asked_.push_back(std::move(request));
  soon_.set_time(Loop::clock());
}

void PretendingWriter::answer() {
  for (const WriteRequest& request : std::exchange(asked_, {})) {
    (void)request.make();
    if (request.done) request.done({});
  }
}

}  // namespace herald
