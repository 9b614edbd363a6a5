"""From the death of a service to its withdrawal at both Route Servers, beside the stack's own floor: the same VIP removed by hand.

Interval 1 s, fast interval 100 ms, fall 3. A service dies at a moment that the probe's grid does not know, so the mean of what herald can do is
interval/2 + 2 x fast; what the router needs after that is the floor, measured in the same run."""

from __future__ import annotations

import random
import statistics
import sys
import time

from herald import http, service
from lab import Lab
from region import Region, make_region

VIP = "10.99.0.1/32"
RUNS = 20
BUDGET_MS = 60.0
EXPECTED_MS = 1000 / 2 + 2 * 100


def floor(region: Region) -> list[float]:
    """Milliseconds from `ip addr del` to the withdrawal at the later Route Server."""
    times = []
    for _ in range(RUNS):
        mark = region.mark()
        region.add_vip(VIP)
        region.wait_announced(VIP, since=mark)
        time.sleep(random.uniform(0.1, 0.2))
        mark = region.mark()
        start = time.time()
        region.del_vip(VIP)
        times.append((max(region.wait_withdrawn(VIP, since=mark).values()) - start) * 1000)
    return times


def failover(region: Region) -> list[float]:
    web = region.http_service(port=8080)
    probe = http(8080, interval="1s", fast_interval="100ms", fall=3, rise=2)
    herald = region.herald(services=[service("web", VIP, probe)])
    times = []
    for run in range(RUNS):
        herald.wait_state("web", "announced")
        # Evenly over the interval rather than by chance, so that 20 runs have the mean of many.
        period = time.time() % 1
        time.sleep(1.5 + (run / RUNS - period) % 1)
        mark = region.mark()
        start = time.time()
        web.kill()
        times.append((max(region.wait_withdrawn(VIP, since=mark).values()) - start) * 1000)
        web.start()
    herald.stop()
    return times


def figures(times: list[float]) -> str:
    return f"mean {statistics.mean(times):7.1f}   min {min(times):7.1f}   max {max(times):7.1f} ms"


def main() -> int:
    failed = False
    for stack in ("frr", "bird"):
        with Lab() as lab:
            region = make_region(lab, stack)
            by_hand = floor(region)
            measured = failover(region)
        expected = EXPECTED_MS + statistics.mean(by_hand)
        over = statistics.mean(measured) - expected
        failed |= abs(over) > BUDGET_MS  # faster than it can be means that something else is measured
        print(f"{stack}: VIP removed by hand    {figures(by_hand)}")
        print(f"{stack}: service killed         {figures(measured)}")
        print(f"{stack}: interval/2 + 2 x fast + floor = {expected:.1f} ms; herald {over:+.1f} ms (budget +-{BUDGET_MS:.0f} ms)", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
