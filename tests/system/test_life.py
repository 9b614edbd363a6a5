"""A VIP's life by the loopback lever, with the Route Servers' own logs as the witness."""

from __future__ import annotations

import json
import signal
import time
from typing import Any

import pytest

from herald import Herald, http, service
from region import Region
from waiting import wait_until

VIP = "10.99.0.1/32"
VIP6 = "fd00:99::1/128"
LEASE = {"announce": {"via": "loopback", "lease": "3s"}}


def start_announced(region: Region, **extra) -> tuple[object, Herald]:
    """A healthy service that both Route Servers hear of."""
    web = region.http_service(port=8080)
    mark = region.mark()
    herald = region.herald(services=[service("web", VIP, http(8080), **extra)])
    region.wait_announced(VIP, since=mark)
    herald.wait_state("web", "announced")
    return web, herald


def quiet(seconds: float) -> None:
    """Nothing can be waited for when nothing is to happen."""
    time.sleep(seconds)


def lease_left(region: Region) -> int:
    """Of the VIP, in seconds, as the kernel tells it."""
    (vip,) = (
        address
        for interface in region.nva_ns.ip_json("addr", "show", "dev", "lo")
        for address in interface["addr_info"]
        if address["local"] == VIP.removesuffix("/32")
    )
    return vip["valid_life_time"]


def test_start_healthy(region):
    _, herald = start_announced(region)
    web = herald.service("web")
    assert web["health"] == "healthy" and web["admin"] == "auto" and web["reason"] == "the gate is up"
    (vip,) = web["vips"]
    assert vip["wanted"] and vip["on_interface"] and vip["in_rib"]
    assert sorted(vip["advertised_to"]) == ["10.1.1.132", "10.1.1.4"]
    assert herald.ctl("status").returncode == 0


def test_ipv6_vip(region):
    region.http_service(port=8080)
    mark = region.mark()
    herald = region.herald(services=[service("web", [VIP, VIP6], http(8080))])
    region.wait_announced(VIP6, since=mark)
    herald.wait_state("web", "announced")
    mark = region.mark()
    assert herald.stop() == 0
    region.wait_withdrawn(VIP6, since=mark)
    region.wait_withdrawn(VIP, since=mark)


def test_no_ipv6_vip_is_a_source_address(region):
    """Deprecated it is announced as any other is, and a refresh of its lease changes nothing."""
    region.http_service(port=8080)
    mark = region.mark()
    herald = region.herald(services=[service("web", [VIP6], http(8080), announce={"via": "loopback", "lease": "6s"})])
    region.wait_announced(VIP6, since=mark)
    herald.wait_state("web", "announced")
    settled = region.mark()
    time.sleep(7)
    region.assert_silent(settled)
    (address,) = [
        address
        for interface in region.nva_ns.ip_json("addr", "show", "dev", "lo")
        for address in interface["addr_info"]
        if address["local"] == VIP6.removesuffix("/128")
    ]
    assert address["preferred_life_time"] == 0 and 0 < address["valid_life_time"] <= 6


@pytest.mark.nva("frr")
def test_ipv6_vip_without_a_next_hop(region):
    """Over a session by IPv4, on a link without a global IPv6 address, bgpd has no next hop to send, and the Route Servers reject the VIP."""
    region.http_service(port=8080)
    (own,) = [
        f"{address['local']}/{address['prefixlen']}"
        for address in region.nva_ns.ip_json("addr", "show", "dev", "eth0")[0]["addr_info"]
        if address["family"] == "inet6" and address["scope"] == "global"
    ]
    (route,) = region.nva_ns.ip_json("-6", "route", "show", "default")
    gateway6 = route["gateway"]
    region.nva_ns.ip(f"addr del {own} dev eth0")
    herald = region.herald(services=[service("web", [VIP, VIP6], http(8080))])
    region.wait_announced(VIP)
    wait_until(lambda: "without an IPv6 next hop" in herald.service("web")["problem"], "no word on the next hop", 20)
    assert herald.ctl("status").returncode == 1
    vips = {vip["prefix"]: vip for vip in herald.service("web")["vips"]}
    assert vips[VIP6]["advertised_to"] == [] and sorted(vips[VIP6]["missing_from"]) == ["10.1.1.132", "10.1.1.4"]
    assert sorted(vips[VIP]["advertised_to"]) == ["10.1.1.132", "10.1.1.4"]
    assert region.announced(VIP6) == set()
    region.nva_ns.ip(f"addr add {own} dev eth0 nodad", f"route replace default via {gateway6}")
    region.nva.vtysh("clear bgp *")  # the next hop of a session is that of its beginning
    region.wait_announced(VIP6, timeout=60)
    wait_until(lambda: herald.ctl("status").returncode == 0, "not as wanted", 60)


