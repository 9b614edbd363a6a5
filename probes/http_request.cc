#include "probes/http_request.h"

#include <array>
#include <utility>
#include <vector>

namespace herald::probes {
namespace {

// Most answers fit in, and malloc has it at hand.
constexpr long kReceiveBuffer = 4096;
// Given to curl in place of names, so that it never resolves; the port stays that of the URL, and every hop
// of a redirect stays on the probe's target.
constexpr const char* kNoResolving = "::127.0.0.1:";

CurlList list_of(const std::vector<std::string>& lines) {
  CurlList list;
  for (const auto& line : lines) {
    curl_slist* longer = curl_slist_append(list.get(), line.c_str());
    if (longer == nullptr) return nullptr;
    list.release();
    list.reset(longer);
  }
  return list;
}

void set_connection(CURL* easy, const HttpPlan& plan) {
  const HttpSettings& settings = plan.settings;
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, kReceiveBuffer);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");  // or http_proxy of the environment would reroute the check
  if (!settings.reuse) {
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
  }
  if (settings.unix_socket.starts_with('@')) {
    curl_easy_setopt(easy, CURLOPT_ABSTRACT_UNIX_SOCKET, settings.unix_socket.c_str() + 1);
  } else if (!settings.unix_socket.empty()) {
    curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, settings.unix_socket.c_str());
  } else {
    curl_easy_setopt(easy, CURLOPT_CONNECT_TO, plan.connect_to.get());
    // Never pruned: what curl remembers is one address per port, and it would look through all of it for each
    // check.
    curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, -1L);
  }
}

void set_message(CURL* easy, const HttpPlan& plan) {
  static constexpr std::array kVersions{CURL_HTTP_VERSION_1_0, CURL_HTTP_VERSION_1_1, CURL_HTTP_VERSION_2_0,
                                        CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE};
  const HttpSettings& settings = plan.settings;
  curl_easy_setopt(easy, CURLOPT_URL, settings.url.c_str());
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                   static_cast<long>(kVersions[static_cast<std::size_t>(settings.version)]));
  curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 1L);   // to show what it is: see HttpReader
  curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");  // decodes; plan_of() keeps curl from asking for it
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "herald/" HERALD_VERSION);
  if (plan.headers) curl_easy_setopt(easy, CURLOPT_HTTPHEADER, plan.headers.get());
  if (settings.sends_body) {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(settings.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, settings.body.data());
  }
  if (settings.method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  } else if (settings.method != "GET" || settings.sends_body) {
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, settings.method.c_str());
  }
  if (settings.follow_redirects > 0) {
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(easy, CURLOPT_MAXREDIRS, static_cast<long>(settings.follow_redirects));
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  }
}

void set_tls(CURL* easy, const TlsSettings& tls) {
  // Debian's curl has a CA directory by default, and would parse all of it for each connection. Trust is put
  // in where the connection's context is made; curl's own cache would hand it to the next probe, whatever
  // that trusts.
  curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
  curl_easy_setopt(easy, CURLOPT_CAINFO, nullptr);
  curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, tls.verify ? 1L : 0L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, tls.verify ? 2L : 0L);
  curl_easy_setopt(easy, CURLOPT_SSLVERSION,
                   static_cast<long>(tls.only_1_3 ? CURL_SSLVERSION_TLSv1_3 : CURL_SSLVERSION_TLSv1_2));
  // Every attempt is a full handshake: a resumed one shows no certificate.
  curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
  if (!tls.cert.empty()) {
    curl_easy_setopt(easy, CURLOPT_SSLCERT, tls.cert.c_str());
    curl_easy_setopt(easy, CURLOPT_SSLKEY, tls.key.c_str());
    // check_files() has refused an encrypted key. Should it have become one since, OpenSSL must not ask on the
    // terminal.
    curl_easy_setopt(easy, CURLOPT_KEYPASSWD, "");
  }
}

}  // namespace

HttpPlan plan_of(HttpSettings settings, const SocketOptions& socket) {
  // A header of that name keeps curl from sending its own, and one without a value is not sent at all.
  std::vector<std::string> headers = settings.headers;
  if (!has_header(settings, "accept-encoding:")) headers.emplace_back("Accept-Encoding:");
  return {std::move(settings), socket, list_of(headers), list_of({kNoResolving})};
}

void set_request(CURL* easy, const HttpPlan& plan) {
  set_connection(easy, plan);
  set_message(easy, plan);
  if (plan.settings.may_use_tls()) set_tls(easy, plan.settings.tls);
}

}  // namespace herald::probes
