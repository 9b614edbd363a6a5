#include "tests/sim/last_words.h"

#include <csignal>
#include <cstdio>
#include <utility>

namespace herald::sim {
namespace {

// A signal handler finds nothing but globals.
using Handler = void (*)(int);
const char* volatile words_now = nullptr;
Handler abort_before = SIG_DFL;
Handler terminate_before = SIG_DFL;

// stderr has no buffer: this comes to a write(2).
void speak() noexcept {
  const char* const words = words_now;
  words_now = nullptr;  // once
  if (words != nullptr) std::fputs(words, stderr);
}

// Catch2's handler was there before, and tells in which test it was.
void go_on_dying(int signal) {
  std::signal(signal, signal == SIGABRT ? abort_before : terminate_before);
  std::raise(signal);
}

extern "C" void speak_and_die(int signal) {
  speak();
  go_on_dying(signal);
}

}  // namespace

LastWords::LastWords(std::string words) : words_(std::move(words)) {
  words_now = words_.c_str();
  abort_before = std::signal(SIGABRT, speak_and_die);
  terminate_before = std::signal(SIGTERM, speak_and_die);  // it never ended, and somebody lost patience
}

LastWords::~LastWords() {
  std::signal(SIGABRT, abort_before);
  std::signal(SIGTERM, terminate_before);
  words_now = nullptr;
}

}  // namespace herald::sim

// Called by the sanitizers before their report; without them nobody does.
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming): the sanitizers choose the names
extern "C" void __asan_on_error() {
  herald::sim::speak();
}
extern "C" void __ubsan_on_report() {
  herald::sim::speak();
}
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)
