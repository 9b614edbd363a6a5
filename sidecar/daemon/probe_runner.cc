#include "sidecar/daemon/probe_runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "probes/registry.h"

namespace herald {
namespace {

std::size_t index_of(ProbeId id) {
  return static_cast<std::size_t>(id);
}

}  // namespace

ProbeRunner::ProbeRunner(Loop& loop, OnResult on_result)
    : on_result_(std::move(on_result)),
      curl_(loop),
      resolver_(loop),
      context_{loop, curl_, resolver_, ca_stores_} {}

ProbeRunner::Probes ProbeRunner::make(const Config& config, std::vector<std::string>& problems) {
  Probes probes;
  for (const ServiceSpec& service : config.services) {
    for (const ProbeSpec& spec : service.probes) {
      auto made = probes::make_probe(spec, context_);
      if (!made) problems.push_back(fmt::format("probe {}/{}: {}", service.name, spec.name, made.error()));
      probes.push_back(made ? std::move(*made) : nullptr);
    }
  }
  return probes;
}

void ProbeRunner::put(ProbeId id, std::unique_ptr<probes::Probe> probe) {
  std::erase_if(running_, [id](const auto& entry) { return entry.second.probe == id; });
  if (index_of(id) >= probes_.size()) probes_.resize(index_of(id) + 1);
  probes_[index_of(id)] = std::move(probe);
}

void ProbeRunner::start(ProbeId id, RunId run) {
  auto attempt = probes_[index_of(id)]->start([this, run](ProbeResult result) {
    const auto over = running_.extract(run);  // it is on the stack: it dies after its result was told
    on_result_(run, std::move(result));
  });
  if (attempt) {
    running_[run] = {id, std::move(*attempt)};
  } else {
    on_result_(run, std::move(attempt.error()));
  }
}

std::optional<std::string> ProbeRunner::cancel(RunId run) {
  const auto cancelled = running_.extract(run);
  if (!cancelled) return std::nullopt;
  return cancelled.mapped().attempt->stage();
}

}  // namespace herald
