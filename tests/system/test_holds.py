"""What tells of a target on another machine or behind a unix socket: the end of a kept connection, and a lost link, address or route.

Where nothing is measured, the probes poll so seldom that polling could not have noticed within the time that is waited."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from herald import FAST_PROBE, service
from namespaces import Namespace, link
from reloading import DaemonNginx, name_of
from servers import HttpService, TcpService
from test_events import HARD, SELDOM, announce, probe_of, stays
from waiting import wait_until

VIP = "10.99.0.1/32"
OTHER_VIP = "10.99.0.2/32"
NEAR, FAR = "10.50.0.1", "10.50.0.2"
PORT = 8080
PATIENCE = 60
ROUNDS = 5

pytestmark = pytest.mark.nva("bird")


@dataclass
class FarMachine:
    """Behind a link of its own, which the NVA calls far0."""

    region: Any
    ns: Namespace

    def run(self, kind: type[Any], **options: Any) -> Any:
        server = kind(self.region.lab, self.ns, self.region._label("far"), PORT, **options)
        server.start()
        return server


@pytest.fixture
def far(region) -> Iterator[FarMachine]:
    with far_machine(region) as machine:
        yield machine
        region.finish_heralds()


@contextmanager
def far_machine(region: Any) -> Iterator[FarMachine]:
    label = region._label("far")
    ns = region.lab.namespace(label)
    link(region.nva_ns, "far0", [f"{NEAR}/24"], ns, "eth0", [f"{FAR}/24"])
    try:
        yield FarMachine(region, ns)
    finally:
        for pid in ns.pids():
            os.kill(pid, 9)
        region.nva_ns.run("ip", "link", "del", "far0", check=False)
        ns.delete()
        del region.lab.namespaces[label]


def http(host: str = FAR, **extra: Any) -> dict[str, Any]:
    return {"type": "http", "url": f"http://{host}:{PORT}/healthz", **FAST_PROBE, **extra}


def is_held(herald: Any, name: str = "web") -> bool:
    return probe_of(herald, name)["events"].startswith("connection held")


def wait_held(herald: Any, name: str = "web") -> None:
    wait_until(lambda: is_held(herald, name), "the connection is held", PATIENCE, evidence=lambda: str(probe_of(herald, name)))


@pytest.mark.nva("frr", "bird")
def test_a_target_elsewhere_that_dies_is_noticed_by_the_end_of_a_connection(region, far, record_property):
    """Beside polling, of the same target in the same run."""
    web = far.run(HttpService)
    probe = {"interval": "2s", "down_interval": "100ms", "rise": 2, **HARD}
    services = [service("web", VIP, http(hold=True, **probe)), service("polled", OTHER_VIP, http(**probe))]
    herald = region.herald(services=services)
    held, polled = [], []
    for _ in range(ROUNDS):
        for name in ("web", "polled"):
            herald.wait_state(name, "announced", timeout=PATIENCE)
        wait_held(herald)
        assert probe_of(herald)["events"] == "connection held, link far0"
        mark = region.mark()
        since = time.time()
        web.kill()
        held.append(max(region.wait_withdrawn(VIP, since=mark, timeout=PATIENCE).values()) - since)
        polled.append(max(region.wait_withdrawn(OTHER_VIP, since=mark, timeout=PATIENCE).values()) - since)
        web.start()
    by_hold, by_polling = statistics.median(held), statistics.median(polled)
    assert by_hold < by_polling, (held, polled)
    assert "nudged: connection ended" in herald.ctl("history", "web").stdout
    record_property(
        "measured",
        f"{by_hold * 1000:.0f} ms with hold, {by_polling * 1000:.0f} ms by polling every 2 s (medians of {ROUNDS}): {by_polling / by_hold:.0f} times",
    )


def test_a_unix_socket_that_dies_is_noticed(region):
    path = region.lab.dir / f"{region._label('unix')}.sock"
    nginx = region.nginx(PORT, server=f"listen unix:{path};")
    herald = announce(region, http("localhost", unix_socket=str(path), hold=True, **SELDOM, **HARD))
    wait_held(herald)
    assert probe_of(herald)["events"] == "connection held"
    mark = region.mark()
    nginx.kill()
    region.wait_withdrawn(VIP, since=mark, timeout=PATIENCE)
    assert "; nudged: connection ended" in herald.ctl("why", "web").stdout


def test_a_server_that_closes_each_connection_makes_no_storm(region, far):
    far.run(TcpService, mode="close", delay=0.1)
    probe = {"type": "tcp", "address": f"{FAR}:{PORT}", **FAST_PROBE, **SELDOM, **HARD}
    herald = announce(region, {**probe, "hold": True})
    mark = region.mark()
    stays(lambda: herald.service("web")["state"] == "announced", 10, "each attempt passes")
    shown = probe_of(herald)
    assert 1 <= shown["nudged"] <= 6, shown  # one connection, and others 1, 2, 4 and 8 s after the end of the one before
    assert "connection not held (the target closed it after 0.1 s; another one in " in shown["events"], shown
    region.assert_silent(since=mark)


def test_a_flood_from_the_target_is_given_up(region, far):
    far.run(TcpService, mode="endless")
    probe = {"type": "tcp", "address": f"{FAR}:{PORT}", **FAST_PROBE, **SELDOM}
    herald = announce(region, {**probe, "hold": True})
    wait_until(lambda: "the target sends, and goes on sending" in probe_of(herald)["events"], "it is given up", PATIENCE)
    assert probe_of(herald)["nudged"] == 0


def test_reloads_of_a_server_elsewhere_withdraw_nothing(region, far):
    server = far.run(DaemonNginx, address=FAR)
    herald = announce(region, http(hold=True, **SELDOM, **HARD))
    wait_held(herald)
    mark = region.mark()
    for _ in range(10):
        server.reload(former_go=False)  # the kept connection is one's for a while
    stays(lambda: herald.service("web")["state"] == "announced", 2, "somebody answers at every moment")
    region.assert_silent(since=mark)
    mark = region.mark()
    wait_held(herald)
    server.kill()
    region.wait_withdrawn(VIP, since=mark, timeout=PATIENCE)


def test_hold_comes_and_goes_by_a_reload_and_outlives_a_worker(region, far):
    web = far.run(HttpService)
    herald = announce(region, http(hold=True, **SELDOM, **HARD))
    wait_held(herald)
    for pid in region.nva_ns.pids():
        if name_of(pid) == "herald-prober" and pid != herald.process.pid:
            os.kill(pid, 9)
    wait_until(lambda: not is_held(herald), "its worker has gone", PATIENCE)
    assert probe_of(herald)["nudged"] == 0, "herald's own trouble is no event"
    wait_until(lambda: herald.ctl("probe", "web").returncode == 0 and is_held(herald), "the next one holds it", PATIENCE, poll=0.2)
    herald.configure(services=[service("web", VIP, http(**SELDOM, **HARD))])
    assert herald.ctl("reload").returncode == 0
    wait_until(lambda: probe_of(herald)["events"] == "link far0", "it is let go", PATIENCE)
    web.kill()
    stays(lambda: probe_of(herald)["nudged"] == 0, 2, "nobody tells of an end elsewhere")
    assert herald.service("web")["state"] == "announced"


LOST = {
    "its link is taken down": ("nva", "link set far0 down", "link down"),
    "its link has no carrier": ("far", "link set eth0 down", "link down"),
    "its link is gone": ("nva", "link del far0", "link down"),
    "the address on its link is gone": ("nva", f"addr del {NEAR}/24 dev far0", "route changed"),
    "the route to it leads nowhere": ("nva", f"route add unreachable {FAR}/32", "no route"),
}


@pytest.mark.parametrize("how", LOST)
def test_what_is_lost_on_the_way_to_a_target_is_noticed(region, far, how):
    far.run(HttpService)
    # An attempt that tells nothing, for the machine is busy, is made again.
    herald = announce(region, http(**{**SELDOM, "interval": "20s", "timeout": "300ms"}))
    assert probe_of(herald)["events"] == "link far0"
    mark = region.mark()
    where, command, word = LOST[how]
    (region.nva_ns if where == "nva" else far.ns).ip(command)
    try:
        region.wait_withdrawn(VIP, since=mark, timeout=PATIENCE)
        assert "runs nudged" in herald.ctl("why", "web").stdout
        counted = herald.ctl("metrics").stdout
        assert f'probe="http-0",reason="{word}"}} ' in counted, counted
    finally:
        if "route" in command:
            region.nva_ns.ip(command.replace("add", "del"))


def test_changes_that_are_nobodys_nudge_nothing(region, far):
    far.run(HttpService)
    herald = announce(region, http(**SELDOM, **HARD))
    ns = region.nva_ns
    ns.ip("link add loose0 type veth peer name loose1")
    try:
        for _ in range(10):
            ns.ip("link set loose0 up", "link set loose1 up", "addr add 10.51.0.1/24 dev loose0")
            ns.ip("addr flush dev loose0", "link set loose0 down")
        ns.ip("link set loose0 up", "link set loose1 up")
        routes = [f"172.{16 + i // 256}.{i % 256}.0/24 dev loose0" for i in range(4000)]
        for verb in ("add", "del"):
            ns.ip(*(f"route {verb} {route}" for route in routes))
        stays(lambda: probe_of(herald)["nudged"] == 0, 1, "its way is what it was")
        assert herald.service("web")["state"] == "announced"
    finally:
        ns.ip("link del loose0")
