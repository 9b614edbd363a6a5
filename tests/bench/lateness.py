"""How late herald's timers fire with 200 services while bgpd hangs, beside the same with bgpd well."""

from __future__ import annotations

import sys
import time

from herald import http, service
from lab import Lab
from region import Region, make_region

LIMIT_MS = 5.0
SERVICES = 200
SECONDS = 20


def measure(region: Region, hung: bool) -> dict:
    services = [service(f"s{n}", f"10.99.0.{n}/32", http(8080)) for n in range(1, SERVICES + 1)]
    herald = region.herald(services=services)
    herald.wait_state("s200", "announced", timeout=20)
    if hung:
        region.nva.bgpd.sigstop()
    time.sleep(SECONDS)
    loop = herald.status()["lateness"]
    herald.kill()
    if hung:
        region.nva.bgpd.sigcont()
    return loop


def main() -> int:
    with Lab() as lab:
        region = make_region(lab, "frr")
        region.nginx(port=8080)
        well = measure(region, hung=False)
        hung = measure(region, hung=True)
    for name, loop in (("bgpd well", well), ("bgpd hung", hung)):
        print(f"{SERVICES} services, {name}: {loop['timers']} timers, late by p50 {loop['median_ms']:.2f}  "
              f"p99 {loop['p99_ms']:.2f}  max {loop['most_ms']:.2f} ms")
    print(f"p99 with bgpd hung is {hung['p99_ms'] / max(well['p99_ms'], 0.001):.2f} x that with bgpd well (limit {LIMIT_MS:.0f} ms)")
    return int(hung["p99_ms"] > LIMIT_MS)


if __name__ == "__main__":
    sys.exit(main())
