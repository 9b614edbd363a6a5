"""The instances of a Route Server, what they saw together, and the numbers of the region that they are in."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bird import FAST_BGP, Bird, quoted
from mrt import Update
from namespaces import Namespace, link
from routers import ROUTE_SERVER_AS, NvaPlan
from witness import IMPORT_FILTER, Mark, RouteEvent, Witness

if TYPE_CHECKING:
    from lab import Lab

ONPREM_AS = 65100


@dataclass(frozen=True)
class RegionPlan:
    """Every number of region `i`: NVA 10.i.0.4, Route Servers 10.i.1.4 and 10.i.1.132."""

    i: int

    @property
    def nva(self) -> NvaPlan:
        return NvaPlan(65000 + self.i, f"10.{self.i}.0.4", f"fd00:{self.i}::4", tuple(rs.address for rs in self.route_servers))

    @property
    def nva_gateways(self) -> tuple[str, str]:
        return f"10.{self.i}.0.1", f"fd00:{self.i}::1"

    @property
    def route_servers(self) -> tuple[RsPlan, RsPlan]:
        return (
            RsPlan("rs1", f"10.{self.i}.1.4", f"10.{self.i}.1.1", f"fd00:{self.i}:0:1::4", f"fd00:{self.i}:0:1::1"),
            RsPlan("rs2", f"10.{self.i}.1.132", f"10.{self.i}.1.129", f"fd00:{self.i}:0:2::4", f"fd00:{self.i}:0:2::1"),
        )

    @property
    def vnet(self) -> str:
        return f"10.{self.i}.0.0/16"

    @property
    def vnet6(self) -> str:
        return f"fd00:{self.i}::/48"

    def uplink(self, end: int) -> tuple[str, str]:
        """End 1 is rt's, end 2 is onprem's."""
        return f"10.200.{self.i}.{end}", f"fd00:200:{self.i}::{end}"


@dataclass(frozen=True)
class RsPlan:
    name: str
    address: str
    gateway: str
    address6: str
    gateway6: str


class RouteServer:
    """One instance of a Route Server: AS 65515, timers as Azure's (60/180), hears the NVA and keeps its next hop."""

    def __init__(self, lab: Lab, ns: Namespace, region: RegionPlan, plan: RsPlan, label: str) -> None:
        self.name = plan.name
        self.ns = ns
        self.plan = plan
        self.region = region
        self.bird = Bird(lab, ns, label)
        self.witness = Witness(label, self.bird.log, self.bird.dir / "messages.mrt", "nva", self.bird.log_tail)
        self._onprem = ""
        self.bird.conf.write_text(self._config())

    def start(self) -> None:
        self.bird.start()

    def stop(self) -> None:
        self.bird.process.terminate()

    def heal(self) -> None:
        """Running, and with its session enabled."""
        self.bird.process.sigcont()
        if not self.bird.process.alive:
            self.bird.start()
        self.enable_session()

    def disable_session(self) -> None:
        """As in a maintenance: the session ends with a NOTIFICATION (Cease)."""
        self.bird.must("disable nva")

    def enable_session(self) -> None:
        self.bird.must("enable nva")

    def established(self) -> bool:
        return self.bird.process.alive and self.bird.established("nva")

    def settled(self) -> bool:
        """Established, and the NVA has sent the End-of-RIB of both families: no UPDATE comes any more unless something changes.
        FRR takes a second for that, and holds announcements back until then."""
        return self.established() and self.witness.ends_of_rib() >= 2

    def has(self, prefix: str) -> bool:
        return bool(self.bird.route(prefix, "nva"))

    def mark(self) -> Mark:
        return self.witness.mark()

    def events(self, since: Mark | None = None, prefix: str | None = None) -> list[RouteEvent]:
        return self.witness.events(since, prefix)

    def updates_since(self, since: Mark) -> list[Update]:
        return self.witness.updates_since(since)

    def wait_for(self, kind: str, prefix: str, since: Mark | None = None, timeout: float = 10) -> RouteEvent:
        return self.witness.wait_for(kind, prefix, since, timeout)

    def peer_with_onprem(self, address: str, prepend: int) -> None:
        """Also tells the on-premises router what the NVA announces, with our AS `prepend` more times than needed."""
        path = "bgp_path.prepend(%d); " % ROUTE_SERVER_AS * prepend
        self._onprem = f"""
filter to_onprem {{ if proto = "nva" then {{ {path}accept; }} reject; }}
protocol bgp onprem {{
  local {self.plan.address} as {ROUTE_SERVER_AS};
  neighbor {address} as {ONPREM_AS};
  multihop; {FAST_BGP}
  ipv4 {{ import none; export filter to_onprem; next hop keep; }};
  ipv6 {{ import none; export filter to_onprem; next hop keep; }};
}}
"""
        self.bird.configure(self._config())

    def _config(self) -> str:
        """Exports the VNet to the NVA, as Azure does; an NVA that takes it in is misconfigured."""
        plan, nva = self.plan, self.region.nva
        return f"""{self.bird.head(plan.address)}
mrtdump {quoted(self.witness.mrt_file)};
{IMPORT_FILTER}
protocol static vnet4 {{ ipv4; route {self.region.vnet} via {plan.gateway}; route 0.0.0.0/0 via {plan.gateway}; }}
protocol static vnet6 {{ ipv6; route {self.region.vnet6} via {plan.gateway6}; route ::/0 via {plan.gateway6}; }}
protocol bgp nva {{
  debug {{ states, routes, events }};
  mrtdump {{ messages }};
  local {plan.address} as {ROUTE_SERVER_AS};
  neighbor {nva.address} as {nva.asn};
  multihop 2;
  hold time 180; keepalive time 60; {FAST_BGP}
  ipv4 {{ import filter witness; export where net = {self.region.vnet}; next hop self; }};
  ipv6 {{ import filter witness; export where net = {self.region.vnet6}; next hop address {plan.address6}; }};
}}
{self._onprem}"""


