// What the rooms of the daemon tell the core, and what they log.
#pragma once

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "sidecar/core/events.h"
#include "sidecar/os/fd.h"
#include "sidecar/os/log.h"

namespace fixture {

using namespace herald;
using namespace std::chrono_literals;

struct Told {
  void operator()(const Event& event) { events.push_back(event); }

  template <typename One>
  [[nodiscard]] std::size_t count() const {
    std::size_t found = 0;
    for (const Event& event : events) found += std::holds_alternative<One>(event) ? 1 : 0;
    return found;
  }
  // The last event, which is one of these.
  template <typename One>
  [[nodiscard]] const One& last() const {
    REQUIRE_FALSE(events.empty());
    REQUIRE(std::holds_alternative<One>(events.back()));
    return std::get<One>(events.back());
  }

  std::vector<Event> events;
};

// While it lives, standard error is a file, and the log writes there.
class Logged {
 public:
  Logged() : before_(::dup(STDERR_FILENO)), file_(std::tmpfile()) {
    if (file_ == nullptr || ::dup2(::fileno(file_), STDERR_FILENO) < 0) throw std::runtime_error("tmpfile");
  }
  Logged(const Logged&) = delete;
  Logged& operator=(const Logged&) = delete;
  ~Logged() {
    ::dup2(before_.get(), STDERR_FILENO);
    (void)std::fclose(file_);
  }

  [[nodiscard]] std::string text() const {
    std::string text(4096, '\0');
    const ssize_t count = ::pread(::fileno(file_), text.data(), text.size(), 0);
    text.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
    return text;
  }
  [[nodiscard]] bool has(const std::string& part) const { return text().find(part) != std::string::npos; }

  Log log{LogTarget::text};

 private:
  Fd before_;
  std::FILE* file_;
};

}  // namespace fixture
