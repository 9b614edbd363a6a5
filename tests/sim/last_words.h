// Names the world in which the process died: an assertion, std::terminate, a signal or a sanitizer's report leaves no
// time for Catch2 to say which of a thousand seeds it was.
//
// The text is made beforehand, so that nothing is allocated while dying. One at a time.
#pragma once

#include <string>

namespace herald::sim {

class LastWords {
 public:
  explicit LastWords(std::string words);
  ~LastWords();
  LastWords(const LastWords&) = delete;
  LastWords& operator=(const LastWords&) = delete;

 private:
  std::string words_;
};

}  // namespace herald::sim
