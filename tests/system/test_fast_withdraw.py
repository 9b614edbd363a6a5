"""router.fast_withdraw: what FRR's queues hold back for 60 ms, a list of herald's own denies at once, and nothing of it is left.

The probes poll so seldom that the kernel's word about the listener's end is what they go by. Of the list, and of what the Route Servers
were told, nothing here hangs on how fast the machine is: what is compared is compared within one run."""

from __future__ import annotations

import json
import statistics
import time

import pytest

from herald import http, service
from waiting import wait_until

VIP = "10.99.0.1/32"
OTHER = "10.99.0.2/32"
VIP6 = "fd00:99::1/128"
SELDOM = {"interval": "2m", "down_interval": "50ms", "fast_interval": "50ms", "timeout": "2s", "rise": 2, "hard_fail": ["refused"]}
# As `heraldctl render frr` has it: what may leave is said by a route-map, and the outbound prefix-list is herald's.
FAST = """
ip prefix-list HERALD-fast seq 4294967295 permit any
ipv6 prefix-list HERALD-fast seq 4294967295 permit any
route-map OUT permit 10
 match ip address prefix-list ANYCAST
exit
route-map OUT6 permit 10
 match ipv6 address prefix-list ANYCAST6
exit
router bgp 65001
 address-family ipv4 unicast
  neighbor RS prefix-list HERALD-fast out
  neighbor RS route-map OUT out
 exit-address-family
 address-family ipv6 unicast
  neighbor RS prefix-list HERALD-fast out
  neighbor RS route-map OUT6 out
 exit-address-family
exit
"""
PATIENCE = 40


def router(region, fast=True, **more):
    own = region._herald_config([], {})["router"]
    own["vtysh"]["transport"] = "socket"
    return {**own, "fast_withdraw": fast, **more}


def web(region, port=8080, vips=(VIP,), name="web", **more):
    return service(name, list(vips), http(port, **SELDOM), announce={"via": region.options.lever}, **more)


def start(region, services=None, fast=True, **more):
    daemon = region.herald(services=services or [web(region)], router=router(region, fast, **more))
    for one in services or [web(region)]:
        for vip in one["vips"]:
            region.wait_announced(vip, timeout=PATIENCE)
        daemon.wait_state(one["name"], "announced", timeout=PATIENCE)
    return daemon


def denials(region) -> set[str]:
    """What the list denies, by bgpd's own word."""
    lines = region.nva.vtysh("show running-config").splitlines()
    return {line.split()[6] for line in lines if " prefix-list HERALD-fast seq " in line and line.split()[5] == "deny"}


def deny(region, *prefixes: str) -> None:
    """As a herald that was killed leaves it."""
    words = [("ipv6" if ":" in prefix else "ip", prefix) for prefix in prefixes]
    lines = [f"{ip} prefix-list HERALD-fast seq {number} deny {prefix}" for number, (ip, prefix) in enumerate(words, 1)]
    region.nva.vtysh("configure terminal", *lines)


def wait_lifted(region) -> None:
    wait_until(lambda: not denials(region), "nothing is denied any more", PATIENCE)


def seen_of(region, since, prefix: str) -> dict[str, list[str]]:
    """What each Route Server was told of the prefix: "AW"; each UPDATE counts, also one that tells nothing new."""
    told = {}
    for name, updates in region.updates_since(since).items():
        told[name] = [kind for one in updates for kind, what in (("W", one.withdrawn), ("A", one.announced)) if prefix in what]
    return told


def fail_over(region, herald, fast_log: list[float]) -> None:
    """From the step to the later Route Server's word, in ms: what FRR takes for it."""
    served = region.http_service(8080)
    herald.wait_state("web", "announced", timeout=PATIENCE)
    region.wait_announced(VIP, timeout=PATIENCE)
    time.sleep(0.3)  # a read that knows of it
    mark = region.mark()
    served.kill()
    gone = max(region.wait_withdrawn(VIP, since=mark, timeout=PATIENCE).values())
    herald.wait_state("web", "withdrawn", timeout=PATIENCE)
    why = json.loads(herald.ctl("why", "web", "--json").stdout)
    decided = [one["at"] for one in why["service"]["transitions"] if one["to"] == "withdrawing"][-1]
    fast_log.append((gone - _epoch(decided)) * 1000)


