// Lines to bgpd over its own vty socket, the one that vtysh uses: 0.05 ms a line instead of 25 ms a call. The protocol
// is the same from FRR 8.4 to 10.x, but nobody promises it; hence it is chosen by a setting and vtysh stands behind it.
//
// A line and one NUL; the answer is text, then 00 00 00 and the status (lib/command.h). One line at a time: newer
// releases may lose what is sent ahead. A connection is one session, and each run() makes its own.
#pragma once

#include <cstdint>
#include <deque>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "sidecar/announce/frr/transport.h"
#include "sidecar/os/fd.h"

namespace herald {

[[nodiscard]] std::string frr_socket_path(const VtyshSpec& spec);

// Cuts what comes from the socket into answers.
class VtyAnswerReader {
 public:
  void feed(std::string_view bytes) { buffer_ += bytes; }
  [[nodiscard]] std::optional<FrrAnswer> next();
  [[nodiscard]] std::size_t waiting() const { return buffer_.size(); }

 private:
  std::string buffer_;
  std::size_t scanned_ = 0;  // no end of an answer before it
};

class FrrSocket final : public FrrTransport {
 public:
  FrrSocket(Loop& loop, const VtyshSpec& spec);

  void run(std::vector<std::string> lines, OnFailure on_failure, OnReply on_reply) override;

 private:
  [[nodiscard]] std::expected<void, std::string> connect();
  void pump();
  // The errors are lines for people, and end the run.
  enum class Course : std::uint8_t { goes_on, ended };
  // Sends and takes what it can without waiting.
  [[nodiscard]] std::expected<Course, std::string> advance();
  [[nodiscard]] std::expected<Course, std::string> take(FrrAnswer answer);
  [[nodiscard]] std::expected<void, std::string> write_some();
  [[nodiscard]] std::expected<void, std::string> read_some(bool& more);
  void finish(std::optional<std::string> error);

  Loop* loop_;
  std::string path_;
  Duration timeout_;
  std::deque<std::string> lines_;  // not sent yet
  OnFailure on_failure_ = OnFailure::stop;
  OnReply on_reply_;
  FrrReply reply_;
  std::string unsent_;
  VtyAnswerReader reader_;
  bool enabled_ = false;
  Fd fd_;
  Source io_;
  Source deadline_;
};

}  // namespace herald
