// The `tls` object of a probe, read and checked.
#pragma once

#include <optional>
#include <string>

#include "sidecar/core/types.h"

namespace herald {

class ObjectReader;

namespace probes {

struct TlsSettings {
  bool verify = true;
  std::string ca_file;      // empty: the system's bundle
  std::string cert;         // of the client, PEM, with its chain
  std::string key;          // PEM, not encrypted
  std::string server_name;  // for SNI and the check of the name; empty: the target's host
  bool only_1_3 = false;
  std::optional<Duration> warn_expiry;
  bool operator==(const TlsSettings&) const = default;
};

// Reads and finishes the object.
[[nodiscard]] TlsSettings read_tls(ObjectReader tls);

}  // namespace probes
}  // namespace herald
