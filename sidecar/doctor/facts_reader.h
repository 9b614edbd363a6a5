// Asks a routing stack what `heraldctl doctor` judges: never changes anything, and every question has a deadline.
#pragma once

#include <functional>
#include <memory>

#include "sidecar/core/config.h"
#include "sidecar/doctor/router_facts.h"
#include "sidecar/os/loop.h"

namespace herald {

class FactsReader {
 public:
  using OnFacts = std::function<void(RouterFacts)>;

  FactsReader() = default;
  FactsReader(const FactsReader&) = delete;
  FactsReader& operator=(const FactsReader&) = delete;
  virtual ~FactsReader() = default;

  // `on_facts` is called once, later; not when the reader is destroyed first.
  virtual void read(OnFacts on_facts) = 0;
};

[[nodiscard]] std::unique_ptr<FactsReader> make_frr_facts_reader(Loop& loop, const Config& config);
[[nodiscard]] std::unique_ptr<FactsReader> make_bird_facts_reader(Loop& loop, const Config& config);

// By `router.stack`; none for `none`.
[[nodiscard]] std::unique_ptr<FactsReader> make_facts_reader(Loop& loop, const Config& config);

}  // namespace herald
