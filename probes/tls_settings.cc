#include "probes/tls_settings.h"

#include "probes/endpoint.h"
#include "sidecar/config/json_reader.h"

namespace herald::probes {
namespace {

using namespace std::chrono_literals;

void read_file_name(ObjectReader& keys, std::string_view key, std::string& out) {
  if (keys.read(key, out) && !out.starts_with('/')) keys.fail(key, "must be an absolute path");
}

}  // namespace

TlsSettings read_tls(ObjectReader tls) {
  TlsSettings settings;
  tls.read("verify", settings.verify);
  read_file_name(tls, "ca_file", settings.ca_file);
  read_file_name(tls, "cert", settings.cert);
  read_file_name(tls, "key", settings.key);
  if (settings.cert.empty() != settings.key.empty()) tls.fail("", R"("cert" and "key" come together)");
  if (!settings.verify && !settings.ca_file.empty()) tls.fail("ca_file", "has no effect with verify false");
  if (tls.read("server_name", settings.server_name) &&
      (!is_host(settings.server_name) || !literal_of(settings.server_name).empty())) {
    tls.fail("server_name", "must be a name");
  }
  std::size_t version = 0;
  if (tls.read_choice("min_version", version, {"1.2", "1.3"})) settings.only_1_3 = version == 1;
  Duration warn_expiry{};
  if (tls.read("warn_expiry", warn_expiry, 1h, 24h * 3650)) settings.warn_expiry = warn_expiry;
  tls.finish();
  return settings;
}

}  // namespace herald::probes
