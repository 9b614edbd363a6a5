"""What is herald's own want, of descriptors or of processes, takes nothing down and holds up no withdrawal."""

from __future__ import annotations

import time

import pytest

from herald import http, service
from waiting import wait_until

VIP, OTHER = "10.99.0.1/32", "10.99.0.2/32"


@pytest.mark.nva("frr")
def test_without_descriptors_leases_are_renewed_and_the_dead_withdrawn(region):
    dead = region.http_service(port=8080)
    region.http_service(port=8081)
    lease = {"announce": {"via": "loopback", "lease": "5s"}}
    mark = region.mark()
    herald = region.herald(services=[service("dead", VIP, http(8080), **lease), service("alive", OTHER, http(8081), **lease)])
    for vip in (VIP, OTHER):
        region.wait_announced(vip, since=mark)
    herald.wait_state("alive", "announced")
    mark = region.mark()
    herald.limit_descriptors(0)  # not one of those that are kept can be had again
    time.sleep(7)  # beyond the lease
    assert region.vips() == {VIP, OTHER}
    dead.kill()
    region.wait_withdrawn(VIP, since=mark, timeout=15)
    time.sleep(7)
    assert region.vips() == {OTHER}
    assert not [event for events in region.events(mark, OTHER).values() for event in events]
    herald.limit_descriptors(1024)
    herald.wait_state("dead", "withdrawn")
    wait_until(lambda: herald.service("alive")["problem"] == "", "all is well again", 30, poll=0.2, evidence=herald.log_tail)
    assert "there is no interface" not in herald.log_text()
