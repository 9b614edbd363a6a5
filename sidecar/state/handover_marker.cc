#include "sidecar/state/handover_marker.h"

#include <system_error>
#include <utility>

namespace herald {

void HandoverMarker::write(Writer& writer, std::function<void(const Written&)> done) const {
  const auto order = [file = file_]() -> std::optional<WriteOrder> {
    if (file.empty()) return std::nullopt;
    return WriteOrder{.kind = WriteOrder::Kind::replace,
                      .file = file,
                      .text = "heraldd " HERALD_VERSION
                              " has handed over: what it announced stays, and the next heraldd adopts it\n"};
  };
  writer.write({.make = order,
                .done =
                    [marker = *this, &writer, done = std::move(done)](const Written& written) {
                      if (!written && written.error().may_be_written) marker.remove(writer);
                      done(written);
                    },
                .patience = Writer::kPatience});
}

void HandoverMarker::remove(Writer& writer) const {
  writer.write({.make = [file = file_]() -> std::optional<WriteOrder> {
    if (file.empty()) return std::nullopt;
    return WriteOrder{.kind = WriteOrder::Kind::remove, .file = file};
  }});
}

bool HandoverMarker::exists() const {
  std::error_code ignored;
  return std::filesystem::exists(file_, ignored);
}

}  // namespace herald
