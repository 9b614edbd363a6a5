"""The vtysh lever: herald writes `network` lines into bgpd, each with a route-map of its own, and the VIP stays on lo."""

from __future__ import annotations

import json
import subprocess
import time

import pytest

from herald import http
from lever_tests import *  # noqa: F403  # what both levers have to show
from lever_tests import GRADES, VIP, routed, start_announced, wait_attributes
from waiting import wait_until

pytestmark = pytest.mark.nva("frr", lever="vtysh")


def test_no_network_typed_by_an_operator_is_put_back(region):
    _, herald = start_announced(region)
    mark = region.mark()
    region.nva.vtysh("configure terminal", f"router bgp {region.plan.nva.asn}", "address-family ipv4 unicast", f"no network {VIP}")
    region.wait_withdrawn(VIP, since=mark)
    region.wait_announced(VIP, since=mark, timeout=15)
    herald.wait_state("web", "announced")


def test_what_frr_reload_drops_is_put_back(region):
    saved = region.nva.vtysh("show running-config")
    _, herald = start_announced(region)
    mark = region.mark()
    region.nva.reload(saved)
    region.wait_withdrawn(VIP, since=mark)
    region.wait_announced(VIP, since=mark, timeout=15)
    herald.wait_state("web", "announced")
    assert f"web: announced -> announcing: {VIP} is not in frr's configuration" in herald.log_text()


def test_bgpd_killed_and_restarted_gets_its_lines_again(region):
    _, herald = start_announced(region)
    region.nva.bgpd.kill()
    herald.wait_problem("web", "frr does not answer")
    assert region.vips() == {VIP}
    mark = region.mark()
    region.nva.restart()
    region.wait_announced(VIP, since=mark, timeout=25)
    herald.wait_state("web", "announced", timeout=20)


def test_zebra_alone_restarted_does_not_matter(region):
    web, herald = start_announced(region)
    region.nva.zebra.kill()
    region.nva.zebra.start()
    mark = region.mark()
    web.kill()
    region.wait_withdrawn(VIP, since=mark)
    herald.wait_state("web", "withdrawn")


def test_bgpd_stopped_while_a_service_dies(region):
    """The lever waits with its last wish; probes and status go on; nothing is taken down; then it converges."""
    web, herald = start_announced(region)
    mark = region.mark()
    region.nva.bgpd.sigstop()
    web.kill()
    herald.wait_health("web", "unhealthy")
    before = time.monotonic()
    herald.status()
    assert time.monotonic() - before < 1
    time.sleep(5)
    assert region.vips() == {VIP}
    region.nva.bgpd.sigcont()
    region.wait_withdrawn(VIP, since=mark, timeout=15)
    herald.wait_state("web", "withdrawn")


def test_lines_that_are_not_heralds_are_left_alone(region):
    region.nva.vtysh("configure terminal", f"router bgp {region.plan.nva.asn}", "address-family ipv4 unicast", "network 10.99.0.77/32")
    try:
        web, herald = start_announced(region)
        web.kill()
        herald.wait_state("web", "withdrawn")
        assert herald.stop() == 0
        assert "network 10.99.0.77/32" in region.nva.vtysh("show running-config")
    finally:
        region.nva.vtysh("configure terminal", f"router bgp {region.plan.nva.asn}", "address-family ipv4 unicast", "no network 10.99.0.77/32")


def test_vtysh_missing_hanging_and_printing_junk(region, tmp_path):
    region.http_service(port=8080)
    vtysh = tmp_path / "vtysh"
    vtysh.write_text("#!/bin/sh\nsleep 60\n")
    vtysh.chmod(0o755)
    router = {**region.nva.herald_router(), "bgp": {"as": region.plan.nva.asn}}
    router["vtysh"] = {**router["vtysh"], "path": str(vtysh), "timeout": "500ms"}
    herald = region.herald(services=[routed(region, "web", VIP, http(8080))], router=router)
    herald.wait_health("web", "healthy")
    wait_until(lambda: "no answer within" in herald.status()["router"]["error"], "the hang is told", 10)
    vtysh.write_text("#!/bin/sh\necho '% what is this'\n")
    wait_until(lambda: "what is this" in herald.status()["router"]["error"], "the junk is told", 15)
    mark = region.mark()
    vtysh.write_text(f"#!/bin/sh\nexec {region.nva.herald_router()['vtysh']['path']} \"$@\"\n")
    region.wait_announced(VIP, since=mark, timeout=20)
    herald.wait_state("web", "announced")


