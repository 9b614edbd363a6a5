// The text formats in which metrics are told: Prometheus's (version 0.0.4) and OpenMetrics 1.0. Pure.
//
// A family begins with its head, and has its samples behind it. One without a sample is not told of at all: what is not known is
// absent, not 0. Labels are a text of their own, made once for many samples; values of labels are escaped as both formats want it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sidecar/core/histogram.h"
#include "sidecar/core/words.h"

namespace herald::seen {

enum class Format : std::uint8_t { prometheus, openmetrics };
// Of a reply by HTTP (Content-Type).
[[nodiscard]] std::string_view content_type(Format format);

enum class Type : std::uint8_t { gauge, counter, histogram, info };
[[nodiscard]] constexpr auto words_of(Type) {
  using enum Type;
  return std::to_array<Word<Type>>(
      {{gauge, "gauge"}, {counter, "counter"}, {histogram, "histogram"}, {info, "info"}});
}

struct Head {
  std::string_view name;  // of its samples: with _total, _info; of a histogram without a suffix
  Type type = Type::gauge;
  std::string_view help;
};

// `service="web"`, and more of them behind a comma.
void add_label(std::string& labels, std::string_view name, std::string_view value);
[[nodiscard]] std::string label(std::string_view name, std::string_view value);

class Text {
 public:
  explicit Text(Format format) : format_(format) {}

  void begin(const Head& head) {
    head_ = head;
    is_begun_ = false;
  }
  // Of the family that was begun last. `labels` may be empty.
  void sample(std::string_view labels, std::uint64_t value);
  void sample(std::string_view labels, double value);
  void flag(std::string_view labels, bool value) { sample(labels, std::uint64_t{value ? 1U : 0U}); }
  void histogram(std::string_view labels, const Histogram& histogram);
  // Nothing comes after it.
  void end();

  [[nodiscard]] std::size_t size() const { return text_.size(); }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  void begin_family();
  void name(std::string_view suffix, std::string_view labels);

  Format format_;
  Head head_;
  bool is_begun_ = false;
  std::string text_;
};

}  // namespace herald::seen
