// Something to be written to the disk, as a value, and how that is done. Doing it waits for the disk, however long that
// takes: the writer's process does it (writer_child.h), and heraldd never.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "sidecar/os/kept_file.h"

namespace herald {

struct WriteOrder {
  // append: only to a file that is there. replace: see replace_kept_file(). remove: also where there is none.
  // second_name: `file` gets the name that `text` is, too, which is taken from whatever had it.
  enum class Kind : std::uint8_t { append, replace, remove, second_name };

  Kind kind{};
  std::filesystem::path file{};
  std::string text{};
  mode_t mode = 0640;
  Durable durable = Durable::no;

  bool operator==(const WriteOrder&) const = default;
};

// The error is a line for people, and the file is as it was then, but for an append, which may be there in part. A file
// is not replaced where `is_wanted` says that nobody wants it any more: that is asked last, for the disk may have taken
// its time until then.
[[nodiscard]] std::expected<void, std::string> carry_out(const WriteOrder& order,
                                                         const std::function<bool()>& is_wanted);

// For the way to the writer, which is the same program: in the machine's own order.
[[nodiscard]] std::string encode(const WriteOrder& order);
[[nodiscard]] std::optional<WriteOrder> decode_write_order(std::string_view packet);

}  // namespace herald
