#include "sidecar/announce/router/lever.h"

#include <utility>

namespace herald {

RouterView unreachable(std::string why) {
  RouterView view;
  view.error = std::move(why);
  return view;
}

}  // namespace herald
