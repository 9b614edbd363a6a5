"""The vtysh lever: herald writes `network` lines into bgpd, each with a route-map of its own, and the VIP stays on lo."""

from __future__ import annotations

import time

import pytest

from herald import http
from lever_tests import *  # noqa: F403  # what both levers have to show
from lever_tests import GRADES, VIP, routed, start_announced
from waiting import wait_until

pytestmark = pytest.mark.nva("frr", lever="vtysh")


def test_no_network_typed_by_an_operator_is_put_back(region):
    _, herald = start_announced(region)
    mark = region.mark()
    region.nva.vtysh("configure terminal", f"router bgp {region.plan.nva.asn}", "address-family ipv4 unicast", f"no network {VIP}")
    region.wait_withdrawn(VIP, since=mark)
    region.wait_announced(VIP, since=mark, timeout=15)
    herald.wait_state("web", "announced")


def test_what_frr_reload_drops_is_put_back(region):
    saved = region.nva.vtysh("show running-config")
    _, herald = start_announced(region)
    mark = region.mark()
    region.nva.reload(saved)
    region.wait_withdrawn(VIP, since=mark)
    region.wait_announced(VIP, since=mark, timeout=15)
    herald.wait_state("web", "announced")
    assert f"web: announced -> announcing: {VIP} is not in frr's configuration" in herald.log_text()


def test_bgpd_killed_and_restarted_gets_its_lines_again(region):
    _, herald = start_announced(region)
    region.nva.bgpd.kill()
    herald.wait_problem("web", "frr does not answer")
    assert region.vips() == {VIP}
    mark = region.mark()
    region.nva.restart()
    region.wait_announced(VIP, since=mark, timeout=25)
    herald.wait_state("web", "announced", timeout=20)


def test_zebra_alone_restarted_does_not_matter(region):
    web, herald = start_announced(region)
    region.nva.zebra.kill()
    region.nva.zebra.start()
    mark = region.mark()
    web.kill()
    region.wait_withdrawn(VIP, since=mark)
    herald.wait_state("web", "withdrawn")


def test_bgpd_stopped_while_a_service_dies(region):
    """The lever waits with its last wish; probes and status go on; nothing is taken down; then it converges."""
    web, herald = start_announced(region)
    mark = region.mark()
    region.nva.bgpd.sigstop()
    web.kill()
    herald.wait_health("web", "unhealthy")
    before = time.monotonic()
    herald.status()
    assert time.monotonic() - before < 1
    time.sleep(5)
    assert region.vips() == {VIP}
    region.nva.bgpd.sigcont()
    region.wait_withdrawn(VIP, since=mark, timeout=15)
    herald.wait_state("web", "withdrawn")


def test_lines_that_are_not_heralds_are_left_alone(region):
    region.nva.vtysh("configure terminal", f"router bgp {region.plan.nva.asn}", "address-family ipv4 unicast", "network 10.99.0.77/32")
    try:
        web, herald = start_announced(region)
        web.kill()
        herald.wait_state("web", "withdrawn")
        assert herald.stop() == 0
        assert "network 10.99.0.77/32" in region.nva.vtysh("show running-config")
    finally:
        region.nva.vtysh("configure terminal", f"router bgp {region.plan.nva.asn}", "address-family ipv4 unicast", "no network 10.99.0.77/32")


def test_vtysh_missing_hanging_and_printing_junk(region, tmp_path):
    region.http_service(port=8080)
    vtysh = tmp_path / "vtysh"
    vtysh.write_text("#!/bin/sh\nsleep 60\n")
    vtysh.chmod(0o755)
    router = {**region.nva.herald_router(), "bgp": {"as": region.plan.nva.asn}}
    router["vtysh"] = {**router["vtysh"], "path": str(vtysh), "timeout": "500ms"}
    herald = region.herald(services=[routed(region, "web", VIP, http(8080))], router=router)
    herald.wait_health("web", "healthy")
    wait_until(lambda: "no answer within" in herald.status()["router"]["error"], "the hang is told", 10)
    vtysh.write_text("#!/bin/sh\necho '% what is this'\n")
    wait_until(lambda: "what is this" in herald.status()["router"]["error"], "the junk is told", 15)
    mark = region.mark()
    vtysh.write_text(f"#!/bin/sh\nexec {region.nva.herald_router()['vtysh']['path']} \"$@\"\n")
    region.wait_announced(VIP, since=mark, timeout=20)
    herald.wait_state("web", "announced")


def test_the_socket_transport(region):
    web = region.http_service(port=8080)
    router = {**region.nva.herald_router(), "bgp": {"as": region.plan.nva.asn}}
    router["vtysh"] = {**router["vtysh"], "transport": "socket"}
    mark = region.mark()
    herald = region.herald(services=[routed(region, "web", VIP, http(8080), attributes=GRADES)], router=router)
    region.wait_announced(VIP, since=mark)
    herald.wait_state("web", "announced")
    mark = region.mark()
    web.kill()
    region.wait_withdrawn(VIP, since=mark)
    herald.wait_state("web", "withdrawn")
