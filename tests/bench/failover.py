"""From the death of a service to its withdrawal at both Route Servers, beside the stack's own floor: the same VIP removed by hand.

Interval 1 s, fast interval 100 ms, fall 3. By polling a service dies at a moment that the probe's grid does not know, so the mean of what
herald can do is interval/2 + 2 x fast; by events, what the kernel tells of the listener's end, it is 2 x fast, and with hard_fail nothing.
What the router needs after that is the floor, measured in the same run."""

from __future__ import annotations

import random
import signal
import statistics
import sys
import time
from typing import Any

from herald import http, service
from lab import Lab
from region import Region, make_region

VIP = "10.99.0.1/32"
RUNS = 20
FAST_MS = 100.0
# How herald hears of it: the keys of the probe, and what it may need beside the floor, in milliseconds, with the budget for the rest.
WAYS: dict[str, tuple[dict[str, Any], float, float]] = {
    "polling": ({"events": "off"}, 1000 / 2 + 2 * FAST_MS, 60),
    "events": ({}, 2 * FAST_MS, 60),
    "events, hard_fail": ({"hard_fail": ["refused"]}, 0, 40),
}


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


def failover(region: Region, keys: dict[str, Any], death: signal.Signals) -> list[float]:
    web = region.http_service(port=8080)
    probe = http(8080, interval="1s", fast_interval="100ms", fall=3, rise=2, **keys)
    herald = region.herald(services=[service("web", VIP, probe)])
    times = []
    for run in range(RUNS):
        herald.wait_state("web", "announced")
        # Evenly over the interval rather than by chance, so that 20 runs have the mean of many.
        period = time.time() % 1
        time.sleep(1.5 + (run / RUNS - period) % 1)
        mark = region.mark()
        start = time.time()
        web.process.signal(death)
        times.append((max(region.wait_withdrawn(VIP, since=mark).values()) - start) * 1000)
        web.kill()
        web.start()
    herald.stop()
    web.kill()
    return times


def figures(times: list[float]) -> str:
    return f"min {min(times):7.1f}   median {statistics.median(times):7.1f}   max {max(times):7.1f}   mean {statistics.mean(times):7.1f} ms"


def main() -> int:
    failed = False
    for stack in ("frr", "bird"):
        with Lab() as lab:
            region = make_region(lab, stack)
            by_hand = floor(region)
            print(f"{stack}: {'VIP removed by hand':30} {figures(by_hand)}", flush=True)
            for way, (keys, own, budget) in WAYS.items():
                for death in (signal.SIGKILL, signal.SIGTERM):
                    measured = failover(region, keys, death)
                    over = statistics.mean(measured) - statistics.mean(by_hand) - own
                    # Of polling, faster than it can be means that something else is measured.
                    failed |= over > budget or (way == "polling" and over < -budget)
                    print(f"{stack}: {f'{way}, {death.name}':30} {figures(measured)}; {own:.0f} ms + floor {over:+.1f} ms (budget {budget:.0f} ms)", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
