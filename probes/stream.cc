#include "probes/stream.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "probes/result.h"
#include "probes/target.h"

namespace herald::probes {

bool Stream::use_tls(SSL_CTX& context, const std::string& host) {
  session_.reset(SSL_new(&context));
  if (!session_ || SSL_set_fd(session_.get(), fd_.get()) != 1) return false;
  SSL_set_connect_state(session_.get());
  const std::string literal = literal_of(host);
  if (!literal.empty()) {
    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session_.get()), literal.c_str()) == 1;
  }
  return SSL_set1_host(session_.get(), host.c_str()) == 1 &&
         SSL_ctrl(session_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                  const_cast<char*>(host.c_str())) == 1;
}

Stream::Io Stream::handshake() {
  ERR_clear_error();
  errno = 0;
  return tls_outcome(SSL_do_handshake(session_.get()));
}

Stream::Io Stream::read(std::span<char> buffer, std::size_t& count) {
  count = 0;
  if (session_) {
    ERR_clear_error();
    errno = 0;
    return tls_outcome(SSL_read_ex(session_.get(), buffer.data(), buffer.size(), &count));
  }
  const ssize_t result = recv(fd_.get(), buffer.data(), buffer.size(), 0);
  if (result == 0) return Io::closed;
  if (result < 0) return errno == EAGAIN || errno == EINTR ? Io::wants_read : socket_outcome();
  count = static_cast<std::size_t>(result);
  return Io::done;
}

Stream::Io Stream::write(std::string_view data, std::size_t& count) {
  count = 0;
  if (session_) {
    ERR_clear_error();
    errno = 0;
    return tls_outcome(SSL_write_ex(session_.get(), data.data(), data.size(), &count));
  }
  const ssize_t result = send(fd_.get(), data.data(), data.size(), MSG_NOSIGNAL);
  if (result < 0) return errno == EAGAIN || errno == EINTR ? Io::wants_write : socket_outcome();
  count = static_cast<std::size_t>(result);
  return Io::done;
}

std::optional<CertificateEnd> Stream::certificate_end() const {
  return session_ ? first_end(*session_) : std::nullopt;
}

void Stream::say_goodbye() {
  if (session_) SSL_shutdown(session_.get());
  ERR_clear_error();
}

void Stream::reset_on_close() {
  const linger at_once{1, 0};
  setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

Stream::Io Stream::tls_outcome(int result) {
  if (result == 1) return Io::done;
  switch (SSL_get_error(session_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return Io::wants_read;
    case SSL_ERROR_WANT_WRITE:
      return Io::wants_write;
    case SSL_ERROR_ZERO_RETURN:
      return Io::closed;
    case SSL_ERROR_SYSCALL:
      return socket_outcome();
    default:
      break;
  }
  if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) return Io::closed;
  // What verification found out is there with `verify` false too, and is then no reason for anything.
  const bool is_verified = SSL_get_verify_mode(session_.get()) != SSL_VERIFY_NONE;
  const long verified = is_verified ? SSL_get_verify_result(session_.get()) : X509_V_OK;
  if (verified != X509_V_OK) {
    ERR_clear_error();
    return fail(failed(Reason::tls, fmt::format("certificate: {}", X509_verify_cert_error_string(verified))));
  }
  return fail(failed(Reason::tls, take_ssl_error()));
}

Stream::Io Stream::socket_outcome() {
  return errno == 0 ? Io::closed : fail(network_result("connection", errno));
}

Stream::Io Stream::fail(ProbeResult result) {
  failure_ = std::move(result);
  return Io::failed;
}

}  // namespace herald::probes
