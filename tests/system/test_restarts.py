"""Real servers that are reloaded, exchanged and restarted under herald's eyes, and then really die.

With events on and `hard_fail: ["refused"]` a single refused attempt withdraws: so what is not withdrawn here was never refused, at any
of the moments at which the kernel told of a closed listener, or at any of the twenty times a second at which it was asked anyway. What
is merely late or reset, as any client of such a reload may be, is counted, and beside it a probe with the defaults says whether that
withdraws.
`HERALD_RELOADS=1000` has each server reloaded so often; without it, for some seconds."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from herald import dns, http, service
from reloading import DaemonNginx, ReloadedHaProxy, ReloadedNsd, ReloadedUnbound, is_running
from servers import fetch
from test_events import HARD, SELDOM, announce, probe_of, stays
from waiting import wait_until

VIP = "10.99.0.1/32"
PORT = 8080
# An attempt may well run into its deadline on a busy machine, and is no refusal.
OFTEN = {"interval": "50ms", "fast_interval": "50ms", "timeout": "50ms", "rise": 2, "fall": 60}
DEFAULTS = {"interval": "1s", "fast_interval": "250ms", "timeout": "800ms", "rise": 2}
PATIENT = {**DEFAULTS, "interval": "2s", "timeout": "2s"}
PATIENCE = 60
RELOADS = int(os.environ.get("HERALD_RELOADS", "0"))
RELOAD_FOR = 4.0

pytestmark = [pytest.mark.nva("bird"), pytest.mark.timeout(3600 if RELOADS else 300)]


def ask(server: Any, **more: Any) -> dict[str, Any]:
    is_dns = isinstance(server, ReloadedUnbound | ReloadedNsd)
    return dns("health.example.net A", PORT, **more) if is_dns else http(PORT, **more)


def often(reload: Callable[[], Any]) -> int:
    """How often it was reloaded."""
    end = time.monotonic() + RELOAD_FOR
    count = 0
    while count < RELOADS if RELOADS else time.monotonic() < end:
        reload()
        count += 1
    return count


def is_withdrawn_at_once(region: Any, herald: Any, kill: Callable[[], Any]) -> None:
    """By an event: polling would not ask within the time that is waited. The configuration is exchanged, as it asks often."""
    spec = dict(herald.config["services"][0]["probes"][0])
    herald.configure(services=[service("web", VIP, {**spec, **SELDOM, **HARD})])
    assert herald.ctl("reload").returncode == 0
    wait_until(lambda: does_nothing_for_a_second(herald), "the attempts of the former pace have been made", PATIENCE)
    herald.wait_state("web", "announced")
    mark = region.mark()
    kill()
    region.wait_withdrawn(VIP, since=mark, timeout=PATIENCE)
    assert "refused" in herald.wait_state("web", "withdrawn")["reason"]
    history = herald.ctl("history", "web").stdout
    # Of several listeners, the first one's end may be what led to the attempt that was refused.
    assert "nudged: listener gone" in history or "nudged: listener closed" in history, history


def does_nothing_for_a_second(herald: Any) -> bool:
    runs = probe_of(herald)["runs"]
    time.sleep(1)
    return probe_of(herald)["runs"] == runs


def failures(herald: Any) -> str:
    """Of all probes, by reason."""
    counted = re.findall(r'herald_probe_failures_total\{.*probe="(\w+)",reason="(\w+)"\} ([1-9]\d*)', herald.ctl("metrics").stdout)
    return ", ".join(f"{probe} {count} {reason}" for probe, reason, count in counted)


SERVERS: dict[str, tuple[type[Any], dict[str, Any], str]] = {
    "nginx": (DaemonNginx, {}, "reload"),
    "nginx-reuseport": (DaemonNginx, {"listen": " reuseport"}, "reload"),
    "nginx-upgrade": (DaemonNginx, {}, "upgrade"),
    "nginx-reuseport-upgrade": (DaemonNginx, {"listen": " reuseport"}, "upgrade"),
    "haproxy-master": (ReloadedHaProxy, {"start_anew": "master"}, "reload"),
    "haproxy-x-sf": (ReloadedHaProxy, {"start_anew": "sockets"}, "reload"),
    "haproxy-sf": (ReloadedHaProxy, {"start_anew": "overlap"}, "reload"),
    "unbound": (ReloadedUnbound, {}, "reload"),
    "nsd": (ReloadedNsd, {}, "reload"),
}


@pytest.mark.parametrize("name", SERVERS)
def test_reloads_withdraw_nothing(region, record_property, name):
    kind, options, how = SERVERS[name]
    server = region.real(kind, PORT, **options)
    mark = region.mark()
    probes = [ask(server, name="often", **OFTEN, **HARD), ask(server, name="defaults", **DEFAULTS, **HARD)]
    herald = region.herald(services=[service("web", VIP, *probes)])
    region.wait_announced(VIP, since=mark, timeout=PATIENCE)
    herald.wait_state("web", "announced")
    mark = region.mark()
    before = probe_of(herald)
    reloads = often(getattr(server, how))
    after = probe_of(herald)
    assert herald.service("web")["state"] == "announced"
    region.assert_silent(since=mark)
    counts = f"{after['runs'] - before['runs']} attempts, {after['nudged'] - before['nudged']} of them nudged"
    record_property("measured", f"{reloads} of {name}, {counts}, failures: {failures(herald) or 'none'}; none withdrawn")
    is_withdrawn_at_once(region, herald, server.kill)


def test_workers_that_go_are_told_and_withdraw_nothing(region):
    """Of nginx with `reuseport`, each worker has a listener of its own: with fewer workers some of these end."""
    server = region.real(DaemonNginx, PORT, listen=" reuseport", workers=4)
    herald = announce(region, ask(server, **SELDOM, **HARD))
    mark = region.mark()
    for workers in (1, 4, 2, 4, 1):
        server.use_workers(workers)
        server.reload()
    wait_until(lambda: probe_of(herald)["nudged"] > 0, "the kernel has told of the listeners' ends", PATIENCE)
    stays(lambda: herald.service("web")["state"] == "announced", 2, "others listen still")
    region.assert_silent(since=mark)
    why = herald.ctl("why", "web").stdout
    assert "events: listener 127.0.0.1:8080; " in why, why
    is_withdrawn_at_once(region, herald, server.kill)


RESTARTED: dict[str, tuple[type[Any], dict[str, Any]]] = {
    "nginx": (DaemonNginx, {}),
    "haproxy": (ReloadedHaProxy, {"start_anew": "overlap"}),
    "unbound": (ReloadedUnbound, {}),
    "nsd": (ReloadedNsd, {}),
}


@pytest.mark.parametrize("name", RESTARTED)
def test_a_restart_that_is_quicker_than_its_attempts_withdraws_nothing(region, record_property, name):
    kind, options = RESTARTED[name]
    server = region.real(kind, PORT, **options)
    # Three failures take at least two of these; each server is back within a fraction of one.
    patient = {**SELDOM, "fast_interval": "4s", "rise": 1}
    herald = announce(region, ask(server, **patient))
    mark = region.mark()
    took = []
    for nudged in range(1, 4):
        since = time.monotonic()
        server.restart()
        took.append(time.monotonic() - since)
        wait_until(lambda nudged=nudged: probe_of(herald)["nudged"] >= nudged, "its end was told", PATIENCE)
        wait_until(lambda: probe_of(herald)["verdict"] == "pass" and probe_of(herald)["failures"] == 0, "it passes again", PATIENCE)
    assert herald.service("web")["state"] == "announced"
    region.assert_silent(since=mark)
    assert "runs nudged" in herald.ctl("why", "web").stdout
    record_property("measured", f"3 restarts of {name}, within {max(took) * 1000:.0f} ms each, none withdrawn")
    is_withdrawn_at_once(region, herald, server.kill)


def test_what_is_back_before_its_attempts_are_made_is_not_withdrawn(region):
    """Three failures 2 s apart need 4 s, wherever the grid of its polling has its next point when the kernel tells of the end."""
    web = region.http_service(PORT)
    herald = announce(region, http(PORT, interval="2s", fast_interval="2s", timeout="1s", jitter=0, rise=1))
    mark = region.mark()
    for phase in (0.25, 0.75, 1.25, 1.75):
        time.sleep(phase)
        web.kill()
        time.sleep(3)
        web.start()
        wait_until(lambda: probe_of(herald)["verdict"] == "pass" and probe_of(herald)["failures"] == 0, "it passes again", PATIENCE)
    assert probe_of(herald)["nudged"] == 4
    region.assert_silent(since=mark)


def test_with_hard_fail_a_restart_is_what_it_is(region):
    """Nobody listened for a moment: the operator wanted to know of that."""
    server = region.real(DaemonNginx, PORT)
    herald = announce(region, ask(server, **SELDOM, **HARD))
    mark = region.mark()
    os.kill(server.master, 15)
    region.wait_withdrawn(VIP, since=mark, timeout=PATIENCE)
    mark = region.mark()
    server.start()
    region.wait_announced(VIP, since=mark, timeout=3 * PATIENCE)
    herald.wait_state("web", "announced")


# -- socket activation


class Activated:
    """A service that is started by who keeps its listener."""

    def __init__(self, region: Any, starter: list[str]) -> None:
        self.ns = region.nva_ns
        directory = region.lab.subdir(region._label("activated"))
        self.pid_file = directory / "pid"
        (directory / "switch.json").write_text('{"mode": "answer"}')
        here = Path(__file__).resolve().parent
        command = ["/usr/bin/python3", "-BES", str(here / "http_service.py"), "--port", str(PORT)]
        command += ["--switch", str(directory / "switch.json"), "--requests", str(directory / "requests.jsonl")]
        starter = [part.replace("HERE", str(here)).replace("PID_FILE", str(self.pid_file)) for part in starter]
        self.process = region.lab.process(self.ns, [*starter, *command], directory / "log")
        self.process.start()
        wait_until(self._answers, "it is started by a client, and answers", PATIENCE)

    def _answers(self) -> bool:
        try:
            return fetch(self.ns, "127.0.0.1", PORT)[0] == 200
        except OSError:
            return False

    def kill_service(self) -> int:
        pid = int(self.pid_file.read_text())
        os.kill(pid, 9)
        wait_until(lambda: not is_running(pid), "the service has gone", PATIENCE)
        return pid


HOLDER = ["/usr/bin/python3", "-BES", "HERE/socket_holder.py", "--port", str(PORT), "--pid-file", "PID_FILE"]


def test_a_killed_service_whose_listener_is_kept_is_started_by_the_next_attempt(region):
    server = Activated(region, HOLDER)
    herald = announce(region, http(PORT, **{**OFTEN, "interval": "3s", "timeout": "3s"}, **HARD))
    mark = region.mark()
    for _ in range(5):
        killed = server.kill_service()
        wait_until(lambda killed=killed: int(server.pid_file.read_text() or 0) not in (0, killed), "it is started again", PATIENCE)
        wait_until(lambda: probe_of(herald)["failures"] == 0 and probe_of(herald)["verdict"] == "pass", "and passes", PATIENCE)
    assert herald.service("web")["state"] == "announced"
    assert probe_of(herald)["nudged"] == 0, "the listener has never ended"
    region.assert_silent(since=mark)
    server.process.signal(10)  # the trigger limit: who kept it closes the listener
    is_withdrawn_at_once(region, herald, server.kill_service)


def test_a_service_that_has_its_listener_by_activation_alone_dies_with_it(region):
    """systemd-socket-activate becomes the service: nobody else has the listener."""
    server = Activated(region, ["systemd-socket-activate", "-l", f"127.0.0.1:{PORT}"])
    herald = announce(region, http(PORT, **PATIENT, **HARD))
    is_withdrawn_at_once(region, herald, server.process.kill)


def test_a_service_with_a_process_for_each_connection(region):
    """Accept=yes: what is killed is never the listener's."""
    ns = region.nva_ns
    answer = "HTTP/1.1 200 OK\\r\\nContent-Length: 3\\r\\nConnection: close\\r\\n\\r\\nok\\n"
    activate = ["systemd-socket-activate", "--accept", "--inetd", "-l", f"127.0.0.1:{PORT}"]
    script = f"read line; printf '{answer}'; sleep 0.2"
    process = region.lab.process(ns, [*activate, "/bin/sh", "-c", script], region.lab.subdir(region._label("inetd")) / "log")
    process.start()
    herald = announce(region, http(PORT, interval="200ms", fast_interval="200ms", timeout="200ms", rise=2))
    mark = region.mark()
    killed = 0
    end = time.monotonic() + RELOAD_FOR
    while time.monotonic() < end:
        for pid in ns.pids():
            if pid != process.pid and is_shell(pid):
                try:
                    os.kill(pid, 9)
                except ProcessLookupError:
                    continue
                killed += 1
        time.sleep(0.3)
    assert killed > 0
    assert probe_of(herald)["nudged"] == 0
    region.assert_silent(since=mark)
    is_withdrawn_at_once(region, herald, process.kill)


def is_shell(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() == "sh"
    except OSError:
        return False
