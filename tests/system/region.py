"""A region: an NVA behind a router, with two Route Servers two hops away, as in Azure.

    nva --- rt --- rs1, rs2
             |
          onprem --- client          optional, shared by regions: see onprem.py

Route Servers only talk BGP. `rt` forwards by static routes, as the fabric would once Route Server has programmed it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from herald import Herald
from namespaces import Namespace, link
from route_server import RegionPlan, RouteServer, Watched, make_route_servers
from routers import ANYCAST, ANYCAST6, ROUTE_SERVER_AS, BirdNva, FrrNva, NvaOptions, make_nva
from servers import Chrony, HaProxy, HostileDns, HttpService, Nginx, Nsd, TcpService, Unbound
from waiting import wait_until

if TYPE_CHECKING:
    from lab import Lab

BEACON = "10.99.0.254/32"  # not for tests


class Region(Watched):
    """One NVA with its router, and its two Route Servers. Made by `make_region`; lives as long as its lab."""

    def __init__(self, lab: Lab, name: str, stack: str, index: int, options: NvaOptions) -> None:
        self.lab = lab
        self.name = name
        self.plan = RegionPlan(index)
        self.options = options
        self.nva_ns, self.rt_ns = _build_network(lab, name, self.plan)
        self.route_servers = make_route_servers(lab, name, self.plan, self.rt_ns)
        self.nva: FrrNva | BirdNva = make_nva(stack, lab, self.nva_ns, self.plan.nva, options)
        self._own_addresses = self.nva_ns.addresses()
        self._heralds: list[Herald] = []
        self._services: list[Any] = []
        self._count = 0

    @property
    def stack(self) -> str:
        return self.nva.stack

    @property
    def rs1(self) -> RouteServer:
        return self.route_servers["rs1"]

    @property
    def rs2(self) -> RouteServer:
        return self.route_servers["rs2"]

    def start(self) -> None:
        """Routers started; the sessions come up meanwhile."""
        for rs in self.route_servers.values():
            rs.start()
        self.nva.start()

    def wait_established(self, timeout: float = 20) -> None:
        """Returns once the sessions are up at both ends, and settled."""

        def at_route_servers() -> bool:
            return all(rs.settled() for rs in self.route_servers.values())

        what = f"sessions of region {self.name} ({self.stack}) established and settled at both Route Servers"
        wait_until(at_route_servers, what, timeout, poll=0.02, evidence=self.evidence)
        self.nva.wait_established(timeout)

    # -- VIPs by hand, and links

    def add_vip(self, prefix: str, interface: str = "lo") -> None:
        self.nva_ns.ip(f"addr add {prefix} dev {interface}{' nodad' if ':' in prefix else ''}")

    def del_vip(self, prefix: str, interface: str = "lo") -> None:
        self.nva_ns.ip(f"addr del {prefix} dev {interface}")

    def vips(self) -> set[str]:
        """What is on the NVA's lo beside the loopback addresses."""
        return {prefix for interface, prefix in self.nva_ns.addresses() if interface == "lo"}

    @contextmanager
    def cut(self, rs: str) -> Iterator[None]:
        """No packets between the NVA and that Route Server, without any link going down at either."""
        address = self.route_servers[rs].plan.address
        self.rt_ns.ip(f"route add blackhole {address}/32")
        try:
            yield
        finally:
            self.rt_ns.ip(f"route del blackhole {address}/32")

    # -- what runs on the NVA

    def herald(self, services: Iterable[dict[str, Any]] = (), start: bool = True, **config: Any) -> Herald:
        """The daemon under test with its configuration (see herald.py); started and answering unless `start=False`."""
        daemon = Herald(self.lab, self.nva_ns, self._label("herald"), self._herald_config(services, config))
        self._heralds.append(daemon)
        if start:
            daemon.start()
        return daemon

    def http_service(self, port: int = 8080, **options: Any) -> HttpService:
        return self._service(HttpService(self.lab, self.nva_ns, self._label("http"), port, **options))

    def tcp_service(self, port: int, **options: Any) -> TcpService:
        return self._service(TcpService(self.lab, self.nva_ns, self._label("tcp"), port, **options))

    def hostile_dns(self, port: int = 53, **options: Any) -> HostileDns:
        return self._service(HostileDns(self.lab, self.nva_ns, self._label("dns"), port, **options))

    def nsd(self, zone: str = "example.net", port: int = 53, **options: Any) -> Nsd:
        return self._service(Nsd(self.lab, self.nva_ns, self._label("nsd"), zone, port, **options))

    def nginx(self, port: int = 8080, **options: Any) -> Nginx:
        return self._service(Nginx(self.lab, self.nva_ns, self._label("nginx"), port, **options))

    def haproxy(self, port: int, config: Path) -> HaProxy:
        return self._service(HaProxy(self.lab, self.nva_ns, self._label("haproxy"), port, config))

    def unbound(self, port: int, included: Path) -> Unbound:
        return self._service(Unbound(self.lab, self.nva_ns, self._label("unbound"), port, included))

    def real(self, kind: type[Any], port: int, **options: Any) -> Any:
        """Any class of a real server, as those of reloading.py."""
        return self._service(kind(self.lab, self.nva_ns, self._label(kind.program), port, **options))

    def chrony(self, port: int) -> Chrony:
        return self._service(Chrony(self.lab, self.nva_ns, self._label("chrony"), port))

    def _service(self, service: Any) -> Any:
        self._services.append(service)
        service.start()
        return service

    def _label(self, kind: str) -> str:
        """Never used twice, so that logs of an earlier test in the same region are not mistaken for this one's."""
        self._count += 1
        return f"{self.name}-{kind}{self._count}"

    def _herald_config(self, services: Iterable[dict[str, Any]], overrides: dict[str, Any]) -> dict[str, Any]:
        plan = self.plan.nva
        router = {
            **self.nva.herald_router(),
            "bgp": {"as": plan.asn, "router_id": plan.address},
            "route_server": {"preset": "azure", "as": ROUTE_SERVER_AS, "peers": list(plan.peers)},
        }
        return {"router": router, "services": list(services), **overrides}

    # -- between tests

    def reset(self) -> None:
        """Ends what a test has started, takes away its VIPs, mends the routers. For the sessions to be up see `wait_ready`."""
        self.finish_heralds()
        for service in self._services:
            service.stop()
        self._services.clear()
        self._kill_strays()
        self._flush_vips()
        for rs in self.route_servers.values():
            rs.heal()
        self.nva.heal()

    def wait_ready(self, timeout: float = 20) -> None:
        """Sessions established and settled, nothing announced or under way: what `make_region` hands out, and `reset` leads to."""
        self.wait_established(timeout)
        wait_until(self._nothing_announced, "nothing announced", timeout, evidence=self.evidence)
        if self.options.lever == "loopback":
            self._send_beacon()

    def _send_beacon(self) -> None:
        """Once it has come and gone, whatever was on its way before it has arrived too; and the whole chain is known to work."""
        mark = self.mark()
        self.add_vip(BEACON)
        self.wait_announced(BEACON, since=mark)
        self.del_vip(BEACON)
        self.wait_withdrawn(BEACON, since=mark)

    def finish_heralds(self) -> list[str]:
        """Ends those that still run; returns what sanitizers complained about in any of them."""
        for herald in self._heralds:
            herald.finish()
        complaints = [report for herald in self._heralds if (report := herald.sanitizer_report())]
        self._heralds.clear()
        return complaints

    def _kill_strays(self) -> None:
        """For example children of a killed herald."""
        known = {process.pid for process in self.lab.processes if process.alive}
        for pid in self.nva_ns.pids() - known:
            _kill_quietly(pid)

    def _flush_vips(self) -> None:
        """From whatever interface they were put on."""
        extra = self.nva_ns.addresses() - self._own_addresses
        if extra:
            self.nva_ns.ip(*(f"addr del {prefix} dev {interface}" for interface, prefix in sorted(extra)))

    def _nothing_announced(self) -> bool:
        return not any(rs.witness.announced() for rs in self.route_servers.values())

    def evidence(self, lines: int = 25) -> str:
        """Ends of all logs, for a failure's message."""
        parts = [herald.log_tail(lines) for herald in self._heralds]
        parts += [rs.bird.log_tail(lines) for rs in self.route_servers.values()]
        return "\n".join([*parts, self.nva.log_tail(lines)])


