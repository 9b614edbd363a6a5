// Whether a query is sent with EDNS, to a server that may not know it.
//
// Such a server says FORMERR or NOTIMP, or nothing at all: the query is then sent without, at once for the former, with
// every second try for silence. Once a server has answered so, it is remembered. With one try alone, silence cuts the
// attempt off: the next one does without EDNS, and the one after with it again.
//
// It refuses to send anything, and to know an answer: it is told what happened. The memory is the probe's and outlives
// the choices of its attempts.
#pragma once

#include <cstdint>

#include "probes/dns_settings.h"

namespace herald::probes {

// What a probe knows of its server from one attempt to the next.
struct EdnsMemory {
  bool is_plain = false;  // it does not know EDNS
  // Queries with EDNS in a row that had no answer, where one without had, or was still to be sent.
  std::uint32_t silent = 0;
};

// Of one attempt. When it ends without an answer, that is remembered.
class EdnsChoice {
 public:
  // `is_single`: there is no second try.
  EdnsChoice(Edns wanted, bool is_single, EdnsMemory& memory)
      : wanted_(wanted), is_single_(is_single), memory_(memory) {}
  EdnsChoice(const EdnsChoice&) = delete;
  EdnsChoice& operator=(const EdnsChoice&) = delete;
  ~EdnsChoice();

  // Of the first query.
  void begin();
  // Of the next try, after silence.
  void try_again();
  // Of the next query, after the server has shown that it does not know EDNS.
  void refuse();

  // The query is to be sent without EDNS.
  [[nodiscard]] bool is_plain() const { return is_plain_; }
  // The query was sent with EDNS, and has not been sent without because of it.
  [[nodiscard]] bool is_doubtful() const { return may_fall_back() && sent_edns_ && !is_refused_; }

  // The last query had its answer.
  void take_reply();
  // What the attempt ends with, or goes on after, is no matter of EDNS.
  void settle() { is_settled_ = true; }

 private:
  [[nodiscard]] bool may_fall_back() const { return wanted_ == Edns::fallback; }
  void choose(bool is_plain);

  Edns wanted_;
  bool is_single_;
  EdnsMemory& memory_;
  bool is_plain_ = false;
  bool sent_edns_ = false;
  bool is_refused_ = false;
  bool is_settled_ = false;
};

}  // namespace herald::probes