def test_kill_withdraws_and_recovery_announces(region):
    web, herald = start_announced(region)
    mark = region.mark()
    web.kill()
    region.wait_withdrawn(VIP, since=mark)
    down = herald.wait_state("web", "withdrawn")
    assert down["health"] == "unhealthy" and "refused" in down["reason"] and "Connection refused" in down["reason"]
    assert herald.ctl("status").returncode == 1

    mark = region.mark()
    web.start()
    region.wait_announced(VIP, since=mark)
    herald.wait_state("web", "announced")


@pytest.mark.parametrize("fault", ["status", "hang", "sigstop", "reset", "garbage"])
def test_faults_withdraw(region, fault):
    web, herald = start_announced(region)
    mark = region.mark()
    if fault == "status":
        web.status(500)
    elif fault == "sigstop":
        web.sigstop()
    else:
        web.set(fault)
    region.wait_withdrawn(VIP, since=mark)
    reason = {"status": "status", "hang": "timeout", "sigstop": "timeout", "reset": "reset", "garbage": "protocol"}[fault]
    assert f"({reason}" in herald.wait_state("web", "withdrawn")["reason"]

    mark = region.mark()
    web.sigcont()
    web.ok()
    region.wait_announced(VIP, since=mark)


def test_lost_answers_fewer_than_fall_change_nothing(region):
    """`fall` is far away, so that no pause of this machine between the two looks can make it a real fall."""
    web = region.http_service(port=8080)
    mark = region.mark()
    herald = region.herald(services=[service("web", VIP, http(8080, fast_interval="250ms", fall=20))])
    region.wait_announced(VIP, since=mark)
    herald.wait_state("web", "announced")
    mark = region.mark()

    def probe() -> dict[str, Any]:
        return herald.service("web")["probes"][0]

    web.status(500)
    wait_until(lambda: probe()["failures"] > 0, "a failure that counts", 10, evidence=herald.log_tail)
    web.ok()
    wait_until(lambda: probe()["failures"] == 0, "one pass has restored it in full", 10, evidence=herald.log_tail)
    assert probe()["state"] == "up" and herald.service("web")["state"] == "announced"
    region.assert_silent(mark)


def test_kill_9_of_heraldd_withdraws_by_the_lease(region):
    _, herald = start_announced(region, **LEASE)
    mark = region.mark()
    herald.kill()
    region.wait_withdrawn(VIP, since=mark, timeout=15)


def test_a_hung_heraldd_withdraws_by_the_lease_and_comes_back(region):
    web, herald = start_announced(region, announce={"via": "loopback", "lease": "3s"})
    mark = region.mark()
    herald.sigstop()
    region.wait_withdrawn(VIP, since=mark, timeout=15)
    mark = region.mark()
    herald.sigcont()
    region.wait_announced(VIP, since=mark)


def test_after_a_long_hang_nothing_is_announced_on_old_evidence(region):
    """The service died while herald did not run: its VIP, gone with the lease, must not flash up."""
    web, herald = start_announced(region, **LEASE)
    herald.sigstop()
    region.wait_withdrawn(VIP, timeout=15)
    web.kill()
    quiet(6)  # longer than the results of before count for
    mark = region.mark()
    herald.sigcont()
    herald.wait_health("web", "unhealthy")
    quiet(1)
    region.assert_silent(mark)


def test_restart_within_the_lease_is_silent(region):
    """kill -9, and a successor adopts: not one UPDATE, though two leases would have run out meanwhile."""
    _, herald = start_announced(region, **LEASE)
    mark = region.mark()
    herald.kill()
    herald.start()
    herald.wait_state("web", "announced")
    quiet(7)
    region.assert_silent(mark)


def test_handover_is_silent(region):
    """The successor has the whole lease to come, whatever was left of it; on_exit does not count."""
    lease = 40  # renewed after 10 s at the earliest
    _, herald = start_announced(region, announce={"via": "loopback", "lease": f"{lease}s"})
    mark = region.mark()
    wait_until(lambda: lease_left(region) <= lease - 3, "a part of the lease has passed", 30, evidence=region.evidence)
    began = time.monotonic()
    herald.hand_over()
    left = lease_left(region)  # in whole seconds, rounded up
    assert lease - (time.monotonic() - began) <= left <= lease
    herald.start()
    herald.wait_state("web", "announced")
    assert not (herald.state_dir / "handover").exists()
    quiet(4)
    region.assert_silent(mark)