def make_region(
    lab: Lab, stack: str = "frr", name: str = "a", index: int = 1, options: NvaOptions | None = None, wait: bool = True
) -> Region:
    """A region with its sessions established. For several regions at once see `make_regions`."""
    region = Region(lab, name, stack, index, options or NvaOptions())
    region.start()
    if wait:
        region.wait_established()
    return region


def make_regions(lab: Lab, stacks: dict[str, str]) -> list[Region]:
    """Several regions, set up side by side: name to stack, the first has index 1."""
    regions = [make_region(lab, stack, name, i, wait=False) for i, (name, stack) in enumerate(stacks.items(), start=1)]
    for region in regions:
        region.wait_established()
    return regions


def _build_network(lab: Lab, name: str, plan: RegionPlan) -> tuple[Namespace, Namespace]:
    nva, rt = lab.namespace(f"{name}-nva"), lab.namespace(f"{name}-rt")
    gateway, gateway6 = plan.nva_gateways
    link(nva, "eth0", [f"{plan.nva.address}/24", f"{plan.nva.address6}/64"], rt, "nva", [f"{gateway}/24", f"{gateway6}/64"])
    nva.ip(f"route add default via {gateway}", f"route add default via {gateway6}")
    rt.ip(f"route add {ANYCAST} via {plan.nva.address}", f"route add {ANYCAST6} via {plan.nva.address6}")
    return nva, rt


def _kill_quietly(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
