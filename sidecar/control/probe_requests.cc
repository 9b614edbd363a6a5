#include "sidecar/control/probe_requests.h"

#include <utility>

#include "sidecar/control/report.h"

namespace herald {

using nlohmann::ordered_json;

std::uint64_t ProbeRequests::begin(std::uint64_t client, const std::vector<ProbeId>& probes) {
  waiting_[++last_ticket_] = {client, probes.size(), {}};
  return last_ticket_;
}

std::optional<ProbeRequests::Answer> ProbeRequests::take(const effect::Probed& probed,
                                                         const ProbeSpec& spec) {
  const auto found = waiting_.find(probed.ticket);
  if (found == waiting_.end()) return std::nullopt;
  Waiting& waiting = found->second;
  waiting.results[probed.probe] = result_report(spec, probed.result);
  if (--waiting.left > 0) return std::nullopt;
  Answer answer{waiting.client, {{"results", ordered_json::array()}}};
  for (auto& [probe, result] : waiting.results) answer.reply["results"].push_back(std::move(result));
  waiting_.erase(found);
  return answer;
}

}  // namespace herald
