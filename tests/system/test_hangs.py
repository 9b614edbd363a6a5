"""A target that hangs: the kernel goes on for a stopped process, and knows how far it has come with a connection."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack
from typing import Any

import pytest
from herald import dns, http, service, tcp
from test_events import SELDOM, announce, stays
from waiting import wait_until

VIP = "10.99.0.1/32"
QUICK = {"timeout": "500ms", "rise": 2}
PATIENCE = 60
NEVER_ACCEPTED = "(never accepted: the process does not run, or takes no more connections)"


def withdrawn_for(region: Any, herald: Any, since: Any) -> str:
    region.wait_withdrawn(VIP, since=since, timeout=PATIENCE)
    return herald.wait_state("web", "withdrawn", timeout=PATIENCE)["reason"]


def python_http(region: Any) -> Any:
    return region.http_service(8080)


def nginx(region: Any) -> Any:
    return region.nginx(8080)


@pytest.mark.parametrize("server", [python_http, nginx])
def test_a_stopped_server_accepts_nothing(region, server):
    web = server(region)
    herald = announce(region, http(8080, **QUICK))
    mark = region.mark()
    web.sigstop()
    reason = withdrawn_for(region, herald, mark)
    assert f"timeout: no result within 500 ms: waiting for the answer {NEVER_ACCEPTED}" in reason, reason
    assert NEVER_ACCEPTED in herald.ctl("why", "web").stdout
    assert NEVER_ACCEPTED in herald.ctl("history", "web").stdout
    mark = region.mark()
    web.sigcont()
    region.wait_announced(VIP, since=mark, timeout=PATIENCE)


def test_a_request_that_is_read_and_not_answered(region):
    web = region.http_service(8080)
    herald = announce(region, http(8080, **QUICK))
    mark = region.mark()
    web.set("hang")
    reason = withdrawn_for(region, herald, mark)
    assert "waiting for the answer (read, no answer)" in reason, reason


def test_a_request_that_is_accepted_and_not_read(region):
    echo = region.tcp_service(8081, mode="reply")
    herald = announce(region, tcp(8081, send="PING", expect="PING", **QUICK))
    mark = region.mark()
    echo.set("reply", delay=60)
    reason = withdrawn_for(region, herald, mark)
    assert "waiting for the answer (accepted, request not read (4 bytes wait))" in reason, reason


def test_a_stopped_name_server_reads_no_query(region):
    nsd = region.nsd(port=1053)
    herald = announce(region, dns("health.example.net A", 1053, **QUICK))
    mark = region.mark()
    nsd.sigstop()
    reason = withdrawn_for(region, herald, mark)
    assert "(query not read (the queue of the target's socket holds " in reason, reason
    nsd.sigcont()
    wait_until(lambda: herald.service("web")["state"] == "announced", "it is announced again", PATIENCE)


def test_accepted_sees_a_stopped_server_by_the_connection_alone(region):
    web = region.http_service(8080)
    herald = announce(region, tcp(8080, accepted=True, **{**QUICK, "timeout": "100ms"}))
    assert herald.service("web")["probes"][0]["detail"].startswith("accepted in ")
    mark = region.mark()
    web.sigstop()
    reason = withdrawn_for(region, herald, mark)
    assert f"no result within 100 ms: waiting to be accepted {NEVER_ACCEPTED}" in reason, reason
    mark = region.mark()
    web.sigcont()
    region.wait_announced(VIP, since=mark, timeout=PATIENCE)


def test_without_accepted_a_stopped_server_passes(region):
    web = region.http_service(8080)
    herald = announce(region, tcp(8080, **{**QUICK, "timeout": "100ms"}))
    web.sigstop()
    stays(lambda: herald.service("web")["state"] == "announced", 2, "the kernel completes the handshake")


def test_overlap_notices_a_hang_a_little_after_the_first_deadline(region):
    """One after the other the three attempts would take 24 s."""
    web = region.http_service(8080)
    slow = {"interval": "8s", "timeout": "8s", "fast_interval": "100ms", "rise": 2}
    herald = announce(region, http(8080, overlap=True, **slow))
    assert "overlap: an attempt unanswered for " in herald.ctl("why", "web").stdout
    mark = region.mark()
    since = time.monotonic()
    web.sigstop()
    reason = withdrawn_for(region, herald, mark)
    assert time.monotonic() - since < 22
    assert NEVER_ACCEPTED in reason, reason
    web.sigcont()


def test_with_overlap_a_slow_service_is_not_down(region):
    web = region.http_service(8080)
    herald = announce(region, http(8080, overlap=True, suspect="50ms", interval="1s", timeout="1s", fast_interval="100ms"))
    mark = region.mark()
    web.set("answer", delay=0.6)
    before = herald.service("web")["probes"][0]["runs"]
    stays(lambda: herald.service("web")["probes"][0]["failures"] == 0, 8, "every attempt is answered in time")
    assert herald.service("web")["probes"][0]["runs"] > before + 10, "further attempts ran beside each"
    region.assert_silent(since=mark)


def test_connections_that_nobody_accepts_make_an_attempt_due(region):
    web = region.http_service(8080)
    herald = announce(region, http(8080, **SELDOM, accept_stall="100ms"))
    stays(lambda: herald.service("web")["probes"][0]["nudged"] == 0, 3, "nobody waits")
    mark = region.mark()
    web.sigstop()
    with region.nva_ns.entered(), ExitStack() as clients:
        # Who is told to stop may still accept the first.
        for _ in range(3):
            time.sleep(0.1)
            clients.enter_context(socket.create_connection(("127.0.0.1", 8080)))
        reason = withdrawn_for(region, herald, mark)
    assert NEVER_ACCEPTED in reason, reason
    assert herald.service("web")["probes"][0]["nudged"] == 1  # and the next ones came at the fast pace
    web.sigcont()
