"""Flap control: the brake, and what damping remembers, with the Route Servers' own logs as the witness."""

from __future__ import annotations

import json

import pytest

from herald import Herald, http, service
from region import Region
from waiting import wait_until

VIPS = [f"10.99.0.{number}/32" for number in (1, 2, 3, 4)]


def start_shared(region: Region, **config) -> tuple[object, Herald]:
    """Four services whose gates ask the same server; announced."""
    server = region.http_service(port=8080)
    mark = region.mark()
    herald = region.herald(services=[service(f"s{i}", vip, http(8080, f"/{i}")) for i, vip in enumerate(VIPS)], **config)
    wait_all(region, herald, mark)
    return server, herald


def wait_all(region: Region, herald: Herald, mark) -> None:
    for i, vip in enumerate(VIPS):
        region.wait_announced(vip, since=mark)
        herald.wait_state(f"s{i}", "announced")


def wait_brake(herald: Herald, on: bool) -> None:
    wait_until(lambda: (herald.status()["brake"] is not None) == on, f"the brake is {'on' if on else 'off'}", 15, evidence=herald.log_tail)


@pytest.mark.nva("frr")
def test_brake_holds_a_hang_and_obeys_a_refusal(region):
    server, herald = start_shared(region, brake={"hold": "8s"})

    # A hang that is over in time: nobody hears of it but whoever looks here.
    mark = region.mark()
    server.sigstop()
    wait_brake(herald, on=True)
    held = next(one["name"] for one in herald.status()["services"] if one["health"] == "unhealthy")
    status, why = herald.ctl("status"), herald.ctl("why", held)
    assert status.returncode == 1 and "BRAKE: withdrawals are held for another" in status.stdout
    assert "4 of 4 announced VIPs have only 127.0.0.1:8080 against them" in why.stdout and "held by the BRAKE" in why.stdout
    server.sigcont()
    wait_brake(herald, on=False)
    for i in range(len(VIPS)):
        herald.wait_health(f"s{i}", "healthy")
    region.assert_silent(mark)
    assert herald.ctl("status").returncode == 0

    # The operator is obeyed while it holds; and what hangs and is then killed is dead at once.
    mark = region.mark()
    server.sigstop()
    wait_brake(herald, on=True)
    assert herald.ctl("drain", "s3").returncode == 0
    region.wait_withdrawn(VIPS[3], since=mark)
    assert region.announced(VIPS[0]) and herald.status()["brake"]
    server.kill()
    for vip in VIPS[:3]:
        region.wait_withdrawn(vip, since=mark)
    assert "127.0.0.1:8080 fails otherwise than by a timeout; 3 VIPs are no longer held" in herald.log_text()

    # A hang that goes on is obeyed in the end.
    assert herald.ctl("undrain", "s3").returncode == 0
    mark = region.mark()
    server.start()
    wait_all(region, herald, mark)
    mark = region.mark()
    server.sigstop()
    wait_brake(herald, on=True)
    region.assert_silent(mark)
    for vip in VIPS:
        region.wait_withdrawn(vip, since=mark, timeout=20)
    assert "the brake is released: its time is over; 4 VIPs are no longer held" in herald.log_text()


@pytest.mark.nva("frr")
def test_without_a_brake_a_hang_is_obeyed(region):
    server, herald = start_shared(region, brake="off")
    mark = region.mark()
    server.sigstop()
    for vip in VIPS:
        region.wait_withdrawn(vip, since=mark)
    assert "BRAKE" not in herald.log_text()


@pytest.mark.nva("frr")
def test_penalties_outlive_a_kill_until_they_are_cleared(region):
    server = region.http_service(port=8080)
    damping = {"half_life": "10m", "suppress": 1500, "reuse": 1000}
    herald = region.herald(services=[service("web", VIPS[0], http(8080), damping=damping)])
    for _ in range(2):
        herald.wait_state("web", "announced")
        server.kill()
        herald.wait_state("web", "withdrawn")
        server.start()
    herald.wait_state("web", "held")
    kept = herald.state_dir / "state.json"
    wait_until(lambda: json.loads(kept.read_text())["damping"]["web"]["suppressed"], "the penalty is kept", 10, evidence=herald.log_tail)

    mark = region.mark()
    herald.kill()
    herald.start()
    held = herald.wait_state("web", "held")
    assert held["penalty"] > 1500 and "held by damping" in held["reason"]
    region.assert_silent(mark)
    assert herald.ctl("clear-damping", "wbe").returncode == 2
    done = herald.ctl("clear-damping", "web")
    assert done.returncode == 0, done.stderr
    region.wait_announced(VIPS[0], since=mark)
    assert herald.wait_state("web", "announced")["penalty"] == 0
