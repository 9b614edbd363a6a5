#include "probes/tcp_settings.h"

#include <memory>
#include <utility>

#include "probes/bytes.h"
#include "sidecar/config/json_reader.h"

namespace herald::probes {
namespace {

constexpr std::size_t kMostSent = 65536;

TcpSettings read_tcp(ObjectReader& keys) {
  TcpSettings settings;
  std::string address;
  if (keys.require("address") && keys.read("address", address)) {
    auto endpoint = parse_endpoint(address, std::nullopt);
    if (endpoint) {
      settings.endpoint = std::move(*endpoint);
    } else {
      keys.fail("address", endpoint.error());
    }
  }
  read_bytes(keys, "send", settings.send, kMostSent);
  read_bytes(keys, "expect", settings.expect, kMostSent);
  read_pattern(keys, "expect_matches", settings.expect_matches, PatternOver::bytes);
  const auto* tls = keys.value("tls");
  if (tls != nullptr && tls->is_boolean()) {
    if (tls->get<bool>()) settings.tls.emplace();
  } else if (auto object = keys.object("tls")) {
    settings.tls = read_tls(std::move(*object));
  }
  keys.read("accepted", settings.accepted);
  if (settings.accepted && (settings.expects_answer() || settings.tls))
    keys.fail(
        "accepted",
        "says nothing more where an answer or a TLS handshake is waited for: whoever gives it has accepted");
  return settings;
}

}  // namespace

CheckedProbe check_tcp(ObjectReader& keys) {
  TcpSettings settings = read_tcp(keys);
  std::string target = literal_of(settings.endpoint.host);
  std::string endpoint = to_string(settings.endpoint);
  return {std::move(target), std::move(endpoint), std::make_unique<TcpSettings>(std::move(settings)),
          Listens::tcp, true};
}

}  // namespace herald::probes
