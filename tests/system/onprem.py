"""The on-premises router and a client behind it, which decide by BGP in which region an anycast address is reached.

    region a: rt ---+
                    onprem --- client
    region b: rt ---+"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from bird import FAST_BGP, Bird
from namespaces import link
from region import Region
from route_server import ONPREM_AS, RouteServer
from routers import ROUTE_SERVER_AS
from waiting import wait_until
from witness import IMPORT_FILTER

if TYPE_CHECKING:
    from lab import Lab


class OnPrem:
    """The on-premises router (BIRD, AS 65100), which hears all Route Servers and forwards by what it hears, and its client.

    The first region is preferred, since the others' Route Servers prepend: so a drain that prepends there moves traffic too."""

    def __init__(self, lab: Lab, regions: Iterable[Region]) -> None:
        self.regions = list(regions)
        self.ns = lab.namespace("onprem")
        self.client = lab.namespace("client")
        self.bird = Bird(lab, self.ns, "onprem")
        self._connect()

    def start(self) -> None:
        self.bird.conf.write_text(self._config())
        self.bird.start()
        for rank, region in enumerate(self.regions):
            for rs in region.route_servers.values():
                rs.peer_with_onprem(region.plan.uplink(2)[0], prepend=rank)

    def wait_established(self, timeout: float = 20) -> None:
        def all_up() -> bool:
            return all(self.bird.established(name) for name, _, _ in self._sessions())

        wait_until(all_up, "onprem hears every Route Server", timeout, poll=0.02, evidence=self.bird.log_tail)

    def region_of(self, address: str) -> str | None:
        """The region to which the kernel forwards packets for this address; None if nowhere."""
        done = self.ns.run("ip", "-json", "route", "get", address, check=False)
        gateway = _gateway(done.stdout) if done.returncode == 0 else None
        return next((r.name for r in self.regions if gateway in r.plan.uplink(1)), None)

    def wait_region_of(self, address: str, region: str | None, timeout: float = 10) -> None:
        what = f"onprem sends {address} to region {region}"
        wait_until(lambda: self.region_of(address) == region, what, timeout, poll=0.02, evidence=self.bird.log_tail)

    def _connect(self) -> None:
        here, there = ["172.16.0.10/24", "fd00:172::10/64"], ["172.16.0.1/24", "fd00:172::1/64"]
        link(self.client, "eth0", here, self.ns, "client", there)
        self.client.ip("route add default via 172.16.0.1", "route add default via fd00:172::1")
        for region in self.regions:
            near, far = region.plan.uplink(2), region.plan.uplink(1)
            here, there = ([f"{v4}/30", f"{v6}/64"] for v4, v6 in (near, far))
            link(self.ns, region.name, here, region.rt_ns, "onprem", there)
            region.rt_ns.ip(f"route add default via {near[0]}", f"route add default via {near[1]}")
            self.ns.ip(f"route add {region.plan.vnet} via {far[0]}", f"route add {region.plan.vnet6} via {far[1]}")

    def _sessions(self) -> Iterable[tuple[str, Region, RouteServer]]:
        for region in self.regions:
            for rs in region.route_servers.values():
                yield f"{region.name}_{rs.name}", region, rs

    def _config(self) -> str:
        """Next hops are NVAs; the static routes to the VNets say through which router they are reached."""
        vnets4 = " ".join(f"route {r.plan.vnet} via {r.plan.uplink(1)[0]};" for r in self.regions)
        vnets6 = " ".join(f"route {r.plan.vnet6} via {r.plan.uplink(1)[1]};" for r in self.regions)
        sessions = "".join(
            f"protocol bgp {name} from route_server {{ local {region.plan.uplink(2)[0]} as {ONPREM_AS};"
            f" neighbor {rs.plan.address} as {ROUTE_SERVER_AS}; }}\n"
            for name, region, rs in self._sessions()
        )
        return f"""{self.bird.head("172.16.0.1")}
{IMPORT_FILTER}
protocol static vnets4 {{ ipv4; {vnets4} }}
protocol static vnets6 {{ ipv6; {vnets6} }}
protocol kernel {{ ipv4 {{ export where source = RTS_BGP; }}; }}
protocol kernel {{ ipv6 {{ export where source = RTS_BGP; }}; }}
template bgp route_server {{
  debug {{ states, routes, events }};
  multihop; {FAST_BGP}
  ipv4 {{ import filter witness; export none; }};
  ipv6 {{ import filter witness; export none; }};
}}
{sessions}"""


def make_onprem(lab: Lab, regions: Iterable[Region]) -> OnPrem:
    onprem = OnPrem(lab, regions)
    onprem.start()
    onprem.wait_established()
    return onprem


def _gateway(text: str) -> str | None:
    routes = json.loads(text or "[]")
    return routes[0].get("gateway") if routes else None
