// How messages are put into packets and read out of them: values one after the other. Numbers are in the machine's own order; a
// text is its length (32 bits) and its bytes. What is read is a stranger's: every length and every enumeration is checked.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "sidecar/core/types.h"

namespace herald::work {

template <typename... Kinds>
struct Overloaded : Kinds... {
  using Kinds::operator()...;
};

class Writer {
 public:
  explicit Writer(std::string& packet) : packet_(packet) {}

  template <typename Number>
    requires std::is_arithmetic_v<Number> || std::is_enum_v<Number>
  Writer& operator<<(Number value) {
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    packet_.append(bytes, sizeof value);
    return *this;
  }
  Writer& operator<<(const std::string& text) {
    *this << static_cast<std::uint32_t>(text.size());
    packet_ += text;
    return *this;
  }
  Writer& operator<<(TimePoint time) { return *this << time.time_since_epoch().count(); }
  Writer& operator<<(const std::vector<std::string>& texts) {
    *this << static_cast<std::uint32_t>(texts.size());
    for (const std::string& text : texts) *this << text;
    return *this;
  }
  template <typename Value>
  Writer& operator<<(const std::optional<Value>& value) {
    *this << static_cast<std::uint8_t>(value ? 1 : 0);
    return value ? *this << *value : *this;
  }

 private:
  std::string& packet_;
};

// Takes what there is; once something is missing or is no value of its type, everything is, until the end.
class Reader {
 public:
  explicit Reader(std::string_view packet) : left_(packet) {}

  [[nodiscard]] bool is_good() const { return good_; }
  [[nodiscard]] bool is_at_end() const { return left_.empty(); }
  void fail() { good_ = false; }

  template <typename Number>
    requires std::is_arithmetic_v<Number>
  void take(Number& value) {
    if (!has(sizeof value)) return;
    std::memcpy(&value, left_.data(), sizeof value);
    left_.remove_prefix(sizeof value);
  }
  void take(bool& value) {
    std::uint8_t number = 0;
    take(number);
    if (number > 1) return fail();
    value = number == 1;
  }
  template <typename Id>
    requires std::is_enum_v<Id>
  void take_id(Id& id) {
    std::underlying_type_t<Id> value{};
    take(value);
    id = Id{value};
  }
  template <Worded Enum>
  void take_word(Enum& value) {
    std::underlying_type_t<Enum> number{};
    take(number);
    value = Enum{number};
    const bool is_one =
        std::ranges::any_of(words_of(Enum{}), [&](const auto& word) { return word.value == value; });
    good_ = good_ && is_one;
  }
  void take(std::string& text) {
    std::uint32_t size = 0;
    take(size);
    if (!has(size)) return;
    text.assign(left_.substr(0, size));
    left_.remove_prefix(size);
  }
  // However many are promised, there are no more than there is packet.
  void take(std::vector<std::string>& texts) {
    std::uint32_t count = 0;
    take(count);
    for (std::uint32_t index = 0; index < count && good_; ++index) take(texts.emplace_back());
  }
  template <typename Value>
  void take(std::optional<Value>& value) {
    bool is_there = false;
    take(is_there);
    if (is_there) take(value.emplace());
  }
  void take(Duration& duration) {
    Duration::rep count = 0;
    take(count);
    duration = Duration{count};
  }
  void take(TimePoint& time) {
    Duration since{};
    take(since);
    time = TimePoint{since};
  }

 private:
  bool has(std::size_t size) {
    good_ = good_ && left_.size() >= size;
    return good_;
  }

  std::string_view left_;
  bool good_ = true;
};

// A message is the index of its kind in the variant, and its members, which a read(Reader&, Kind&) takes.
template <typename Message, std::size_t kind = 0>
void read_kind(Reader& reader, std::uint8_t which, std::vector<Message>& messages) {
  if constexpr (kind < std::variant_size_v<Message>) {
    if (which != kind) return read_kind<Message, kind + 1>(reader, which, messages);
    std::variant_alternative_t<kind, Message> message;
    read(reader, message);
    messages.emplace_back(std::move(message));
  } else {
    reader.fail();
  }
}

// The error is a line for people.
template <typename Message>
std::expected<std::vector<Message>, std::string> read_all(std::string_view packet) {
  Reader reader(packet);
  std::vector<Message> messages;
  while (!reader.is_at_end() && reader.is_good()) {
    std::uint8_t which = 0;
    reader.take(which);
    read_kind(reader, which, messages);
  }
  if (!reader.is_good()) return std::unexpected("a message that is none");
  return messages;
}

}  // namespace herald::work
