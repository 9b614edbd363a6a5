// The services of a configuration, and what must hold among all of them: names and VIPs are unique across
// files, and no probe depends on an address that herald itself takes away.
//
// A ServiceReader is part of reading one configuration; the table of kinds and both lists outlive it.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sidecar/config/json_reader.h"
#include "sidecar/config/probe.h"
#include "sidecar/core/config.h"

namespace herald {

class ServiceReader {
 public:
  ServiceReader(std::span<const ProbeKindCheck> kinds, std::vector<ConfigError>& errors,
                std::vector<std::string>& warnings)
      : probes_(kinds, errors), errors_(errors), warnings_(warnings) {}

  // Call it before the first read(), if at all.
  void read_defaults(ObjectReader& defaults) { probes_.read_defaults(defaults); }
  // Each element of `services`.
  void read_list(ObjectReader& document);
  void read(ObjectReader& service);
  // After the last read(): checks what concerns all services, and gives them away.
  // Without a router (its file could not be read) what concerns it is not checked.
  [[nodiscard]] std::vector<ServiceSpec> finish(const RouterSpec* router);

 private:
  // An address that a probe needs to be local, and what needs it.
  struct Need {
    Address address;
    bool is_source;  // or else the target
    std::string file;
    std::string pointer;
  };

  struct Command {
    std::string settings;
    std::string file;
    std::string pointer;
  };

  [[nodiscard]] bool is_full(ObjectReader& service);
  void read_service_name(ObjectReader& service, std::string& name);
  void read_vips(ObjectReader& service, ServiceSpec& spec);
  void note_place(const ObjectReader& service, const ServiceSpec& spec, bool lever_known);
  void read_probes(ObjectReader& service, std::vector<ProbeSpec>& probes);
  void note_needs(const ObjectReader& probe, const ReadProbe& read);
  void check_needs();
  void check_commands();

  ProbeReader probes_;
  std::vector<ConfigError>& errors_;
  std::vector<std::string>& warnings_;
  std::vector<ServiceSpec> services_;
  std::map<std::string, std::string> name_places_;
  std::map<std::string, std::string> vip_places_;
  std::vector<std::pair<std::string, std::string>> places_;  // file and pointer, by service
  std::set<std::string> removed_vips_;                       // by herald itself
  std::vector<Need> needs_;
  std::vector<Command> commands_;
  bool stopped_ = false;  // a limit is passed and reported
};

}  // namespace herald
