"""The router in trouble: probes go on, status answers, nothing is taken down because of it, and all of it is shown."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from herald import _program, http, service
from test_life import VIP, quiet, start_announced
from waiting import wait_until


def has_socket(pid: int) -> bool:
    try:
        return any(os.readlink(fd).startswith("socket:") for fd in Path(f"/proc/{pid}/fd").iterdir())
    except FileNotFoundError:  # one that was closed meanwhile
        return False


def answers_quickly(herald) -> float:
    before = time.monotonic()
    herald.status()
    return time.monotonic() - before


@pytest.mark.nva("frr")
def test_bgpd_hung_while_a_service_dies(region):
    """The VIP goes from the interface all the same; bgpd hears of it when it runs again."""
    web, herald = start_announced(region)
    mark = region.mark()
    region.nva.bgpd.sigstop()
    quiet(2.5)  # long enough for a read-back to run into its deadline
    web.kill()
    herald.wait_health("web", "unhealthy")
    assert region.vips() == set()
    assert min(answers_quickly(herald) for _ in range(5)) < 1
    region.nva.bgpd.sigcont()
    region.wait_withdrawn(VIP, since=mark)
    herald.wait_state("web", "withdrawn")


@pytest.mark.nva("frr")
def test_a_drain_is_not_over_while_bgpd_hangs(region):
    """The Route Servers have the route until bgpd runs again, so --wait must not say that it is gone."""
    _, herald = start_announced(region)
    region.nva.bgpd.sigstop()
    herald.wait_problem("web", "frr does not answer")
    done = herald.ctl("drain", "web", "--wait", "--timeout", "3s", timeout=20)
    assert done.returncode == 4, done
    assert "frr does not answer" in done.stderr, done.stderr
    assert region.vips() == set()
    assert region.announced(VIP)
    done = herald.ctl("drain", "web", "--for", "1s", "--wait", timeout=20)
    assert done.returncode == 1 and "web is not drained any more: auto" in done.stderr, done
    region.nva.bgpd.sigcont()
    done = herald.ctl("drain", "web", "--wait", timeout=30)
    assert done.returncode == 0, done
    assert region.announced(VIP) == set()


@pytest.mark.nva("frr")
def test_a_drain_is_over_where_what_is_left_goes_to_nobody(region):
    """A route of the operator's own stays in the table: no Route Server is sent it, so that there is nothing to wait for."""
    _, herald = start_announced(region)
    asn = region.plan.nva.asn
    region.nva.vtysh("configure terminal", f"router bgp {asn}", "no bgp network import-check", "address-family ipv4 unicast", f"network {VIP}")
    for rs in region.route_servers.values():
        rs.disable_session()
    herald.wait_problem("web", "no session is established", timeout=25)
    done = herald.ctl("drain", "web", "--wait", "--timeout", "30s", timeout=40)
    assert done.returncode == 0 and done.stdout.startswith("web: drain, withdrawing; "), done
    assert herald.service("web")["vips"][0]["advertised_to"] == []


@pytest.mark.nva("frr")
def test_bgpd_killed_and_restarted(region):
    _, herald = start_announced(region)
    region.nva.bgpd.kill()
    herald.wait_problem("web", "frr does not answer")
    assert region.vips() == {VIP}
    mark = region.mark()
    region.nva.restart()
    region.wait_announced(VIP, since=mark, timeout=20)
    herald.wait_state("web", "announced", timeout=20)


@pytest.mark.nva("bird")
def test_bird_killed_and_restarted(region):
    _, herald = start_announced(region)
    region.nva.kill()
    herald.wait_problem("web", "bird does not answer")
    assert herald.service("web")["state"] == "announcing"
    assert herald.status()["router"]["reachable"] is False
    assert region.vips() == {VIP}
    mark = region.mark()
    region.nva.start()
    region.wait_announced(VIP, since=mark, timeout=20)
    herald.wait_state("web", "announced", timeout=20)


def test_a_router_that_is_not_there_at_the_start(region):
    region.nva.stop()
    region.http_service(port=8080)
    herald = region.herald(services=[service("web", VIP, http(8080))])
    herald.wait_health("web", "healthy")
    herald.wait_problem("web", "does not answer")
    assert region.vips() == {VIP}
    mark = region.mark()
    region.nva.start()
    region.wait_announced(VIP, since=mark, timeout=20)
    herald.wait_state("web", "announced", timeout=20)


@pytest.mark.nva("frr")
def test_vtysh_missing_is_said(region):
    region.http_service(port=8080)
    mark = region.mark()
    router = {"stack": "frr", "vtysh": {"path": "/nonexistent/vtysh"}}
    herald = region.herald(services=[service("web", VIP, http(8080))], router=router)
    region.wait_announced(VIP, since=mark)  # announced all the same: only the proof is missing
    assert "No such file" in herald.wait_problem("web", "/nonexistent/vtysh")


