"""The examples that are shipped, each beside the real daemons that it names: announced at both Route Servers while the application
lives, and withdrawn once it has died. Only paths of this machine are replaced."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from herald import REPO, Herald, _program
from namespaces import link
from region import Region
from servers import HttpService, fetch

EXAMPLES = REPO / "packaging" / "examples"
VIP = "10.99.0.1/32"
FRR = pytest.mark.nva("frr", config="packaging/examples/frr/frr.conf")


def read(file: Path) -> dict[str, Any]:
    return json.loads(re.sub(r"^\s*//.*$", "", file.read_text(), flags=re.M))


def start(region: Region, name: str) -> Herald:
    """heraldd with the example's configuration, which has to be good as it is too."""
    config = read(EXAMPLES / name / "herald.json")
    router = region.nva.herald_router()
    if region.stack == "bird":
        router["bird"]["include"] = str(region.nva.include)
    config["router"] = {**config["router"], **router}
    herald = region.herald(config.pop("services", []), start=False, **config)
    for file in sorted((EXAMPLES / name).glob("services.d/*.json")):
        shutil.copy(file, herald.services_dir)
    for file in (herald.config_file, EXAMPLES / name / "herald.json"):
        options = ("-c", str(file), "--services-dir", str(herald.services_dir), "--templates", str(REPO / "frr-templates"))
        checked = region.nva_ns.run(_program("heraldd"), *options, "--check", check=False)
        assert checked.returncode == 0, checked.stderr
    herald.start()
    return herald


def lives_and_dies(region: Region, herald: Herald, service: str, vips: list[str], kill: Any) -> None:
    for vip in vips:
        region.wait_announced(vip, timeout=20)
    herald.wait_state(service, "announced")
    mark = region.mark()
    kill()
    for vip in vips:
        region.wait_withdrawn(vip, since=mark)
    herald.wait_state(service, "withdrawn")


@FRR
def test_frr(region):
    web = region.http_service(8080)
    lives_and_dies(region, start(region, "frr"), "web", [VIP], web.kill)


@FRR
def test_ipv6(region):
    web = region.http_service(8080)
    lives_and_dies(region, start(region, "ipv6"), "web", ["fd00:99::1/128", VIP], web.kill)


@FRR
def test_several_services(region):
    blue, green = region.http_service(8080), region.http_service(8081)
    region.tcp_service(2525, mode="banner", text="220 ready\r\n")
    herald = start(region, "several-services")
    region.wait_announced("10.99.0.25/32")
    blue.kill()
    lives_and_dies(region, herald, "web", [VIP, "10.99.0.2/32"], green.kill)
    assert region.announced("10.99.0.25/32") == {"rs1", "rs2"}


@FRR
def test_haproxy(region):
    app = region.http_service(8080)
    proxy = region.haproxy(8404, EXAMPLES / "haproxy" / "haproxy.cfg")
    herald = start(region, "haproxy")
    region.wait_announced(VIP)
    assert fetch(region.rt_ns, "10.99.0.1", 80)[0] == 200
    lives_and_dies(region, herald, "shop", [VIP], app.kill)  # HAProxy says so
    app.start()
    lives_and_dies(region, herald, "shop", [VIP], proxy.kill)


@FRR
def test_unbound(region):
    unbound = region.unbound(53, EXAMPLES / "unbound" / "unbound.conf")
    lives_and_dies(region, start(region, "unbound"), "resolver", ["10.99.0.53/32"], unbound.kill)


@pytest.fixture
def backend(region: Region) -> Iterator[HttpService]:
    """A machine behind the NVA, which forwards to it."""
    there = region.lab.namespace("backend")
    link(region.nva_ns, "backend", ["10.1.2.1/24"], there, "eth0", ["10.1.2.10/24"])
    region.nva_ns.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
    service = HttpService(region.lab, there, "backend", 8080)
    service.start()
    yield service
    service.kill()
    region.nva_ns.run("ip", "route", "flush", "type", "unreachable")
    region.nva_ns.run("nft", "flush", "ruleset")
    region.nva_ns.run("sysctl", "-qw", "net.ipv4.ip_forward=0")
    there.delete()


@FRR
def test_nftables_dnat(region, backend):
    region.nva_ns.run("nft", "-f", str(EXAMPLES / "nftables-dnat" / "nftables.conf"))
    # As its README advises; it may not keep the VIP from being announced.
    region.nva_ns.ip("route add unreachable 10.99.0.0/24 metric 4294967295")
    herald = start(region, "nftables-dnat")
    region.wait_announced(VIP)
    assert fetch(region.rt_ns, "10.99.0.1", 80)[0] == 200
    assert len(backend.requests()) > 0
    lives_and_dies(region, herald, "app", [VIP], backend.kill)


@pytest.mark.nva("bird", lever="birdc", config="packaging/examples/bird/bird.conf")
def test_bird(region):
    web = region.http_service(8080)
    lives_and_dies(region, start(region, "bird"), "web", [VIP], web.kill)


@pytest.mark.nva("frr", lever="vtysh", config="packaging/examples/maintenance/frr.conf")
def test_maintenance(region):
    web = region.http_service(8080)
    herald = start(region, "maintenance")
    region.wait_announced(VIP)
    herald.wait_state("web", "announced")
    mark = region.mark()
    done = herald.ctl("drain", "web", "--reason", "kernel update", "--wait", timeout=30)
    assert done.returncode == 0, done.stderr
    for events in region.events(mark, VIP).values():
        assert [(event.kind, len(event.as_path)) for event in events] == [("announce", 4), ("withdraw", 0)]
    assert herald.ctl("undrain", "web").returncode == 0
    region.wait_announced(VIP, since=mark)
    lives_and_dies(region, herald, "web", [VIP], web.kill)
