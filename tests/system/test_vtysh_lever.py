"""The vtysh lever: herald writes `network` lines into bgpd, each with a route-map of its own, and the VIP stays on lo."""

from __future__ import annotations

import time
from typing import Any

import pytest

from herald import Herald, http, service
from waiting import wait_until

VIP = "10.99.0.1/32"

pytestmark = pytest.mark.nva("frr", lever="vtysh")

GRADES: dict[str, Any] = {
    "healthy": {"med": 10},
    "degraded": {"prepend": 2, "med": 200, "communities": ["65001:100", "65001:1:2"]},
    "draining": {"prepend": 3, "communities": ["graceful-shutdown"]},
}


def routed(name: str, vips: str | list[str], *probes: dict[str, Any], attributes: dict[str, Any] | None = None, **extra: Any) -> dict[str, Any]:
    announce = {"via": "vtysh", **({"attributes": attributes} if attributes else {}), **extra.pop("announce", {})}
    return service(name, vips, *probes, announce=announce, **extra)


def start_announced(region, **extra: Any) -> tuple[Any, Herald]:
    web = region.http_service(port=8080)
    mark = region.mark()
    herald = region.herald(services=[routed("web", VIP, http(8080), **extra)])
    region.wait_announced(VIP, since=mark)
    herald.wait_state("web", "announced")
    return web, herald


def test_life(region):
    """Healthy, announced; dead, withdrawn with the VIP kept; back; SIGTERM."""
    web, herald = start_announced(region)
    assert region.vips() == {VIP}
    assert herald.service("web")["vips"][0]["policy"] == "HERALD-web-healthy"
    mark = region.mark()
    web.kill()
    region.wait_withdrawn(VIP, since=mark)
    herald.wait_state("web", "withdrawn")
    assert region.vips() == {VIP}
    mark = region.mark()
    web.start()
    region.wait_announced(VIP, since=mark)
    herald.wait_state("web", "announced")
    mark = region.mark()
    assert herald.stop() == 0
    region.wait_withdrawn(VIP, since=mark)
    assert region.vips() == {VIP}
