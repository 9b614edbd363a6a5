// Turns a loop until a reader has told what its router is like.
#pragma once

#include <catch2/catch.hpp>
#include <optional>
#include <utility>

#include "sidecar/doctor/facts_reader.h"
#include "tests/os/run_until.h"

namespace herald {

inline RouterFacts read_facts(Loop& loop, FactsReader& reader) {
  std::optional<RouterFacts> facts;
  reader.read([&](RouterFacts read) { facts = std::move(read); });
  REQUIRE(run_until(loop, [&] { return facts.has_value(); }, std::chrono::seconds(10)));
  return std::move(*facts);
}

}  // namespace herald
