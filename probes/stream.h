// A connected socket, in the clear or with TLS on it: bytes in, bytes out, and never a wait.
//
// It refuses to hide why it stops: each call says what it waits for, or keeps a result that says what went
// wrong.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "probes/tls.h"
#include "sidecar/os/fd.h"

namespace herald::probes {

class Stream {
 public:
  // `closed` is the peer's orderly end; `failed` leaves a result in failure().
  enum class Io : std::uint8_t { done, wants_read, wants_write, closed, failed };

  explicit Stream(Fd fd) : fd_(std::move(fd)) {}

  [[nodiscard]] int fd() const { return fd_.get(); }
  // Begins a handshake as a client; `host` is what the certificate has to be for, and goes into SNI if it is
  // a name. False without memory.
  [[nodiscard]] bool use_tls(SSL_CTX& context, const std::string& host);

  [[nodiscard]] Io handshake();
  // Each moves at most one buffer and sets `count`.
  [[nodiscard]] Io read(std::span<char> buffer, std::size_t& count);
  [[nodiscard]] Io write(std::string_view data, std::size_t& count);

  [[nodiscard]] const ProbeResult& failure() const { return failure_; }
  [[nodiscard]] std::optional<CertificateEnd> certificate_end() const;
  // The end of a stream that did what it should: tells the peer.
  void say_goodbye();
  // Makes the close a reset, which leaves no TIME_WAIT.
  void reset_on_close();

 private:
  Io tls_outcome(int result);
  Io socket_outcome();
  Io fail(ProbeResult result);

  Fd fd_;
  SessionPtr session_;
  ProbeResult failure_;
};

}  // namespace herald::probes
