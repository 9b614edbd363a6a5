// What all attempts of an HTTP probe share, and what it asks of curl: the request, where it goes and how.
//
// curl is kept from everything that would make a check depend on more than its target: no proxy, no .netrc, no cookies,
// no resolver (the address is put in where curl opens its socket), no CA directory, no resumed session.
//
// It refuses what an attempt has of its own: the callbacks by which curl opens a socket and hands over the answer.
#pragma once

#include <curl/curl.h>

#include <memory>

#include "probes/http_settings.h"
#include "probes/socket.h"

namespace herald::probes {

struct FreeCurlList {
  void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};
using CurlList = std::unique_ptr<curl_slist, FreeCurlList>;

struct HttpPlan {
  HttpSettings settings;
  SocketOptions socket;
  CurlList headers;
  CurlList connect_to;
};
[[nodiscard]] HttpPlan plan_of(HttpSettings settings, const SocketOptions& socket);

// The plan outlives the transfer: curl keeps pointers into it.
void set_request(CURL* easy, const HttpPlan& plan);

}  // namespace herald::probes
