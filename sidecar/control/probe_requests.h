// Who waits for which attempts: a request is for several, and is answered once all have ended. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sidecar/core/config.h"
#include "sidecar/core/events.h"

namespace herald {

struct ProbeRequest {
  std::string service;               // a name that exists
  std::optional<std::string> probe;  // one of its probes; none: all of them
  bool counts = false;
};

class ProbeRequests {
 public:
  // Returns the ticket of each of its attempts. The answer has them in the order of their ids.
  std::uint64_t begin(std::uint64_t client, const std::vector<ProbeId>& probes);

  struct Answer {
    std::uint64_t client = 0;
    nlohmann::ordered_json reply;
  };
  // The answer, when this was the last attempt that the request was for.
  std::optional<Answer> take(const effect::Probed& probed, const ProbeSpec& spec);

 private:
  struct Waiting {
    std::uint64_t client = 0;
    std::size_t left = 0;
    std::map<ProbeId, nlohmann::ordered_json> results;
  };
  std::uint64_t last_ticket_ = 0;
  std::map<std::uint64_t, Waiting> waiting_;
};

}  // namespace herald