def test_adoption_of_a_dead_service_withdraws_after_a_full_fall(region):
    web, herald = start_announced(region)
    herald.kill()
    web.status(500)
    mark = region.mark()
    herald.start()
    assert herald.service("web")["state"] in ("adopting", "withdrawing", "withdrawn")
    withdrawn = min(region.wait_withdrawn(VIP, since=mark).values())
    failed = [request for request in web.requests(since=mark.time) if request["time"] < withdrawn]
    assert len(failed) >= 3  # the default of `fall`


def test_sigterm_withdraws(region):
    _, herald = start_announced(region)
    mark = region.mark()
    assert herald.stop() == 0
    region.wait_withdrawn(VIP, since=mark)
    assert region.vips() == set()


def test_sigterm_keeps_when_told_so(region):
    """And for good: the lease goes too, or the kernel would withdraw half a minute later."""
    _, herald = start_announced(region, on_exit="keep", **LEASE)
    mark = region.mark()
    assert herald.stop() == 0
    quiet(5)
    region.assert_silent(mark)
    assert region.vips() == {VIP}
    herald.start()  # adopts it, and puts a lease on it again
    herald.wait_state("web", "announced")
    region.assert_silent(mark)
    herald.kill()
    region.wait_withdrawn(VIP, since=mark, timeout=15)


def test_reload_with_errors_changes_nothing_and_without_only_what_is_another(region):
    """Ten services. The file gets errors: all are told, by the command and at SIGHUP, and the old configuration goes on. Then one
    service gets another target, one an interval: their VIPs stay too, while the health of the one is not known."""
    for port in (8080, 8081):
        region.http_service(port=port)
    services = [service(f"s{n}", f"10.99.0.{n}/32", http(8080)) for n in range(1, 11)]
    mark = region.mark()
    herald = region.herald(services=services)
    for n in range(1, 11):
        region.wait_announced(f"10.99.0.{n}/32", since=mark)
        herald.wait_state(f"s{n}", "announced")
    mark = region.mark()

    herald.write_config(json.dumps({**herald.config, "state_dri": "/x", "services": [{**services[0], "vips": ["10.99.0.1/24"]}]}))
    refused = herald.ctl("reload")
    assert refused.returncode == 2, refused
    assert "state_dir" in refused.stderr and "/services/0/vips/0" in refused.stderr
    assert "2 errors, and nothing has changed" in refused.stderr
    herald.process.signal(signal.SIGHUP)
    wait_until(lambda: herald.log_text().count("nothing has changed") == 2, "SIGHUP says the same", 5)
    assert len(herald.status()["services"]) == 10
    herald.configure(control={"socket": "/run/elsewhere.sock"})
    refused = herald.ctl("reload")
    assert refused.returncode == 2 and "control.socket cannot change at a reload" in refused.stderr
    region.assert_silent(mark)

    passes = herald.service("s3")["probes"][0]["passes"]
    services[0] = service("s1", "10.99.0.1/32", http(8081))
    services[1] = service("s2", "10.99.0.2/32", http(8080, interval="2s", fall=4))
    herald.configure(services=services, control={"socket": str(herald.socket)})
    done = herald.ctl("reload")
    assert done.returncode == 0 and done.stdout == "reloaded: 2 changed (s1, s2)\n", done
    assert herald.service("s1")["state"] in ("adopting", "announced")
    assert herald.service("s3")["probes"][0]["passes"] >= passes
    herald.wait_state("s1", "announced")
    quiet(0.5)
    region.assert_silent(mark)


def test_reload_removes_adds_and_moves_vips(region):
    """A VIP that another service takes over stays; what nobody has any more goes; what is new comes; by SIGHUP."""
    region.http_service(port=8080)
    mark = region.mark()
    herald = region.herald(services=[service("a", ["10.99.0.1/32", "10.99.0.2/32"], http(8080))])
    for vip in ("10.99.0.1/32", "10.99.0.2/32"):
        region.wait_announced(vip, since=mark)
    herald.wait_state("a", "announced")
    mark = region.mark()
    herald.configure(services=[service("b", ["10.99.0.1/32", "10.99.0.3/32"], http(8080))])
    herald.process.signal(signal.SIGHUP)
    region.wait_withdrawn("10.99.0.2/32", since=mark)
    region.wait_announced("10.99.0.3/32", since=mark)
    herald.wait_state("b", "announced")
    quiet(0.5)
    assert not any(region.events(mark, "10.99.0.1/32").values())
    assert region.vips() == {"10.99.0.1/32", "10.99.0.3/32"}


