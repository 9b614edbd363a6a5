"""From herald's decision to the UPDATE at the later Route Server, lever by lever, beside the same change made by hand; and 1,000 VIPs
withdrawn together, beside one prepared vtysh call.

An operator drains and undrains: the decision is the transition in herald's history, so what heraldctl takes is not in it. By hand is
what a script would run, timed from its start: ip, vtysh, bgpd's own socket, birdc. Both take turns in one region."""

from __future__ import annotations

import ipaddress
import json
import socket
import statistics
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from herald import Herald, http, service
from lab import Lab
from region import Region, RegionMark, make_region
from routers import NvaOptions
from waiting import wait_until

VIP, BY_HAND = "10.99.0.1/32", "10.99.0.2/32"
RUNS = 15
MOST_MORE_MS = 10.0
MANY = [f"{ipaddress.ip_address('10.98.0.0') + n}/32" for n in range(1000)]
MANY_RUNS = 5
MOST_RATIO = 1.3
PERMIT_MANY = "ip prefix-list ANYCAST seq 6 permit 10.98.0.0/16 ge 32 le 32\n"


def start_herald(region: Region, spec: dict[str, Any], transport: str) -> Herald:
    herald = region.herald([spec], start=False)
    if transport:
        router = herald.config["router"]
        herald.configure(router={**router, "vtysh": {**router["vtysh"], "transport": transport}})
    herald.start()
    return herald


def decided(herald: Herald, name: str, admin: str) -> float:
    """When the service's last drain or undrain was decided."""
    entries = json.loads(herald.ctl("history", name, "--json").stdout)["transitions"]
    last = [entry for entry in entries if entry["to"] == admin][-1]
    return datetime.fromisoformat(last["at"].replace("Z", "+00:00")).timestamp()


def network_lines(region: Region, prefixes: list[str], word: str) -> list[str]:
    return ["configure terminal", f"router bgp {region.plan.nva.asn}", "address-family ipv4 unicast", *(f"{word} {prefix}" for prefix in prefixes)]


def by_vtysh(region: Region, prefixes: list[str], present: bool) -> None:
    region.nva.vtysh(*network_lines(region, prefixes, "network" if present else "no network"), timeout=30)


def by_socket(region: Region, prefixes: list[str], present: bool) -> None:
    """A line and a NUL; the reply ends with three NULs and a status."""
    with socket.socket(socket.AF_UNIX) as vty:
        vty.connect(str(region.nva.run_dir / "bgpd.vty"))
        for line in ["enable", *network_lines(region, prefixes, "network" if present else "no network")]:
            vty.sendall(line.encode() + b"\0")
            reply = b""
            while len(reply) < 4 or reply[-4:-1] != b"\0\0\0":
                reply += vty.recv(4096)


def by_birdc(region: Region, prefixes: list[str], present: bool) -> None:
    routes = "".join(f"route {prefix} blackhole; " for prefix in prefixes)
    hand_file(region.lab).write_text(f"protocol static hand {{ ipv4; {routes}}}\n" if present else "")
    region.nva.birdc("configure")


def by_ip(region: Region, prefixes: list[str], present: bool) -> None:
    for prefix in prefixes:
        (region.add_vip if present else region.del_vip)(prefix)


def hand_file(lab: Lab) -> Path:
    return lab.dir / "by-hand.conf"


def time_of(region: Region, present: bool, prefix: str, mark: RegionMark) -> float:
    return max((region.wait_announced if present else region.wait_withdrawn)(prefix, since=mark).values())