def _epoch(text: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


@pytest.mark.nva("frr", extra=FAST)
def test_it_is_faster_than_the_lever_alone_loopback(region, record_property):
    _faster(region, record_property)


@pytest.mark.nva("frr", extra=FAST, lever="vtysh")
def test_it_is_faster_than_the_lever_alone_vtysh(region, record_property):
    _faster(region, record_property)


def _faster(region, record_property) -> None:
    medians = {}
    for fast in (False, True):
        herald = region.herald(services=[web(region)], router=router(region, fast))
        times: list[float] = []
        for _ in range(5):
            fail_over(region, herald, times)
        assert herald.stop() == 0
        medians[fast] = statistics.median(times)
        print(f"{region.options.lever}, fast_withdraw {fast}: {min(times):.1f} / {medians[fast]:.1f} / {max(times):.1f} ms")
        log = herald.log_text()
        assert log.count(f"deny {VIP} to the peers") == log.count(f"lift the denial of {VIP}") == (5 if fast else 0), log
    print(f"{region.options.lever}: {medians[False] / medians[True]:.1f} times as fast")
    record_property("medians", medians)
    assert medians[True] < medians[False], medians
    wait_lifted(region)


@pytest.mark.nva("frr", extra=FAST)
def test_the_other_routes_stay_and_the_way_back_costs_nothing(region):
    """Each change of the list has bgpd send the others once more, unchanged: twice a withdrawal, and never on the way up."""
    others = [f"10.99.0.{number}/32" for number in range(101, 121)]
    for prefix in others:
        region.add_vip(prefix)
    served = region.http_service(8080)
    herald = start(region)
    for prefix in others:
        region.wait_announced(prefix)
    time.sleep(0.3)
    mark = region.mark()
    served.kill()
    region.wait_withdrawn(VIP, since=mark, timeout=PATIENCE)
    herald.wait_state("web", "withdrawn", timeout=PATIENCE)
    wait_lifted(region)
    time.sleep(0.5)
    for prefix in others:
        assert set(map(tuple, seen_of(region, mark, prefix).values())) == {("A", "A")}, prefix
        assert {(e.as_path, e.med, e.communities, e.next_hop) for e in region.rs1.events(prefix=prefix)[-3:]} == {
            (e.as_path, e.med, e.communities, e.next_hop) for e in region.rs1.events(prefix=prefix)[-1:]
        }
    back = region.mark()
    region.http_service(8080)
    region.wait_announced(VIP, since=back, timeout=PATIENCE)
    herald.wait_state("web", "announced", timeout=PATIENCE)
    time.sleep(0.5)
    for prefix in others:
        assert set(map(tuple, seen_of(region, back, prefix).values())) == {()}, prefix
    assert set(map(tuple, seen_of(region, mark, VIP).values())) == {("W", "A")}
    assert {name: kinds for name, kinds in told_of(herald).items()} == {"deny": 1, "lift": 1}


def told_of(herald) -> dict[str, int]:
    text = herald.ctl("metrics").stdout
    done = {}
    for kind in ("deny", "lift"):
        line = next(one for one in text.splitlines() if one.startswith(f'herald_router_commands_total{{kind="{kind}",result="done"}}'))
        done[kind] = int(line.split()[-1])
    return done


@pytest.mark.nva("frr", extra=FAST)
def test_two_services_at_once_and_both_families(region):
    first, second = region.http_service(8080), region.http_service(8081)
    services = [web(region, vips=(VIP, VIP6)), web(region, 8081, (OTHER,), "mail")]
    herald = start(region, services)
    time.sleep(0.3)
    mark = region.mark()
    first.kill()
    second.kill()
    for prefix in (VIP, VIP6, OTHER):
        region.wait_withdrawn(prefix, since=mark, timeout=PATIENCE)
    for name in ("web", "mail"):
        herald.wait_state(name, "withdrawn", timeout=PATIENCE)
    wait_lifted(region)
    for prefix in (VIP, VIP6, OTHER):
        assert f"deny {prefix} to the peers" in herald.log_text()
        assert seen_of(region, mark, prefix)["rs1"][-1] == "W"
    region.http_service(8080)
    region.http_service(8081)
    for prefix in (VIP, VIP6, OTHER):
        region.wait_announced(prefix, since=mark, timeout=PATIENCE)


@pytest.mark.nva("frr", extra=FAST)
def test_one_peer_takes_part_and_the_other_hears_of_it_later(region):
    """By the order of events: the deny at the one, the address's end at the other."""
    region.nva.vtysh(
        "configure terminal", "router bgp 65001", "address-family ipv4 unicast",
        f"neighbor {region.plan.nva.peers[1]} prefix-list ANYCAST out",
    )
    served = region.http_service(8080)
    herald = start(region)
    taking = {(one["peer"], one["family"]): one for one in herald.status()["router"]["fast_withdraw"]["peers"]}
    assert taking[region.plan.nva.peers[0], "ipv4"]["takes_part"] is True
    other = taking[region.plan.nva.peers[1], "ipv4"]
    assert (other["takes_part"], other["why_not"]) == (False, "its outbound filter is prefix-list ANYCAST")
    time.sleep(0.3)
    mark = region.mark()
    served.kill()
    gone = region.wait_withdrawn(VIP, since=mark, timeout=PATIENCE)
    assert gone["rs1"] < gone["rs2"], gone
    wait_lifted(region)
    assert "prefix-list ANYCAST out" in region.nva.vtysh("show running-config | include neighbor.*prefix-list ANYCAST out")


@pytest.mark.nva("frr")
def test_the_place_is_the_operators(region):
    """His lists are there: nothing is touched, the lever does it alone, and doctor says what to type."""
    before = region.nva.vtysh("show running-config | include prefix-list")
    served = region.http_service(8080)
    herald = start(region)
    mark = region.mark()
    served.kill()
    region.wait_withdrawn(VIP, since=mark, timeout=PATIENCE)
    herald.wait_state("web", "withdrawn", timeout=PATIENCE)
    assert region.nva.vtysh("show running-config | include prefix-list") == before
    assert "deny" not in herald.log_text()
    found = json.loads(herald.ctl("doctor", "--json", "-c", str(herald.config_file), "--services-dir", str(herald.services_dir)).stdout)
    told = [one for one in found if one["check"] == "fast-withdraw"]
    assert told and "(prefix-list ANYCAST)" in told[0]["what"] and "prefix-list HERALD-fast out" in told[0]["fix"], found


@pytest.mark.nva("frr", extra=FAST, lever="vtysh")
@pytest.mark.parametrize("alive", [True, False])
def test_what_a_dead_herald_denies_is_found_at_the_start(region, alive):
    served = region.http_service(8080)
    herald = start(region)
    mark = region.mark()
    herald.kill()
    deny(region, VIP, "10.99.0.77/32", VIP6)
    region.wait_withdrawn(VIP, since=mark)
    if not alive:
        served.kill()
    back = region.mark()
    herald = region.herald(services=[web(region)], router=router(region))
    wait_lifted(region)
    if alive:
        region.wait_announced(VIP, since=back, timeout=PATIENCE)
        herald.wait_state("web", "announced", timeout=PATIENCE)
    else:
        herald.wait_state("web", "withdrawn", timeout=PATIENCE)
        time.sleep(0.5)
        assert set(map(tuple, seen_of(region, back, VIP).values())) == {()}
    assert "leftover of a service that is not configured: lift the denial of 10.99.0.77/32" in herald.log_text()


@pytest.mark.nva("frr", extra=FAST)
def test_killed_between_the_denial_and_its_end(region):
    """heraldd is killed as soon as the entry is there; `heraldd --withdraw` or the next heraldd finds it."""
    served = region.http_service(8080)
    herald = start(region)
    for _ in range(10):
        time.sleep(0.3)
        mark = region.mark()
        served.kill()
        wait_until(lambda: "deny" in herald.log_text(), "denied", PATIENCE, poll=0.001)
        herald.kill()
        if denials(region):
            break
        served = region.http_service(8080)  # it was quicker
        herald = start(region)
    else:
        pytest.fail("it was never killed in time")
    region.wait_withdrawn(VIP, since=mark)
    done = herald.withdraw()
    assert done.returncode == 0, done
    assert denials(region) == set()
    assert seen_of(region, mark, VIP)["rs1"] == ["W"]


@pytest.mark.nva("frr", extra=FAST)
def test_what_stays_in_the_table_stays_denied_until_it_is_wanted(region):
    """zebra was restarted alone, so bgpd hears of no address any more: the VIP is denied at once, and for as long as that is so. A
    reload that switches the key off changes nothing of it. Wanted again, it is announced at once, though nothing but the list has changed."""
    served = region.http_service(8080)
    herald = start(region)
    region.nva.zebra.kill()
    region.nva.zebra.start()
    time.sleep(0.3)
    mark = region.mark()
    served.kill()
    region.wait_withdrawn(VIP, since=mark, timeout=PATIENCE)
    problem = herald.wait_problem("web", "denied to the peers since it was withdrawn (router.fast_withdraw)", timeout=PATIENCE)
    assert "was zebra restarted alone" in problem or "still in frr's BGP table" in problem, problem
    assert herald.service("web")["state"] == "withdrawn"
    assert denials(region) == {VIP}
    assert herald.service("web")["vips"][0]["denied_fast"] is True
    assert "denied for the moment (router.fast_withdraw)" in herald.ctl("why", "web").stdout
    plan = herald.ctl("plan").stdout
    assert f"no ip prefix-list HERALD-fast seq 1 deny {VIP}" in plan, plan
    herald.configure(router=router(region, fast=False))
    assert herald.ctl("reload").returncode == 0
    time.sleep(3)
    assert denials(region) == {VIP}
    back = region.mark()
    region.http_service(8080)
    region.wait_announced(VIP, since=back, timeout=PATIENCE)
    herald.wait_state("web", "announced", timeout=PATIENCE)
    assert denials(region) == set()
    assert seen_of(region, mark, VIP)["rs2"] == ["W", "A"]


@pytest.mark.nva("frr", extra=FAST)
def test_a_reload_that_switches_it_off_leaves_the_rest_to_the_lever(region):
    served = region.http_service(8080)
    herald = start(region)
    herald.configure(router=router(region, fast=False))
    assert herald.ctl("reload").returncode == 0
    assert herald.status()["router"]["fast_withdraw"]["on"] is False
    mark = region.mark()
    served.kill()
    region.wait_withdrawn(VIP, since=mark, timeout=PATIENCE)
    herald.wait_state("web", "withdrawn", timeout=PATIENCE)
    assert "deny" not in herald.log_text()


@pytest.mark.nva("frr", extra=FAST, lever="vtysh")
def test_saved_while_it_stood_and_restarted(region):
    """`write memory` in the wrong moment: FRR comes back with the entry, herald lifts it, and doctor names the line."""
    region.http_service(8080)
    herald = start(region)
    conf = region.nva.config_dir / "bgpd.conf"
    own = conf.read_text()
    try:
        deny(region, VIP)
        region.nva.vtysh("write memory")
        assert f"deny {VIP}" in conf.read_text()
        wait_lifted(region)
        region.wait_announced(VIP, timeout=PATIENCE)
        region.nva.bgpd.kill()
        herald.wait_problem("web", "frr does not answer", timeout=PATIENCE)
        mark = region.mark()
        region.nva.restart()
        region.wait_announced(VIP, since=mark, timeout=PATIENCE)
        wait_lifted(region)
        herald.wait_state("web", "announced", timeout=PATIENCE)
        assert denials(region) == set()
    finally:
        conf.write_text(own)


@pytest.mark.nva("frr", extra=FAST)
def test_bgpd_killed_while_it_is_denied(region):
    """What it denied goes with it; heraldd waits for nothing, and goes on as before."""
    served = region.http_service(8080)
    herald = start(region)
    region.nva.zebra.kill()  # so that it stays
    region.nva.zebra.start()
    time.sleep(0.3)
    mark = region.mark()
    served.kill()
    region.wait_withdrawn(VIP, since=mark, timeout=PATIENCE)
    herald.wait_problem("web", "router.fast_withdraw", timeout=PATIENCE)
    region.nva.bgpd.kill()
    region.nva.restart()
    region.wait_established(PATIENCE)
    herald.wait_status("web", "problem", "", timeout=PATIENCE)
    assert denials(region) == set() and not region.announced(VIP)
    back = region.mark()
    region.http_service(8080)
    region.wait_announced(VIP, since=back, timeout=PATIENCE)


@pytest.mark.nva("frr", extra=FAST)
def test_an_operators_clear_changes_nothing(region):
    served = region.http_service(8080)
    herald = start(region)
    region.nva.vtysh("clear bgp * soft out")
    time.sleep(1)
    mark = region.mark()
    served.kill()
    region.wait_withdrawn(VIP, since=mark, timeout=PATIENCE)
    region.nva.vtysh("clear bgp * soft out")
    herald.wait_state("web", "withdrawn", timeout=PATIENCE)
    wait_lifted(region)
    time.sleep(1.5)
    assert "A" not in seen_of(region, mark, VIP)["rs1"], seen_of(region, mark, VIP)


@pytest.mark.nva("frr", extra=FAST)
def test_a_list_that_permits_nothing_else_is_left_alone(region):
    """Without its last entry bgpd denies everything by it: herald adds nothing, the lever does it, and doctor calls it an error."""
    served = region.http_service(8080)
    herald = start(region)
    region.nva.vtysh("configure terminal", "no ip prefix-list HERALD-fast")
    herald.wait_problem("web", "not advertised to", timeout=PATIENCE)
    taking = [one for one in herald.status()["router"]["fast_withdraw"]["peers"] if one["family"] == "ipv4"]
    assert {one["why_not"] for one in taking} == {"ip prefix-list HERALD-fast has no entry `seq 4294967295 permit any`"}
    region.nva.vtysh("configure terminal", "ip prefix-list HERALD-fast seq 5 permit any")
    mark = region.mark()
    served.kill()
    herald.wait_state("web", "withdrawn", timeout=PATIENCE)
    region.wait_withdrawn(VIP, since=mark, timeout=PATIENCE)
    assert "deny" not in herald.log_text()


@pytest.mark.nva("frr", extra=FAST)
def test_over_a_limit_the_lever_does_it_alone(region):
    region.add_vip(OTHER)
    served = region.http_service(8080)
    herald = start(region, fast_withdraw_max_routes=1)
    region.wait_announced(OTHER)
    reads = lambda: int(herald.ctl("metrics").stdout.split('herald_router_commands_total{kind="read",result="done"} ')[1].split()[0])  # noqa: E731
    before = reads()
    wait_until(lambda: reads() > before + 1, "a read that knows of both", PATIENCE)
    mark = region.mark()
    served.kill()
    region.wait_withdrawn(VIP, since=mark, timeout=PATIENCE)
    herald.wait_state("web", "withdrawn", timeout=PATIENCE)
    assert "deny" not in herald.log_text()
    assert f"{VIP} goes without router.fast_withdraw" in herald.log_text()
    assert seen_of(region, mark, OTHER)["rs1"] == []


@pytest.mark.nva("frr", extra=FAST)
def test_a_stop_leaves_nothing(region):
    served = region.http_service(8080)
    herald = start(region)
    time.sleep(0.3)
    mark = region.mark()
    served.kill()
    region.wait_withdrawn(VIP, since=mark, timeout=PATIENCE)
    assert herald.stop() == 0  # while it is denied, mostly
    assert denials(region) == set()
    region.http_service(8080)
    herald = start(region)
    assert herald.stop() == 0
    assert denials(region) == set()
    assert "deny" not in herald.log_text()
