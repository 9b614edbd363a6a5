"""A target whose name is a VIP: while the VIP is not on this machine, whoever answers there is another site."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from herald import service
from region import Region
from servers import HttpService, fetch
from waiting import wait_until

VIP = "10.99.0.1/32"
ADDRESS = "10.99.0.1"
NAME = "www.herald.test"
PORT = 8080
MANY = 20


@contextmanager
def another_site(region: Region) -> Iterator[None]:
    """The router behind the NVA has the VIP, too, with a healthy service; and the name is that address for whoever runs in the NVA."""
    hosts = Path("/etc/netns") / region.nva_ns.name  # `ip netns exec` puts it in the place of /etc
    hosts.mkdir(parents=True)
    (hosts / "hosts").write_text(f"127.0.0.1 localhost\n{ADDRESS} {NAME}\n")
    region.rt_ns.ip(f"addr add {VIP} dev lo")
    other = HttpService(region.lab, region.rt_ns, region._label("other"), PORT)
    other.start()
    try:
        wait_until(lambda: answers(region), "the other site answers", 10)
        yield
    finally:
        other.stop()
        region.rt_ns.ip(f"addr del {VIP} dev lo")
        shutil.rmtree(hosts)


def answers(region: Region) -> bool:
    try:
        return fetch(region.nva_ns, ADDRESS, PORT)[0] == 200
    except OSError:
        return False


def failures(herald) -> int:
    return herald.service("web")["probes"][0]["failures"]


@pytest.mark.nva("frr", "bird")
def test_a_dead_service_is_not_judged_by_another_site_at_its_own_vip(region):
    probe = {"name": "front", "type": "http", "url": f"http://{NAME}:{PORT}/healthz", "interval": "500ms", "fast_interval": "100ms",
             "rise": 2, "fall": 2}
    with another_site(region):
        mark = region.mark()
        herald = region.herald(services=[service("web", VIP, probe)])
        shown = herald.wait_health("web", "unhealthy")
        told = f"{NAME} is {ADDRESS}, a VIP of herald's, and not on this machine now"
        assert told in shown["probes"][0]["detail"] and "127.0.0.1" in shown["probes"][0]["detail"]
        assert told in herald.ctl("why", "web").stdout
        assert region.events(mark, VIP) == {"rs1": [], "rs2": []}  # the other site has passed nothing

        # While the VIP is here it is what answers here.
        region.http_service(port=PORT)
        assert herald.ctl("force", "web").returncode == 0
        region.wait_announced(VIP, since=mark)
        herald.wait_health("web", "healthy")
        assert herald.ctl("unforce", "web").returncode == 0
        herald.wait_state("web", "announced")

        mark = region.mark()
        region._services[-1].kill()
        region.wait_withdrawn(VIP, since=mark)
        herald.wait_state("web", "withdrawn")
        assert answers(region)  # by the other site
        wait_until(lambda: failures(herald) >= MANY, f"{MANY} attempts that failed", 60)
        kinds = {name: [event.kind for event in events] for name, events in region.events(mark, VIP).items()}
        assert kinds == {"rs1": ["withdraw"], "rs2": ["withdraw"]}
        assert told in herald.ctl("why", "web").stdout
        done = herald.ctl("doctor", "-c", str(herald.config_file), "--services-dir", str(herald.services_dir), "--json", timeout=60)
        assert "probe-target" in {finding["check"] for finding in json.loads(done.stdout) if finding["severity"] == "error"}