def one_lever(region: Region, announce: dict[str, str], transport: str, hand: Callable[[Region, list[str], bool], None]) -> dict[str, list[float]]:
    """Milliseconds: herald's and by hand, up and down."""
    region.http_service(port=8080)
    herald = start_herald(region, service("web", VIP, http(8080), announce=announce), transport)
    herald.wait_state("web", "announced")
    times: dict[str, list[float]] = {"herald down": [], "hand down": [], "herald up": [], "hand up": []}
    for _ in range(RUNS):
        for present, verb, admin in ((False, "drain", "drain"), (True, "undrain", "auto")):
            mark = region.mark()
            herald.ctl(verb, "web")
            end = time_of(region, present, VIP, mark)
            times["herald up" if present else "herald down"].append((end - decided(herald, "web", admin)) * 1000)
            herald.wait_state("web", "announced" if present else "withdrawn")
            time.sleep(0.2)
        for present in (True, False):
            mark, start = region.mark(), time.time()
            hand(region, [BY_HAND], present)
            times["hand up" if present else "hand down"].append((time_of(region, present, BY_HAND, mark) - start) * 1000)
            time.sleep(0.2)
    herald.stop()
    return times


def all_levers() -> bool:
    levers = [
        ("frr, loopback", "frr", "loopback", {"via": "loopback"}, "", by_ip),
        ("frr, vtysh", "frr", "vtysh", {"via": "vtysh"}, "vtysh", by_vtysh),
        ("frr, socket", "frr", "vtysh", {"via": "vtysh"}, "socket", by_socket),
        ("bird, loopback", "bird", "loopback", {"via": "loopback"}, "", by_ip),
        ("bird, birdc", "bird", "birdc", {"via": "birdc"}, "", by_birdc),
    ]
    within = True
    for title, stack, lever, announce, transport, hand in levers:
        with Lab() as lab:
            hand_file(lab).write_text("")
            extra = f'include "{hand_file(lab)}";\n' if stack == "bird" else ""
            times = one_lever(make_region(lab, stack, options=NvaOptions(lever=lever, extra=extra)), announce, transport, hand)
        for way in ("down", "up"):
            ours, theirs = (statistics.median(times[f"{who} {way}"]) for who in ("herald", "hand"))
            within &= ours - theirs <= MOST_MORE_MS
            print(f"{title:15} {way:5} herald {ours:6.1f} ms, by hand {theirs:6.1f} ms: {ours - theirs:+6.1f} (at most +{MOST_MORE_MS:.0f})", flush=True)
    return within


def last_time(region: Region, present: bool, mark: RegionMark) -> float:
    """When the last of MANY came or went at the later Route Server."""
    kind = "announce" if present else "withdraw"

    def all_there() -> bool:
        return all(len({e.prefix for e in events if e.kind == kind} & set(MANY)) == len(MANY) for events in region.events(mark).values())

    wait_until(all_there, f"{len(MANY)} {kind}s", 30, poll=0.02)
    return max(event.time for events in region.events(mark).values() for event in events if event.kind == kind)


def many(transport: str) -> bool:
    with Lab() as lab:
        region = make_region(lab, "frr", options=NvaOptions(lever="vtysh", extra=PERMIT_MANY))
        ours, theirs = [], []
        for _ in range(MANY_RUNS):  # by hand first: bgpd has seen nothing of herald then
            mark = region.mark()
            by_vtysh(region, MANY, True)
            last_time(region, True, mark)
            time.sleep(1)
            mark, start = region.mark(), time.time()
            by_vtysh(region, MANY, False)
            theirs.append((last_time(region, False, mark) - start) * 1000)
            time.sleep(1)
        region.http_service(port=8080)
        herald = start_herald(region, service("web", MANY, http(8080), announce={"via": "vtysh"}), transport)
        for _ in range(MANY_RUNS):
            herald.wait_state("web", "announced", timeout=30)
            time.sleep(1)
            mark = region.mark()
            herald.ctl("drain", "web")
            end = last_time(region, False, mark)
            ours.append((end - decided(herald, "web", "drain")) * 1000)
            herald.ctl("undrain", "web")
        herald.stop()
    ratio = statistics.median(ours) / statistics.median(theirs)
    print(f"1,000 VIPs withdrawn together, {transport}: herald {statistics.median(ours):.0f} ms, one prepared vtysh call {statistics.median(theirs):.0f} ms: "
          f"{ratio:.2f} x (at most {MOST_RATIO})", flush=True)
    return ratio <= MOST_RATIO


def main() -> int:
    within = [all_levers(), many("vtysh"), many("socket")]
    return int(not all(within))


if __name__ == "__main__":
    sys.exit(main())
