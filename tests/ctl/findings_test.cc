#include "sidecar/ctl/findings.h"

#include <catch2/catch.hpp>
#include <vector>

namespace herald::findings_test {

TEST_CASE("findings for people and for programs") {
  const std::vector<Finding> findings{
      {Severity::error, "inbound-open", "everything\x1b is accepted", "why not", "mend it"},
      {Severity::note, "version", "FRR 8.4.4", "herald is tested with it", ""}};
  CHECK(ctl::render_findings(findings, {}) ==
        "error    everything\\x1b is accepted\n"
        "         why  why not\n"
        "         fix  mend it\n"
        "note     FRR 8.4.4\n"
        "         why  herald is tested with it\n"
        "1 error, 0 warnings, 1 note\n");
  CHECK(ctl::render_findings({}, {}) == "0 errors, 0 warnings, 0 notes\n");
  CHECK(
      ctl::findings_report(findings).dump() ==
      R"([{"severity":"error","check":"inbound-open","what":"everything\u001b is accepted","why":"why not","fix":"mend it"},)"
      R"({"severity":"note","check":"version","what":"FRR 8.4.4","why":"herald is tested with it","fix":""}])");
  CHECK(ctl::findings_report({}).dump() == "[]");
}

}  // namespace herald::findings_test
