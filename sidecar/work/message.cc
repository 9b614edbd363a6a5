#include "sidecar/work/message.h"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

namespace herald::work {
namespace {

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
  Writer& operator<<(const Ran& ran) { return *this << ran.began << ran.ended << ran.stalled.count(); }
  Writer& operator<<(const ProbeSpec& spec) {
    return *this << spec.name << spec.type << spec.socket.source << spec.socket.bind_device
                 << spec.socket.mark << spec.target << spec.settings;
  }
  Writer& operator<<(const ProbeResult& result) {
    *this << result.verdict << result.reason << result.detail << result.latency.count();
    *this << static_cast<std::uint8_t>(result.certificate_end ? 1 : 0);
    return result.certificate_end ? *this << *result.certificate_end : *this;
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
  void take(Ran& ran) {
    take(ran.began);
    take(ran.ended);
    take(ran.stalled);
    for (const Duration one : {ran.began.time_since_epoch(), ran.ended.time_since_epoch(), ran.stalled})
      require_sane(one);
  }
  void take(ProbeSpec& spec) {
    take(spec.name);
    take(spec.type);
    take(spec.socket.source);
    take(spec.socket.bind_device);
    take(spec.socket.mark);
    take(spec.target);
    take(spec.settings);
  }
  void take(ProbeResult& result) {
    take_word(result.verdict);
    take_word(result.reason);
    take(result.detail);
    take(result.latency);
    require_sane(result.latency);
    std::uint8_t has_end = 0;
    take(has_end);
    if (has_end > 1) return fail();
    if (has_end == 1) take(result.certificate_end.emplace());
  }

 private:
  // Within what can be added and subtracted.
  void require_sane(Duration duration) {
    constexpr Duration kMost = std::chrono::hours(24 * 365 * 100);
    if (duration < Duration{} || duration > kMost) fail();
  }
  bool has(std::size_t size) {
    good_ = good_ && left_.size() >= size;
    return good_;
  }

  std::string_view left_;
  bool good_ = true;
};

void read(Reader& reader, Put& put) {
  reader.take_id(put.probe);
  reader.take(put.spec);
}
void read(Reader& reader, Try& attempt) {
  reader.take(attempt.ticket);
  reader.take(attempt.spec);
}
void read(Reader& reader, Start& start) {
  reader.take_id(start.probe);
  reader.take_id(start.run);
}
void read(Reader& reader, Cancel& cancel) {
  reader.take_id(cancel.run);
}
void read(Reader& reader, Vips& vips) {
  std::uint32_t count = 0;
  reader.take(count);
  for (std::uint32_t i = 0; i < count && reader.is_good(); ++i) reader.take(vips.addresses.emplace_back());
}
void read(Reader& reader, Hold& hold) {
  std::uint8_t is_wanted = 0;
  reader.take_id(hold.probe);
  reader.take(is_wanted);
  if (is_wanted > 1) return reader.fail();
  hold.is_wanted = is_wanted == 1;
}
void read(Reader& reader, Hello& hello) {
  reader.take(hello.network_namespace);
  reader.take(hello.version);
}
void read(Reader& reader, Tried& tried) {
  std::uint8_t has_problem = 0;
  reader.take(tried.ticket);
  reader.take(has_problem);
  if (has_problem > 1) return reader.fail();
  if (has_problem == 1) reader.take(tried.problem.emplace());
}
void read(Reader& reader, Finished& finished) {
  reader.take_id(finished.run);
  reader.take(finished.result);
  reader.take(finished.ran);
}
void read(Reader& reader, Cancelled& cancelled) {
  reader.take_id(cancelled.run);
  reader.take(cancelled.stage);
  reader.take(cancelled.ran);
}
void read(Reader& reader, Held& held) {
  reader.take_id(held.probe);
  reader.take_word(held.change);
  reader.take(held.text);
}

// A message is the index of its kind in the variant, and its members.
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

}  // namespace

void append(std::string& packet, const Order& order) {
  Writer writer(packet);
  writer << static_cast<std::uint8_t>(order.index());
  std::visit(Overloaded{[&](const Put& one) { writer << one.probe << one.spec; },
                        [&](const Try& one) { writer << one.ticket << one.spec; },
                        [&](const Start& one) { writer << one.probe << one.run; },
                        [&](const Cancel& one) { writer << one.run; },
                        [&](const Vips& one) {
                          writer << static_cast<std::uint32_t>(one.addresses.size());
                          for (const std::string& address : one.addresses) writer << address;
                        },
                        [&](const Hold& one) {
                          writer << one.probe << static_cast<std::uint8_t>(one.is_wanted ? 1 : 0);
                        }},
             order);
}

void append(std::string& packet, const Report& word) {
  Writer writer(packet);
  writer << static_cast<std::uint8_t>(word.index());
  std::visit(Overloaded{[&](const Hello& one) { writer << one.network_namespace << one.version; },
                        [&](const Tried& one) {
                          writer << one.ticket << static_cast<std::uint8_t>(one.problem ? 1 : 0);
                          if (one.problem) writer << *one.problem;
                        },
                        [&](const Finished& one) { writer << one.run << one.result << one.ran; },
                        [&](const Cancelled& one) { writer << one.run << one.stage << one.ran; },
                        [&](const Held& one) { writer << one.probe << one.change << one.text; }},
             word);
}

std::expected<std::vector<Order>, std::string> read_orders(std::string_view packet) {
  return read_all<Order>(packet);
}

std::expected<std::vector<Report>, std::string> read_reports(std::string_view packet) {
  return read_all<Report>(packet);
}

}  // namespace herald::work
