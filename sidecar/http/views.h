// Who waits for which view, and what of it has come: however many want the same, heraldd is asked once. Pure.
//
// Who comes while a view is being fetched gets that one. Each is answered once, unless it is dropped; from within an answer
// nobody may be dropped but who is being answered.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "sidecar/work/http_message.h"

namespace herald::http {

class Views {
 public:
  using Key = std::pair<work::HttpView, std::string>;  // and what about (HttpAsk)
  struct Fetched {
    std::uint64_t number = 0;  // no other has it
    bool found = true;
    std::string text;
  };
  // Null: heraldd does not say it.
  using Ready = std::function<void(const Fetched* fetched)>;
  using Waiter = std::uint64_t;

  explicit Views(std::function<void(const work::HttpAsk&)> ask) : ask_(std::move(ask)) {}

  // None: too much is being fetched already.
  std::optional<Waiter> await(const Key& key, Ready ready);
  void drop(Waiter waiter);
  // False: nobody has asked for it.
  bool take(work::HttpPart part);

 private:
  static constexpr std::size_t kMostNamed = 24;  // and the seven others
  // A view that is larger is none: heraldd is believed in much, but not in everything.
  static constexpr std::size_t kMostBytes = std::size_t{64} << 20U;

  [[nodiscard]] bool has_room(work::HttpView view) const;

  struct Fetching {
    Fetched fetched;
    std::map<Waiter, Ready> waiting;
  };

  std::function<void(const work::HttpAsk&)> ask_;
  std::map<Key, Fetching> fetching_;
  std::uint64_t last_ask_ = 0;
  Waiter last_waiter_ = 0;
};

}  // namespace herald::http
