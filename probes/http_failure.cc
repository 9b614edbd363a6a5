#include "probes/http_failure.h"

#include <fmt/format.h>

#include "probes/http_reader.h"
#include "probes/result.h"
#include "probes/tls.h"
#include "sidecar/os/fd.h"
#include "sidecar/text/plain_text.h"

namespace herald::probes {
namespace {

ProbeResult system_failure(const HttpEnd& end, std::string_view attempted) {
  const std::string whole = fmt::format("{} {}", attempted, end.where);
  return (end.is_unix ? unix_socket_result : network_result)(whole, end.error);
}

ProbeResult tls_failure(const std::string& text, const HttpSettings& settings) {
  const bool is_http_2 = text.find("no application protocol") != std::string::npos;
  return failed(Reason::tls, is_http_2 ? text + ": " + http_2_alone(settings) : text);
}

ProbeResult failure_of_curl(const HttpEnd& end, const HttpSettings& settings) {
  const std::string text = printable(end.text.empty() ? curl_easy_strerror(end.code) : end.text, 160);
  switch (end.code) {
    case CURLE_COULDNT_CONNECT:
      if (end.error != 0) return system_failure(end, "connect");
      return failed(Reason::unreachable, text);
    case CURLE_OPERATION_TIMEDOUT:
      return failed(Reason::timeout, text);
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:  // also broken framing, and what the peer objects to after a TLS 1.3 handshake
      if (end.error != 0) return system_failure(end, "connection to");
      return failed(text.find("SSL") == std::string::npos ? Reason::protocol : Reason::tls, text);
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
      return failed(Reason::reset, text);
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_SHUTDOWN_FAILED:
      return tls_failure(text, settings);
    case CURLE_TOO_MANY_REDIRECTS:
      return failed(Reason::status, fmt::format("more than {} redirects", settings.follow_redirects));
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT:
    case CURLE_SSL_CERTPROBLEM:  // the client's certificate
    case CURLE_ABORTED_BY_CALLBACK:
      return local_trouble(text);
    default:  // no HTTP, broken framing, a redirect to something else
      return failed(Reason::protocol, text);
  }
}

}  // namespace

ProbeResult failure_of(const HttpEnd& end, const HttpSettings& settings) {
  if (end.ended == CurlMulti::End::unwatched)
    return local_trouble(system_error_text("watch a socket", end.watch_error));
  if (end.ended == CurlMulti::End::over_limit) {
    return failed(Reason::too_large, fmt::format("no end of the answer within {} bytes or a thousand pieces",
                                                 most_bytes(settings)));
  }
  // With TLS 1.3 the handshake is over before the server misses the certificate, and its alert may be lost in a reset.
  const bool is_broken =
      end.code == CURLE_SEND_ERROR || end.code == CURLE_RECV_ERROR || end.code == CURLE_GOT_NOTHING;
  if (is_broken && end.wanted_certificate) return failed(Reason::tls, kCertificateWanted);
  return failure_of_curl(end, settings);
}

}  // namespace herald::probes
