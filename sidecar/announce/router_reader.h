// Reads back from a routing stack what it says about the VIPs. It never blocks and never changes anything.
//
// One read at a time, bounded by the stack's timeout; the answer comes from the loop. Parsing is apart from
// asking, in pure functions (frr_view.h, bird_view.h), because it is what differs between versions.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "sidecar/announce/router_lever.h"
#include "sidecar/core/config.h"
#include "sidecar/core/router_view.h"
#include "sidecar/loop.h"

namespace herald {

class RouterReader {
 public:
  using OnView = std::function<void(RouterView)>;

  RouterReader() = default;
  RouterReader(const RouterReader&) = delete;
  RouterReader& operator=(const RouterReader&) = delete;
  virtual ~RouterReader() = default;

  // `on_view` is called once, later; not when the reader is destroyed first.
  virtual void read(OnView on_view) = 0;
};

[[nodiscard]] std::unique_ptr<RouterReader> make_bird_reader(Loop& loop, const RouterSpec& spec,
                                                             std::vector<Vip> vips);
// By `router.stack`; none for `none`.
[[nodiscard]] std::unique_ptr<RouterLever> make_router_lever(Loop& loop, const Config& config);

}  // namespace herald
