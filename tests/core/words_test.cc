#include "sidecar/core/words.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "sidecar/core/config.h"

namespace words_test {

using namespace herald;

namespace {

// Declared in another order than their words are listed, and with other values than positions have.
enum class Colour : std::uint8_t { blue = 7, red = 2, green = 0 };
constexpr auto words_of(Colour) {
  return std::to_array<Word<Colour>>(
      {{Colour::red, "red"}, {Colour::green, "Green"}, {Colour::blue, "blue"}});
}

// Every word has an enumerator of its own, and the way back leads to it.
template <Worded Enum>
void check_words() {
  const auto words = words_of(Enum{});
  for (std::size_t i = 0; i < words.size(); ++i) {
    INFO(words[i].word);
    CHECK(name_of(words[i].value) == words[i].word);
    CHECK(from_name<Enum>(words[i].word) == words[i].value);
  }
}

// A table as long as the enumeration, whose enumerators count from 0, has them all.
template <Worded Enum>
void check_all(Enum last) {
  check_words<Enum>();
  CHECK(words_of(Enum{}).size() == static_cast<std::size_t>(last) + 1);
}

}  // namespace

TEST_CASE("a word means its enumerator, in whatever order either is listed") {
  check_words<Colour>();
  CHECK(from_name<Colour>("blue") == Colour::blue);
  CHECK(from_name<Colour>("red") == Colour::red);
  CHECK(from_name<Colour>("Green") == Colour::green);
  CHECK(name_of(Colour::green) == "Green");
  CHECK_FALSE(from_name<Colour>("green"));
  CHECK_FALSE(from_name<Colour>(""));
  CHECK(name_of(static_cast<Colour>(1)) == "?");
}

TEST_CASE("every enumerator has a word") {
  check_all(Verdict::inconclusive);
  check_all(Reason::inverted);
  check_all(ProbeState::down);
  check_all(Health::unhealthy);
  check_all(Grade::draining);
  check_all(AdminState::force);
  check_all(ServiceState::held);
  check_all(Subject::probe);
  check_all(Role::info);
  check_all(OnExit::keep);
  check_all(Via::birdc);
  check_all(VipOnDown::remove);
  check_all(Stack::none);
  check_all(Transport::socket);
  check_all(FallbackLevel::shutdown);
  check_all(Preset::generic);
}

// They stand in configurations, and programs rely on them in the answers.
TEST_CASE("what the words of a configuration mean") {
  CHECK(from_name<Role>("gate") == Role::gate);
  CHECK(from_name<Role>("degrade") == Role::degrade);
  CHECK(from_name<Role>("info") == Role::info);
  CHECK(from_name<OnExit>("withdraw") == OnExit::withdraw);
  CHECK(from_name<OnExit>("keep") == OnExit::keep);
  CHECK(from_name<Via>("loopback") == Via::loopback);
  CHECK(from_name<Via>("vtysh") == Via::vtysh);
  CHECK(from_name<Via>("birdc") == Via::birdc);
  CHECK(from_name<VipOnDown>("keep") == VipOnDown::keep);
  CHECK(from_name<VipOnDown>("remove") == VipOnDown::remove);
  CHECK(from_name<Stack>("frr") == Stack::frr);
  CHECK(from_name<Stack>("bird") == Stack::bird);
  CHECK(from_name<Stack>("none") == Stack::none);
  CHECK(from_name<Transport>("vtysh") == Transport::vtysh);
  CHECK(from_name<Transport>("socket") == Transport::socket);
  CHECK(from_name<FallbackLevel>("off") == FallbackLevel::off);
  CHECK(from_name<FallbackLevel>("deny") == FallbackLevel::deny);
  CHECK(from_name<FallbackLevel>("shutdown") == FallbackLevel::shutdown);
  CHECK(from_name<Preset>("azure") == Preset::azure);
  CHECK(from_name<Preset>("aws") == Preset::aws);
  CHECK(from_name<Preset>("gcp") == Preset::gcp);
  CHECK(from_name<Preset>("generic") == Preset::generic);
  CHECK(name_of(AdminState::automatic) == "auto");
  CHECK(from_name<Reason>("too_large") == Reason::too_large);
}

}  // namespace words_test
