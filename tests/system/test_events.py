"""The kernel's word about the end of a listener: the next attempt is due at once, and it alone counts.

The probes poll so seldom here that polling could not have noticed within the time that is waited.
"""

from __future__ import annotations

import time

from herald import dns, http, service, tcp
from waiting import wait_until

VIP = "10.99.0.1/32"
# The first attempts, and those of a change, are quick; an announced service is asked every two minutes.
SELDOM = {"interval": "2m", "fast_interval": "50ms", "timeout": "2s", "rise": 2}
HARD = {"hard_fail": ["refused"]}
PATIENCE = 30


def stays(holds, seconds: float, what: str) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert holds(), f"not any more: {what}"
        time.sleep(0.05)


def probe_of(herald, name: str = "web"):
    return herald.service(name)["probes"][0]


def announce(region, probe, **more):
    mark = region.mark()
    herald = region.herald(services=[service("web", VIP, probe, **more)])
    region.wait_announced(VIP, since=mark, timeout=60)
    herald.wait_state("web", "announced")
    return herald


def test_a_killed_service_is_withdrawn_at_once(region):
    web = region.http_service(8080)
    herald = announce(region, http(8080, **SELDOM, **HARD))
    assert probe_of(herald)["events"] == "listener 127.0.0.1:8080"
    mark = region.mark()
    web.kill()
    region.wait_withdrawn(VIP, since=mark, timeout=PATIENCE)
    down = herald.wait_state("web", "withdrawn")
    assert "refused" in down["reason"], down
    why = herald.ctl("why", "web").stdout
    assert "; nudged: listener gone" in why, why
    assert "events: none (no listener here); 1 of" in why, why
    history = herald.ctl("history", "web").stdout
    assert "; nudged: listener gone" in history, history


def test_without_hard_fail_the_failures_follow_at_the_fast_pace(region):
    web = region.http_service(8080)
    herald = announce(region, http(8080, **SELDOM))
    mark = region.mark()
    web.kill()
    region.wait_withdrawn(VIP, since=mark, timeout=PATIENCE)
    probe = probe_of(herald)
    assert probe["failures"] >= 3 and probe["nudged"] == 1, probe


def test_events_off_is_polling(region):
    web = region.http_service(8080)
    herald = announce(region, http(8080, **SELDOM, **HARD, events="off"))
    runs = probe_of(herald)["runs"]
    web.kill()
    stays(lambda: probe_of(herald)["runs"] == runs, 3, "nothing but the next poll asks")
    assert probe_of(herald)["events"] == "off"
    assert "announced" in herald.ctl("status").stdout


def test_nginx_reloads_withdraw_nothing(region):
    nginx = region.nginx(8080)
    herald = announce(region, http(8080, **SELDOM, **HARD))
    mark = region.mark()
    for _ in range(10):
        nginx.sighup()
        time.sleep(0.1)
    stays(lambda: herald.service("web")["state"] == "announced", 2, "it stays announced")
    region.assert_silent(since=mark)
    mark = region.mark()
    nginx.kill()
    region.wait_withdrawn(VIP, since=mark, timeout=PATIENCE)


def test_a_udp_server_that_goes_is_noticed_at_once(region):
    nsd = region.nsd(port=1053)
    herald = announce(region, dns("health.example.net A", 1053, **SELDOM, **HARD))
    assert probe_of(herald)["events"] == "listener 127.0.0.1:1053"
    mark = region.mark()
    nsd.kill()
    region.wait_withdrawn(VIP, since=mark, timeout=PATIENCE)
    assert "; nudged: listener gone" in herald.ctl("why", "web").stdout


def test_a_reload_watches_the_new_target(region):
    first = region.tcp_service(8081)
    second = region.tcp_service(8082)
    herald = announce(region, tcp(8081, **SELDOM, **HARD))
    herald.configure(services=[service("web", VIP, tcp(8082, **SELDOM, **HARD))])
    assert herald.ctl("reload").returncode == 0
    wait_until(lambda: probe_of(herald)["events"] == "listener 127.0.0.1:8082", "the other listener is watched", 20)
    herald.wait_state("web", "announced")
    first.kill()
    stays(lambda: probe_of(herald)["nudged"] == 0, 1, "the former target is nobody's")
    mark = region.mark()
    second.kill()
    region.wait_withdrawn(VIP, since=mark, timeout=PATIENCE)


def test_closes_that_are_nobodys_nudge_nothing(region):
    region.http_service(8080)
    herald = announce(region, http(8080, **SELDOM, **HARD))
    region.nva_ns.run(
        "python3", "-c",
        "import socket\n"
        "for _ in range(500):\n"
        "    s = socket.create_connection(('127.0.0.1', 8080)); s.close()\n"
        "    l = socket.socket(); l.bind(('127.0.0.1', 0)); l.listen(); l.close()\n",
        timeout=60,
    )
    probe = probe_of(herald)
    assert (probe["nudged"], probe["nudges_dropped"]) == (0, 0), probe
    assert herald.service("web")["state"] == "announced"