@dataclass(frozen=True)
class PairMark:
    """A point in time at both Route Servers. `time` is for measuring: event times minus it."""

    time: float
    at: dict[str, Mark]


class Watched:
    """Somebody whose announcements both Route Servers of a region hear: what they are witnesses of."""

    route_servers: dict[str, RouteServer]

    def mark(self) -> PairMark:
        at = {name: rs.mark() for name, rs in self.route_servers.items()}
        return PairMark(time.time(), at)

    def wait_announced(self, prefix: str, since: PairMark | None = None, timeout: float = 10) -> dict[str, float]:
        """Route Server name to the time when the prefix was announced there."""
        return self._wait_for("announce", prefix, since, timeout)

    def wait_withdrawn(self, prefix: str, since: PairMark | None = None, timeout: float = 10) -> dict[str, float]:
        return self._wait_for("withdraw", prefix, since, timeout)

    def _wait_for(self, kind: str, prefix: str, since: PairMark | None, timeout: float) -> dict[str, float]:
        deadline = time.monotonic() + timeout
        times = {}
        for name, rs in self.route_servers.items():
            left = max(0.0, deadline - time.monotonic())
            times[name] = rs.wait_for(kind, prefix, since.at[name] if since else None, left).time
        return times

    def announced(self, prefix: str) -> set[str]:
        """The Route Servers that have the prefix now."""
        return {name for name, rs in self.route_servers.items() if rs.has(prefix)}

    def events(self, since: PairMark | None = None, prefix: str | None = None) -> dict[str, list[RouteEvent]]:
        return {name: rs.events(since.at[name] if since else None, prefix) for name, rs in self.route_servers.items()}

    def updates_since(self, since: PairMark) -> dict[str, list[Update]]:
        return {name: rs.updates_since(since.at[name]) for name, rs in self.route_servers.items()}

    def assert_silent(self, since: PairMark) -> None:
        """No Route Server got a single UPDATE since the mark, and no route went with a lost session."""
        updates, events = self.updates_since(since), self.events(since)
        if any(updates.values()) or any(events.values()):
            raise AssertionError(f"the Route Servers should have seen nothing, but saw {updates} {events}\n{self.evidence()}")

    def evidence(self, lines: int = 25) -> str:
        """Ends of all logs, for a failure's message."""
        raise NotImplementedError


def make_route_servers(lab: Lab, name: str, plan: RegionPlan, rt: Namespace) -> dict[str, RouteServer]:
    """Both instances, each in a namespace behind the router `rt`; not started."""
    made = {}
    for rs in plan.route_servers:
        ns = lab.namespace(f"{name}-{rs.name}")
        ends = [f"{rs.address}/25", f"{rs.address6}/64"], [f"{rs.gateway}/25", f"{rs.gateway6}/64"]
        link(ns, "eth0", ends[0], rt, rs.name, ends[1])
        ns.ip(f"route add default via {rs.gateway}", f"route add default via {rs.gateway6}")
        made[rs.name] = RouteServer(lab, ns, plan, rs, f"{name}-{rs.name}")
    return made