@pytest.mark.nva("frr")
@pytest.mark.parametrize("behaviour", ["exec sleep 60", "head -c 300000 /dev/urandom", "echo '{'", "exit 1"])
def test_vtysh_that_hangs_or_prints_junk(region, behaviour):
    region.http_service(port=8080)
    fake = region.lab.dir / "fake-vtysh"
    fake.write_text(f"#!/bin/sh\n{behaviour}\n")
    fake.chmod(0o755)
    mark = region.mark()
    router = {"stack": "frr", "vtysh": {"path": str(fake), "timeout": "500ms"}}
    herald = region.herald(services=[service("web", VIP, http(8080))], router=router)
    region.wait_announced(VIP, since=mark)
    herald.wait_problem("web", "frr does not answer")
    assert herald.status()["router"]["reachable"] is False
    assert herald.stop() == 0


def told_of(herald, peer: str) -> list[dict]:
    """What the history has of a session's, oldest first."""
    entries = json.loads(herald.ctl("history", "--json").stdout)["transitions"]
    return [one for one in entries if one["subject"] == "peer" and one["peer"] == peer]


def test_a_route_server_session_that_is_lost_and_back_is_told_everywhere(region):
    """Nothing is taken down for it; status, why, history, watch and the journal say it, and the exit code is 1."""
    _, herald = start_announced(region)
    rs1, rs2 = (rs.plan.address for rs in region.route_servers.values())
    herald.wait_state("web", "announced")
    wait_until(lambda: herald.ctl("status").returncode == 0, "all is as wanted", 20, poll=0.2, evidence=herald.log_tail)
    seen = region.lab.dir / "watched"
    with seen.open("w") as out:
        watch = subprocess.Popen([_program("heraldctl"), "--socket", str(herald.socket), "watch", "--json"], stdout=out)
    try:
        # What happens before it has asked is not told to it.
        wait_until(lambda: has_socket(watch.pid), "it watches", 20, poll=0.02)
        assert herald.ctl("status").returncode == 0
        mark = region.mark()
        region.rs2.disable_session()
        # Neither FRR nor BIRD tells of a session: it is in the next of the reads that come every 2 to 10 s.
        problem = herald.wait_problem("web", "sent to", timeout=30)
        assert problem.startswith(f"sent to {rs1} alone: no session with {rs2} ("), problem
        web = herald.service("web")
        assert web["state"] == "announced" and not web["as_wanted"] and web["vips"][0]["advertised_to"] == [rs1]
        states = {peer["address"]: peer["state"] for peer in herald.status()["router"]["peers"]}
        assert states[rs1] == "Established" and states[rs2] != "Established"
        done = herald.ctl("status")
        assert done.returncode == 1 and problem.split(" (")[0] in done.stdout, done  # Idle and Active take turns
        assert len(told_of(herald, rs2)) == 1, told_of(herald, rs2)
        (lost,) = told_of(herald, rs2)
        assert lost["from"] == "Established" and lost["to"] != "Established" and lost["service"] == ""
        assert lost["reason"] == "the session is lost; 1 is left"
        assert region.vips() == {VIP}
        assert region.rs1.events(mark.at["rs1"]) == []

        region.rs2.enable_session()
        wait_until(lambda: len(told_of(herald, rs2)) == 2, "told that it is back", 60, poll=0.3, evidence=herald.log_tail)
        back = told_of(herald, rs2)[1]
        assert back["to"] == "Established" and back["reason"] == "the session is established"
        wait_until(lambda: herald.ctl("status").returncode == 0, "all is as wanted again", 20, poll=0.2, evidence=herald.log_tail)
        assert herald.service("web")["problem"] == ""
        assert told_of(herald, rs1) == []
        wait_until(lambda: seen.read_text().count('"subject":"peer"') == 2, "the watcher hears of both", 10)
        for entry in (lost, back):
            line = f"peer {rs2}: {entry['from']} -> {entry['to']}: {entry['reason']}"
            assert line in herald.log_text(), herald.log_tail()
            assert f"peer {rs2}" in herald.ctl("history", "web").stdout
    finally:
        watch.terminate()
        watch.wait(10)


@pytest.mark.nva("bird")
def test_birds_own_names_and_tables_are_read_back(region):
    """Protocol names that BIRD wants quoted, and VIPs in another table than the default ones."""
    text = region.nva.bird.conf.read_text()
    for before, after in (("protocol bgp rs1 ", "protocol bgp 'rs-1.azure' "), ('"lo"; ipv4;', '"lo"; ipv4 { table vips; };'),
                          ("ipv4 { import none;", "ipv4 { table vips; import none;")):
        assert before in text
        text = text.replace(before, after)
    region.http_service(port=8080)
    mark = region.mark()
    region.nva.bird.configure("ipv4 table vips;\n" + text)
    herald = region.herald(services=[service("web", VIP, http(8080))])
    region.wait_announced(VIP, since=mark)
    # The session whose protocol has another name comes up anew, maybe after the other one has heard it.
    wait_until(lambda: sorted(herald.service("web")["vips"][0]["advertised_to"] or []) == ["10.1.1.132", "10.1.1.4"],
               "advertised to both", 20, evidence=herald.log_tail)
    (vip,) = herald.wait_state("web", "announced")["vips"]
    assert vip["in_rib"]


