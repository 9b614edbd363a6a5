"""A VIP's life by the loopback lever, with the Route Servers' own logs as the witness."""

from __future__ import annotations

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
    _, herald = start_announced(region, **LEASE)
    mark = region.mark()
    herald.hand_over()
    quiet(2)
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


def test_sighup_is_refused_plainly_and_harms_nothing(region):
    import signal

    _, herald = start_announced(region)
    mark = region.mark()
    herald.process.signal(signal.SIGHUP)
    wait_until(lambda: "cannot reload" in herald.log_text(), "a line about SIGHUP", 5)
    herald.wait_state("web", "announced")
    region.assert_silent(mark)


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