def test_the_socket_transport(region):
    web = region.http_service(port=8080)
    router = {**region.nva.herald_router(), "bgp": {"as": region.plan.nva.asn}}
    router["vtysh"] = {**router["vtysh"], "transport": "socket"}
    mark = region.mark()
    herald = region.herald(services=[routed(region, "web", VIP, http(8080), attributes=GRADES)], router=router)
    region.wait_announced(VIP, since=mark)
    herald.wait_state("web", "announced")
    mark = region.mark()
    web.kill()
    region.wait_withdrawn(VIP, since=mark)
    herald.wait_state("web", "withdrawn")


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (("route-map {map} permit 10", "set metric 999"), "somebody changed the route-map {map}: it has `set metric 999`, lacks `set metric 10`"),
        (("route-map {map} deny 10",), "somebody changed the route-map {map}: it has `deny 10`, lacks `permit 10`"),
        (("no route-map {map}",), "somebody deleted the route-map {map}"),
    ],
    ids=["metric", "deny", "deleted"],
)
def test_a_route_map_of_heralds_that_somebody_edits_is_told_and_mended(region, edit, told):
    _, herald = start_announced(region, attributes=GRADES)
    name = herald.service("web")["vips"][0]["policy"]
    before = region.nva.vtysh(f"show route-map {name}").split("Invoked")[0]
    region.nva.vtysh("configure terminal", *(line.format(map=name) for line in edit))
    wait_until(lambda: told.format(map=name) in herald.log_text(), "the edit is told", 20, evidence=region.evidence)
    herald.wait_state("web", "announced")
    wait_attributes(region, VIP, [region.plan.nva.asn], 10, set())
    time.sleep(6)  # bgpd acts on the last edit after 5 s
    wait_attributes(region, VIP, [region.plan.nva.asn], 10, set())
    herald.wait_state("web", "announced")
    assert region.nva.vtysh(f"show route-map {name}").split("Invoked")[0] == before
    assert herald.ctl("plan").returncode == 0
    assert herald.log_text().count("somebody") == 1


def test_edited_maps_are_mended_after_a_restart_and_sound_ones_are_left(region):
    timer = ("configure terminal", "bgp route-map delay-timer 0")  # else bgpd announces once more, 5 s after the definition
    region.nva.vtysh(*timer)
    web, herald = start_announced(region, attributes={**GRADES, "healthy": {"med": 10, "prepend": 1, "communities": ["graceful-shutdown", "65001:1:2", "65001:7"]}})
    asn = region.plan.nva.asn
    wanted = ([asn, asn], 10, {"65535:0", "65001:7", "65001:1:2"})
    wait_attributes(region, VIP, *wanted)
    mark = region.mark()
    herald.kill()
    herald.start()
    herald.wait_state("web", "announced")
    time.sleep(1)
    region.assert_silent(mark)
    assert "somebody" not in herald.log_text()
    name = herald.service("web")["vips"][0]["policy"]
    herald.kill()
    region.nva.vtysh("configure terminal", "no bgp route-map delay-timer", f"route-map {name} permit 10", "set metric 999")
    wait_until(lambda: region.rs1.witness.announced()[VIP].med == 999, "bgpd has acted on the edit", 20, evidence=region.evidence)
    herald.start()
    wait_attributes(region, VIP, *wanted)


def test_lines_that_somebody_saved_are_withdrawn_at_once_when_frr_starts_and_told(region):
    """`write memory` while announced; then the service dies, and bgpd starts from its file."""
    web, herald = start_announced(region)
    region.nva.vtysh("write memory")
    saved = region.nva.config_dir / "bgpd.conf"
    assert f"network {VIP} route-map HERALD-" in saved.read_text()
    mark = region.mark()
    web.kill()
    region.wait_withdrawn(VIP, since=mark)
    herald.wait_state("web", "withdrawn")
    mark = region.mark()
    region.nva.bgpd.kill()
    region.nva.restart()
    wait_until(lambda: "came back with" in herald.log_text(), "what was saved is told", 20, evidence=region.evidence)
    wait_until(lambda: VIP not in region.nva.vtysh("show running-config"), "it is taken away again", 5, evidence=region.evidence)
    region.nva.wait_established(timeout=30)
    herald.wait_state("web", "withdrawn")
    assert region.announced(VIP) == set()
    for events in region.events(mark, VIP).values():
        announced = [event.time for event in events if event.kind == "announce"]
        withdrawn = [event.time for event in events if event.kind == "withdraw"]
        assert not announced or withdrawn[-1] - announced[0] < 2, events

    def saved_findings():
        done = herald.ctl("doctor", "-c", str(herald.config_file), "--services-dir", str(herald.services_dir), "--json", timeout=60)
        return [each for each in json.loads(done.stdout) if each["check"] == "saved"]

    (finding,) = saved_findings()
    assert finding["severity"] == "error" and f"route-map HERALD-/d' {saved}" in finding["fix"], finding
    subprocess.run(finding["fix"].split("; ")[0], shell=True, check=True)
    assert f"network {VIP}" not in saved.read_text()
    assert saved_findings() == []
