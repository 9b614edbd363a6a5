// What the end of a transfer that brought no answer says: of the target, or of this machine.
//
// It refuses to look anywhere: all that it knows is in an HttpEnd, so that each end of curl's has its row in a table of
// tests.
#pragma once

#include <curl/curl.h>

#include <cstdint>
#include <string>

#include "probes/curl_multi.h"
#include "probes/http_settings.h"
#include "sidecar/core/types.h"

namespace herald::probes {

struct HttpEnd {
  CURLcode code = CURLE_OK;
  CurlMulti::End ended = CurlMulti::End::by_curl;
  int watch_error = 0;              // the errno of End::unwatched
  int error = 0;                    // the errno that curl met, or 0
  std::string text{};               // curl's own about this transfer, or "" where it has none
  std::string where{};              // the address, or the path of the unix socket
  bool is_unix = false;             // `where` is one
  bool wanted_certificate = false;  // of its client, which has none
};

[[nodiscard]] ProbeResult failure_of(const HttpEnd& end, const HttpSettings& settings);

}  // namespace herald::probes
