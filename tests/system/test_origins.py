"""What announces a VIP beside herald: the router by itself, out of the address that herald put there, and somebody else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from herald import Herald, http, service
from lever_tests import routed
from waiting import wait_until

VIP = "10.99.0.1/32"

DIRECT = 'protocol direct operators { interface "lo"; ipv4; }'
DIRECT_FILTERED = 'protocol direct operators { interface "lo"; ipv4 { import filter { accept; }; }; }'
CONNECTED = """router bgp 65001
 address-family ipv4 unicast
  redistribute connected{}
 exit-address-family
exit
"""

DIRECT_BIRD = pytest.mark.nva("bird", lever="birdc", extra=DIRECT)
FILTERED_BIRD = pytest.mark.nva("bird", lever="birdc", extra=DIRECT_FILTERED)
CONNECTED_FRR = pytest.mark.nva("frr", lever="vtysh", extra=CONNECTED.format(""))
MAPPED_FRR = pytest.mark.nva("frr", lever="vtysh", extra=CONNECTED.format(" route-map CONNECTED"))


def was_heard(region, mark) -> bool:
    return any(event.kind == "announce" for events in region.events(mark, VIP).values() for event in events)


def plan(herald: Herald) -> tuple[int, dict[str, Any]]:
    done = herald.ctl("plan", "--json")
    return done.returncode, json.loads(done.stdout)


def doctor(herald: Herald) -> dict[str, str]:
    done = herald.ctl("doctor", "-c", str(herald.config_file), "--services-dir", str(herald.services_dir), "--json", timeout=60)
    return {finding["check"]: finding["severity"] for finding in json.loads(done.stdout)}


def check_dead_is_not_announced(region, origin):
    mark = region.mark()
    herald = region.herald(services=[routed(region, "web", VIP, http(8080))])
    herald.wait_health("web", "unhealthy")
    shown = herald.wait_state("web", "withdrawn")
    assert origin in shown["vips"][0]["kept_off"]
    assert region.vips() == set()
    assert origin in herald.ctl("why", "web").stdout
    # A whole round of reads later the VIP is still nowhere.
    read = herald.status()["router"]["read_at"]
    wait_until(lambda: herald.status()["router"]["read_at"] > read, "another read of the router", 20)
    assert region.vips() == set() and not was_heard(region, mark)
    web = region.http_service(port=8080)
    region.wait_announced(VIP, since=mark)
    herald.wait_state("web", "announced")
    assert region.vips() == {VIP}
    assert doctor(herald)["two-origins"] == "error"
    mark = region.mark()
    web.kill()
    region.wait_withdrawn(VIP, since=mark)
    herald.wait_state("web", "withdrawn")
    assert region.vips() == set()


@DIRECT_BIRD
def test_a_dead_service_is_not_announced_by_its_address_direct(region):
    check_dead_is_not_announced(region, "protocol operators")


@FILTERED_BIRD
def test_a_dead_service_is_not_announced_by_its_address_filtered_direct(region):
    check_dead_is_not_announced(region, "protocol operators")


@CONNECTED_FRR
def test_a_dead_service_is_not_announced_by_its_address_redistributed(region):
    check_dead_is_not_announced(region, "redistribute connected")


@MAPPED_FRR
def test_a_dead_service_is_not_announced_by_its_address_mapped(region):
    check_dead_is_not_announced(region, "redistribute connected route-map CONNECTED")


def check_nothing_stays(region):
    web = region.http_service(port=8080)
    mark = region.mark()
    herald = region.herald(services=[routed(region, "web", VIP, http(8080))])
    region.wait_announced(VIP, since=mark)
    herald.wait_state("web", "announced")
    mark = region.mark()
    assert herald.stop() == 0
    region.wait_withdrawn(VIP, since=mark)
    assert region.vips() == set()

    herald.start()
    region.wait_announced(VIP, since=region.mark())
    herald.wait_state("web", "announced")
    herald.kill()
    mark = region.mark()
    assert herald.withdraw().returncode == 0
    region.wait_withdrawn(VIP, since=mark)
    assert region.vips() == set()
    web.stop()


@DIRECT_BIRD
def test_nothing_stays_announced_after_a_stop_or_a_kill_direct(region):
    check_nothing_stays(region)


@CONNECTED_FRR
def test_nothing_stays_announced_after_a_stop_or_a_kill_redistributed(region):
    check_nothing_stays(region)


OWN_STATIC = f"protocol static operators {{ ipv4; route {VIP} blackhole; }}"
KERNEL = CONNECTED.format("").replace("connected", "kernel")


def check_route_of_the_operators(region, origin):
    if region.stack == "frr":
        region.nva_ns.ip(f"route add blackhole {VIP} proto 200")
    try:
        region.wait_announced(VIP)
        # On lo it would win over the kernel's route, which is then not redistributed any more.
        herald = region.herald(services=[routed(region, "web", VIP, http(8080), announce={"manage_vip": False})])
        problem = herald.wait_problem("web", origin)
        assert "advertised to" in problem
        assert herald.ctl("status").returncode == 1
        assert herald.service("web")["state"] == "withdrawing"
        code, shown = plan(herald)
        assert code == 1 and origin in shown["others"][0]["text"]
        assert origin in herald.log_text()
        assert doctor(herald)["two-origins"] == "error"
    finally:
        if region.stack == "frr":
            region.nva_ns.ip(f"route del blackhole {VIP} proto 200")


@pytest.mark.nva("bird", lever="birdc", extra=OWN_STATIC)
def test_a_static_route_of_the_operators_under_a_dead_service_is_told(region):
    check_route_of_the_operators(region, "protocol operators")


@pytest.mark.nva("frr", lever="vtysh", extra=KERNEL)
def test_a_kernel_route_of_the_operators_under_a_dead_service_is_told(region):
    check_route_of_the_operators(region, "redistribute kernel")


@pytest.mark.nva("frr", "bird")
def test_an_address_of_somebody_else_under_a_dead_service_is_told_everywhere_and_can_be_adopted(region):
    mark = region.mark()
    region.add_vip(VIP)
    region.wait_announced(VIP, since=mark)
    herald = region.herald(services=[service("web", VIP, http(8080))])
    problem = herald.wait_problem("web", "heraldctl adopt web")
    peers = ", ".join(sorted(herald.service("web")["vips"][0]["advertised_to"]))
    assert peers and "on lo without herald's mark" in problem
    # The five places.
    status = herald.ctl("status")
    assert status.returncode == 1 and "problem: " + problem in status.stdout
    assert herald.service("web")["state"] == "withdrawing"
    assert "heraldctl adopt web" in herald.ctl("why", "web").stdout
    assert "heraldctl adopt web" in herald.log_text()
    assert "heraldctl adopt web" in herald.ctl("history", "web").stdout
    code, shown = plan(herald)
    assert code == 1 and shown["others"] == [{"service": "web", "text": problem}]
    assert "not herald's to change:" in herald.ctl("plan").stdout
    assert doctor(herald)["foreign-address"] == "warning"

    mark = region.mark()
    done = herald.ctl("adopt", "web")
    assert done.returncode == 0 and "10.99.0.1/32 on lo is herald's now" in done.stdout, done
    region.wait_withdrawn(VIP, since=mark)
    herald.wait_state("web", "withdrawn")
    assert region.vips() == set()
    assert herald.ctl("adopt", "web").returncode == 1  # nothing to take
    assert herald.ctl("adopt", "wbe").returncode == 2
    mark = region.mark()
    region.http_service(port=8080)
    region.wait_announced(VIP, since=mark)
    herald.wait_state("web", "announced")


@pytest.mark.nva("frr", "bird")
def test_what_is_adopted_under_a_living_service_stays_announced(region):
    region.http_service(port=8080)
    region.add_vip(VIP)
    region.wait_announced(VIP)
    herald = region.herald(services=[service("web", VIP, http(8080), announce={"lease": "15s"})])
    herald.wait_problem("web", "without herald's mark")
    mark = region.mark()
    assert herald.ctl("adopt", "web", "--json").returncode == 0
    herald.wait_state("web", "announced")
    assert herald.service("web")["vips"][0]["lease_until"] is not None
    assert not any(event.kind == "withdraw" for events in region.events(mark, VIP).values() for event in events)
