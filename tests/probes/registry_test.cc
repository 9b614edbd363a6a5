#include "probes/registry.h"

#include <algorithm>
#include <set>

#include "tests/probes/lab.h"

namespace registry_test {

using namespace herald;
using namespace herald::probes;
using namespace herald::probes::test;

TEST_CASE("what checks a configuration and what runs probes know the same types") {
  std::vector<std::string_view> checked;
  std::vector<std::string_view> made;
  for (const ProbeKindCheck& kind : kind_checks()) checked.push_back(kind.type);
  for (const ProbeKind& kind : registry()) made.push_back(kind.type);
  CHECK(checked == made);
  CHECK(std::set(made.begin(), made.end()).size() == made.size());
  CHECK(std::ranges::find(made, "http") != made.end());
}

TEST_CASE("a probe is made of settings as text, and of nothing that the check would refuse") {
  Lab lab;
  ProbeSpec spec;
  spec.type = "tcp";
  spec.settings = R"({"address":"127.0.0.1:80"})";
  CHECK(make_probe(spec, lab.context));
  spec.settings = R"({"address":"127.0.0.1:80","adress":"x"})";
  CHECK(make_probe(spec, lab.context).error() == "/adress: unknown key; did you mean \"address\"?");
  spec.settings = "{";
  CHECK_FALSE(make_probe(spec, lab.context));
  spec.type = "icpm";
  CHECK(make_probe(spec, lab.context).error() == "no probe type icpm");
}

}  // namespace registry_test
