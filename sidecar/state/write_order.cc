#include "sidecar/state/write_order.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstring>
#include <system_error>

#include "sidecar/os/fd.h"

namespace herald {
namespace {

struct OrderHead {
  WriteOrder::Kind kind{};
  Durable durable{};
  mode_t mode = 0;
  std::uint32_t name_size = 0;
};

std::unexpected<std::string> failure(const char* what, const std::filesystem::path& path) {
  return std::unexpected(system_error_text(fmt::format("{} {}", what, path.native())));
}

std::expected<void, std::string> append_to(const std::filesystem::path& file, std::string_view text) {
  // Not blocking: something else than a file may have that name.
  const Fd fd(::open(file.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd || !write_all(fd, text)) return failure("write", file);
  return {};
}

std::expected<void, std::string> add_name(const std::filesystem::path& file,
                                          const std::filesystem::path& second) {
  std::error_code error;
  std::filesystem::remove(second, error);
  std::filesystem::create_hard_link(file, second, error);
  if (error) return std::unexpected(fmt::format("keep as {}: {}", second.native(), error.message()));
  return {};
}

}  // namespace

std::expected<void, std::string> carry_out(const WriteOrder& order, const std::function<bool()>& is_wanted) {
  switch (order.kind) {
    case WriteOrder::Kind::append:
      return append_to(order.file, order.text);
    case WriteOrder::Kind::replace:
      return replace_kept_file(order.file, order.text, order.mode, order.durable, is_wanted);
    case WriteOrder::Kind::remove:
      if (::unlink(order.file.c_str()) != 0 && errno != ENOENT) return failure("remove", order.file);
      return {};
    case WriteOrder::Kind::second_name:
      return add_name(order.file, order.text);
  }
  return std::unexpected("no such order");
}

std::string encode(const WriteOrder& order) {
  const OrderHead head{order.kind, order.durable, order.mode,
                       static_cast<std::uint32_t>(order.file.native().size())};
  std::string packet(sizeof head, '\0');
  std::memcpy(packet.data(), &head, sizeof head);
  return packet + order.file.native() + order.text;
}

std::optional<WriteOrder> decode_write_order(std::string_view packet) {
  OrderHead head;
  if (packet.size() < sizeof head) return std::nullopt;
  std::memcpy(&head, packet.data(), sizeof head);
  packet.remove_prefix(sizeof head);
  if (head.name_size > packet.size() || head.kind > WriteOrder::Kind::second_name) return std::nullopt;
  return WriteOrder{.kind = head.kind,
                    .file = std::string(packet.substr(0, head.name_size)),
                    .text = std::string(packet.substr(head.name_size)),
                    .mode = head.mode,
                    .durable = head.durable == Durable::yes ? Durable::yes : Durable::no};
}

}  // namespace herald