def test_a_reload_that_changes_the_lever_does_not_withdraw(region):
    """By its address, by the router's configuration, and back: the router redistributes it all the time."""
    _, herald = start_announced(region)
    mark = region.mark()
    via = {"frr": "vtysh", "bird": "birdc"}[region.stack]
    router = herald.config["router"]
    if region.stack == "bird":
        herald.kill()  # where the include file is can change at a start only
        router["bird"]["include"] = str(region.nva.include)
        herald.configure(router=router)
        herald.start()
        herald.wait_state("web", "announced")
    for lever in (via, "loopback"):
        herald.configure(services=[service("web", VIP, http(8080), announce={"via": lever})])
        assert herald.ctl("reload").returncode == 0, herald.log_tail()
        wait_until(lambda: (herald.service("web")["vips"][0].get("policy") is not None) == (lever == via), f"by {lever}", 10)
        herald.wait_state("web", "announced")
    quiet(0.5)
    assert all(event.kind != "withdraw" for events in region.events(mark, VIP).values() for event in events)


def test_a_reload_to_an_interface_that_is_not_there_yet_keeps_the_vip(region):
    _, herald = start_announced(region, announce={"lease": "5s"})
    mark = region.mark()
    herald.configure(services=[service("web", VIP, http(8080), announce={"lease": "5s", "interface": "anycast0"})])
    done = herald.ctl("reload")
    assert done.returncode == 0 and "there is no interface anycast0" in done.stderr, done
    assert "is not on anycast0" in herald.wait_problem("web", "anycast0")
    quiet(7)  # longer than its lease
    region.assert_silent(mark)
    region.nva_ns.ip("link add anycast0 type veth peer name anycast1", "link set anycast0 up")
    wait_until(lambda: ("anycast0", VIP) in region.nva_ns.addresses() and VIP not in region.vips(), "it has moved", 10,
               evidence=herald.log_tail)


def test_a_vip_deleted_by_hand_is_back_at_once(region):
    _, herald = start_announced(region)
    region.del_vip(VIP)
    deleted = time.monotonic()
    wait_until(lambda: VIP in region.vips(), "the VIP is back", 5)
    assert time.monotonic() - deleted < 2  # by the notification: the audit would take up to 10 s
    herald.wait_state("web", "announced")


def test_an_operators_addresses_are_left_alone(region):
    """One that herald knows nothing of, and one that equals a VIP."""
    mark = region.mark()
    region.add_vip("10.99.0.200/32")
    region.add_vip(VIP)
    region.wait_announced("10.99.0.200/32", since=mark)
    region.wait_announced(VIP, since=mark)
    web = region.http_service(port=8080)
    mark = region.mark()
    herald = region.herald(services=[service("web", VIP, http(8080))])
    herald.wait_health("web", "healthy")
    shown = herald.service("web")
    assert shown["state"] == "announcing" and "without herald's mark" in shown["problem"]
    assert herald.ctl("status").returncode == 1
    web.kill()
    herald.wait_health("web", "unhealthy")
    quiet(0.5)
    assert herald.stop() == 0
    assert region.vips() == {VIP, "10.99.0.200/32"}
    region.assert_silent(mark)


def test_leftovers_of_a_removed_service_go(region):
    _, herald = start_announced(region)
    herald.kill()
    herald.configure(services=[])
    mark = region.mark()
    herald.start()
    region.wait_withdrawn(VIP, since=mark)
    assert region.vips() == set()


def test_two_services_stand_alone(region):
    a, b = region.http_service(port=8080), region.http_service(port=8081)
    mark = region.mark()
    herald = region.herald(services=[service("a", "10.99.0.1/32", http(8080)), service("b", "10.99.0.2/32", http(8081))])
    region.wait_announced("10.99.0.1/32", since=mark)
    region.wait_announced("10.99.0.2/32", since=mark)
    herald.wait_state("b", "announced")
    mark = region.mark()
    a.kill()
    region.wait_withdrawn("10.99.0.1/32", since=mark)
    quiet(0.5)
    assert not any(region.events(mark, "10.99.0.2/32").values())
    assert herald.service("b")["state"] == "announced"


def test_fifty_vips_come_and_go_together(region):
    vips = [f"10.99.0.{n}/32" for n in range(1, 51)]
    web = region.http_service(port=8080)
    mark = region.mark()
    herald = region.herald(services=[service("web", vips, http(8080))])
    for vip in vips:
        region.wait_announced(vip, since=mark)
    herald.wait_state("web", "announced")
    mark = region.mark()
    web.kill()
    for vip in vips:
        region.wait_withdrawn(vip, since=mark)
    herald.wait_state("web", "withdrawn")
