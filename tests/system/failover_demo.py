"""tests/demo: two regions, one anycast address, and a client that keeps asking while region A's service dies, hangs and returns.

Everything is real: FRR appliances with herald beside them, two Route Servers a region, an on-premises router that hears both
regions, and a client behind it. Times come from those who know: the routers' own logs, the kernel's route monitor, the client."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

from herald import Herald, http, service
from lab import Lab
from onprem import OnPrem, make_onprem
from region import Region, make_regions
from servers import HttpService, fetch
from waiting import wait_until

VIP = "10.99.0.1/32"
ADDRESS = "10.99.0.1"
PORT = 8080

DRAWING = """
      region A                                        region B
  +---------------------+                         +---------------------+
  | NVA: FRR + herald   |                         | NVA: FRR + herald   |
  | service 10.99.0.1   |                         | service 10.99.0.1   |
  +---------------------+                         +---------------------+
      | BGP, multihop                                 | BGP, multihop
  Route Servers rs1, rs2                          Route Servers rs1, rs2
             \\                                      /
              +-------- on-premises router --------+      (prefers A)
                               |
                             client: GET http://10.99.0.1:8080 every 20 ms
"""


def say(text: str = "") -> None:
    print(text, flush=True)


class Client(threading.Thread):
    """Asks for the anycast address all the time and notes who answered, from inside the client's namespace."""

    def __init__(self, onprem: OnPrem) -> None:
        super().__init__(daemon=True)
        self._onprem = onprem
        self._done = threading.Event()
        self.answers: list[tuple[float, str]] = []  # (time, region), region "" for none

    def run(self) -> None:
        while not self._done.wait(0.02):
            try:
                status, body = fetch(self._onprem.client, ADDRESS, PORT, timeout=0.25)
                who = body if status == 200 else ""
            except OSError:
                who = ""
            self.answers.append((time.time(), who))

    def stop(self) -> None:
        self._done.set()
        if self.is_alive():  # what failed may have failed before the start
            self.join(2)

    def first_from(self, region: str, since: float) -> float | None:
        return next((when for when, who in list(self.answers) if when >= since and who == region), None)

    def unanswered(self, since: float, until: float) -> int:
        return sum(1 for when, who in list(self.answers) if since <= when <= until and not who)


class RouteMonitor:
    """`ip monitor route` in the on-premises router: when its kernel's path to the address changed."""

    _LINE = re.compile(r"^\[(?P<time>[^\]]+)\] (?P<deleted>Deleted )?" + re.escape(ADDRESS) + r" via (?P<gateway>\S+)")

    def __init__(self, onprem: OnPrem, log: Path) -> None:
        self._onprem = onprem
        self.log = log
        argv = onprem.ns.command(["stdbuf", "-oL", "ip", "-ts", "monitor", "route"])
        with log.open("wb") as out:
            self._process = subprocess.Popen(argv, stdout=out, env={**os.environ, "TZ": "UTC"})

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(5)

    def path_to(self, region: Region, since: float) -> float | None:
        for line in self.log.read_text().splitlines():
            found = self._LINE.match(line)
            if not found or found["deleted"] or found["gateway"] not in region.plan.uplink(1):
                continue
            when = datetime.fromisoformat(found["time"]).replace(tzinfo=timezone.utc).timestamp()
            if when >= since:
                return when
        return None


class Site:
    """A region with its service and herald."""

    def __init__(self, region: Region) -> None:
        self.region = region
        self.web: HttpService = region.http_service(PORT, body=region.name.upper())
        probe = http(PORT, name="front", interval="1s", fast_interval="100ms", timeout="500ms", rise=5, fall=3)
        self.herald: Herald = region.herald(services=[service("web", VIP, probe)])

    def transition(self, pattern: str, since: float) -> float | None:
        """When heraldd logged a line that matches."""
        for line in self.herald.log_text().splitlines():
            stamp, _, text = line.partition(" ")
            when = datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp() if stamp.endswith("Z") else 0.0
            if when >= since - 0.001 and re.search(pattern, text):
                return when
        return None


def timeline(title: str, start: float, rows: list[tuple[str, float | None]]) -> None:
    say(f"\n  {title}")
    for what, when in rows:
        say(f"    {'not seen' if when is None else f'{(when - start) * 1000:8.0f} ms'}  {what}")


def scene(title: str, sites: list[Site], client: Client, monitor: RouteMonitor, act: Callable[[], None], to_b: bool) -> None:
    """Does `act` to region A's service, waits until the client is served by the other region, and tells when what happened."""
    a, b = sites
    mark = a.region.mark()
    start = time.time()
    act()
    target = b if to_b else a
    wait_until(lambda: client.first_from(target.region.name.upper(), start), f"an answer from {target.region.name}", 30, poll=0.02)
    changed = a.region.wait_withdrawn if to_b else a.region.wait_announced
    at_route_servers = changed(VIP, since=mark)
    wait_until(lambda: monitor.path_to(target.region, start), "the on-premises path changed", 10, poll=0.02)
    first = client.first_from(target.region.name.upper(), start)
    verb = "withdrawn" if to_b else "announced"
    rows: list[tuple[str, float | None]] = [
        ("herald's probe noticed (web/front is " + ("down)" if to_b else "up)"),
         a.transition(r"web/front: \w+ -> " + ("down" if to_b else "up"), start)),
        *((f"{verb} at Route Server {name}", when) for name, when in at_route_servers.items()),
        (f"on-premises router's path is {target.region.name.upper()}", monitor.path_to(target.region, start)),
        (f"first answer from {target.region.name.upper()}", first),
    ]
    timeline(title, start, rows)
    say(f"    {client.unanswered(start, first or time.time()):8d} requests unanswered meanwhile")


def show_status(site: Site) -> None:
    say(f"\n  heraldctl status in region {site.region.name.upper()}:")
    for line in site.herald.ctl("status").stdout.splitlines():
        say("    " + line)


def play(lab: Lab) -> None:
    say(DRAWING)
    say("setting up: 11 namespaces, FRR, BIRD, two heralds")
    regions = make_regions(lab, {"a": "frr", "b": "frr"})
    onprem = make_onprem(lab, regions)
    sites = [Site(region) for region in regions]
    client, monitor = Client(onprem), RouteMonitor(onprem, lab.dir / "routes.log")
    try:
        for site in sites:
            site.region.wait_announced(VIP)
            site.herald.wait_state("web", "announced")
        onprem.wait_region_of(ADDRESS, "a")
        client.start()
        wait_until(lambda: client.first_from("A", 0), "an answer from A", 10, poll=0.02)
        show_status(sites[0])
        web = sites[0].web
        scene("1. kill -9 of the service in region A", sites, client, monitor, web.kill, to_b=True)
        show_status(sites[0])
        scene("2. the service in region A is started again", sites, client, monitor, web.start, to_b=False)
        scene("3. the service in region A hangs (SIGSTOP)", sites, client, monitor, web.sigstop, to_b=True)
        scene("4. it runs again (SIGCONT)", sites, client, monitor, web.sigcont, to_b=False)
        say(f"\n{len(client.answers)} requests in all, {client.unanswered(0, time.time())} unanswered.")
    finally:
        monitor.stop()
        client.stop()


def main() -> int:
    started = time.monotonic()
    with Lab() as lab:
        play(lab)
    say(f"cleaned up; {time.monotonic() - started:.0f} s in all")
    return 0


if __name__ == "__main__":
    sys.exit(main())
