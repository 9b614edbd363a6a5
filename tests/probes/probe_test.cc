#include "probes/probe.h"

#include <catch2/catch.hpp>
#include <memory>
#include <optional>
#include <thread>

namespace probe_test {

using namespace herald;
using namespace herald::probes;
using namespace std::chrono_literals;

namespace {

class Ending final : public Attempt {
 public:
  Ending(bool& is_closed, Done done) : Attempt(std::move(done)), is_closed_(is_closed) {}

  void end() { finish({Verdict::pass, Reason::none, "ended", {}}); }
  [[nodiscard]] std::string stage() const override { return "waiting"; }

 private:
  void close() override { is_closed_ = true; }
  bool& is_closed_;
};

}  // namespace

TEST_CASE("an attempt's end: it lets go first, then it is told with its latency, and may be gone") {
  bool is_closed = false;
  std::unique_ptr<Ending> attempt;
  std::optional<ProbeResult> result;
  attempt = std::make_unique<Ending>(is_closed, [&](ProbeResult its_result) {
    CHECK(is_closed);
    attempt.reset();
    result = std::move(its_result);
  });
  std::this_thread::sleep_for(2ms);
  attempt->end();
  REQUIRE(result);
  CHECK(attempt == nullptr);
  CHECK(result->detail == "ended");
  CHECK(result->latency >= 2ms);
}

}  // namespace probe_test