@pytest.mark.nva("frr")
def test_a_router_that_does_not_redistribute_is_explained(region):
    region.nva.vtysh("configure terminal", "router bgp", "address-family ipv4 unicast", "no redistribute connected")
    region.http_service(port=8080)
    herald = region.herald(services=[service("web", VIP, http(8080))])
    assert "redistributed" in herald.wait_problem("web", "not in frr's BGP table")


@pytest.mark.nva("frr")
def test_stack_none_reads_the_interface_alone(region):
    web = region.http_service(port=8080)
    mark = region.mark()
    herald = region.herald(services=[service("web", VIP, http(8080))], router={"stack": "none"})
    region.wait_announced(VIP, since=mark)
    (vip,) = herald.wait_state("web", "announced")["vips"]
    assert vip["on_interface"] and vip["in_rib"] is None
    web.kill()
    region.wait_withdrawn(VIP, since=mark)


def lose_the_withdrawal(region, **router):
    """Announced by redistribution; then zebra alone is restarted, and bgpd never hears that the address went."""
    web = region.http_service(port=8080)
    mark = region.mark()
    nva = {**region.nva.herald_router(), "bgp": {"as": region.plan.nva.asn}, "route_server": {"peers": list(region.plan.nva.peers)}, **router}
    herald = region.herald(services=[service("web", VIP, http(8080))], router=nva)
    region.wait_announced(VIP, since=mark)
    herald.wait_state("web", "announced")
    region.nva.zebra.kill()
    region.nva.zebra.start()
    web.kill()
    return web, herald


@pytest.mark.nva("frr")
def test_a_withdrawal_that_bgpd_does_not_hear_of_is_said(region):
    before = region.nva.vtysh("show running-config")
    web, herald = lose_the_withdrawal(region, fallback_after="1s")
    problem = herald.wait_problem("web", "was zebra restarted alone?")
    assert "restart bgpd" in problem and "advertised to 10.1.1.132, 10.1.1.4" in problem
    assert region.vips() == set() and region.announced(VIP) == {"rs1", "rs2"}
    assert "was zebra restarted alone?" in herald.log_text()
    assert region.nva.vtysh("show running-config") == before
    mark = region.mark()
    region.nva.bgpd.kill()  # what the hint says
    region.nva.restart()
    region.wait_established()
    herald.wait_status("web", "problem", "", timeout=20)
    assert region.announced(VIP) == set()
    web.start()
    region.wait_announced(VIP, since=mark)


@pytest.mark.nva("frr")
def test_what_the_fallback_denies_stays_denied_when_its_service_is_taken_away(region):
    web, herald = lose_the_withdrawal(region, fallback="deny", fallback_after="1s")
    herald.wait_problem("web", "FALLBACK: denied")
    mark = region.mark()
    herald.configure(services=[])
    assert herald.ctl("reload").returncode == 0
    herald.wait_problem("web (removed)", "FALLBACK: denied")
    time.sleep(1)
    region.assert_silent(mark)
    region.nva.bgpd.kill()  # what the hint says
    region.nva.restart()
    wait_until(lambda: not herald.status()["services"], "nothing is left of it", 20, evidence=herald.log_tail)
    wait_until(lambda: not herald.status()["router"]["fallback"]["held"], "nor of the fallback", 10, evidence=herald.log_tail)


@pytest.mark.nva("frr")
def test_the_fallback_denies_what_bgpd_goes_on_advertising(region):
    """And takes it back: when the service returns, and also by a herald that was started since."""
    before = region.nva.vtysh("show running-config")
    mark = region.mark()
    web, herald = lose_the_withdrawal(region, fallback="deny", fallback_after="1s")
    region.wait_withdrawn(VIP, since=mark)
    stale = herald.wait_state("web", "withdrawn")
    assert "FALLBACK: denied to the peers" in herald.wait_problem("web", "FALLBACK: denied")
    assert stale["vips"][0]["in_rib"]
    fallback = herald.status()["router"]["fallback"]
    assert fallback == {"level": "deny", "held": [{"peer": peer, "denied": [VIP], "shut": False} for peer in sorted(region.plan.nva.peers)]}
    assert "FALLBACK: 10.99.0.1/32 denied to 10.1.1.4" in herald.ctl("status").stdout
    assert "FALLBACK" in herald.ctl("why", "web").stdout
    assert "route-map HERALD-fallback:ipv4:" in region.nva.vtysh("show running-config")

    mark = region.mark()
    herald.kill()
    herald.start()
    herald.wait_problem("web", "FALLBACK: denied")
    time.sleep(1)
    region.assert_silent(mark)
    web.start()
    region.wait_announced(VIP, since=mark)
    herald.wait_state("web", "announced")
    wait_until(lambda: region.nva.vtysh("show running-config") == before, "nothing of the fallback is left", 10, evidence=herald.log_tail)
