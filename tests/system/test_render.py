"""What `heraldctl render` prints is what real routers accept, and what makes VIPs and nothing else arrive at a Route Server."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import pytest

from herald import REPO, Herald, http, service
from lab import Lab
from region import Region
from routers import FRR_LIB, NvaOptions
from waiting import wait_until

TEMPLATES = ("--templates", str(REPO / "frr-templates"))
ROUTER = {
    "bgp": {"as": 65001, "router_id": "10.1.0.4"},
    "route_server": {"preset": "azure", "as": 65515, "peers": ["10.1.1.4", "10.1.1.132"]},
}


def render(daemon: Herald, stack: str) -> subprocess.CompletedProcess[str]:
    return daemon.ctl("render", stack, "-c", str(daemon.config_file), "--services-dir", str(daemon.services_dir), *TEMPLATES)


def rendered(daemon: Herald, stack: str) -> str:
    done = render(daemon, stack)
    assert done.returncode == 0, done.stderr
    return done.stdout


def written(lab: Lab, text: str) -> str:
    file = lab.dir / "rendered.conf"  # where the user of FRR's daemons may read it
    file.write_text(text)
    return str(file)


def errors_of(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)
    return done.stdout + done.stderr if done.returncode != 0 or "on config line" in done.stdout + done.stderr else ""


def errors_in(lab: Lab, stack: str, text: str) -> str:
    file = written(lab, text)
    return errors_of("vtysh", "-C", "-f", file) if stack == "frr" else errors_of("bird", "-p", "-c", file)


def herald_of(lab: Lab, **config: Any) -> Herald:
    return Herald(lab, lab.namespace("nva"), "herald", config)


def several_services(via: str) -> list[dict[str, Any]]:
    """One that herald moves on an interface, in both families, and one that the router is told to announce."""
    steered = service("dns", "10.99.0.53/32", http(8080), announce={"via": via})
    return [service("web", ["10.99.0.1/32", "fd00:99::1/128"], http(8080)), steered]


@pytest.mark.parametrize("preset", ["azure", "aws", "gcp", "generic"])
@pytest.mark.parametrize(("stack", "via"), [("frr", "vtysh"), ("bird", "birdc")])
def test_routers_accept_every_preset(lab, stack, via, preset):
    router = {"stack": stack, **ROUTER, "route_server": {**ROUTER["route_server"], "preset": preset}}
    if stack == "bird":
        (lab.dir / "herald.conf").write_text("")
        router["bird"] = {"include": str(lab.dir / "herald.conf")}
    daemon = herald_of(lab, router=router, services=several_services(via))
    assert errors_in(lab, stack, rendered(daemon, stack)) == ""
    daemon.configure(services=[])
    assert errors_in(lab, stack, rendered(daemon, stack)) == ""
    # bgpd knows the sense of its own commands, and not those of zebra.
    if stack == "frr":
        own = "\n".join(line for line in rendered(daemon, stack).splitlines() if " nht " not in line)
        assert errors_of(str(FRR_LIB / "bgpd"), "-C", "-f", written(lab, own)) == ""


def test_what_they_do_not_accept_is_noticed(lab):
    assert "syntax error" in errors_in(lab, "bird", "router id 10.1.0.4;\ntemplate bgp rs { }\n")
    assert "nonsense" in errors_in(lab, "frr", "router bgp 1\n nonsense\n")
    assert "nonsense" in errors_of(str(FRR_LIB / "bgpd"), "-C", "-f", written(lab, "router bgp 1\n nonsense\n"))


def test_the_example_of_the_readme(lab):
    (example,) = re.findall(r"> /etc/herald/herald\.json <<'END'\n(.*?)^END$", (REPO / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    daemon = herald_of(lab, **json.loads(example))
    for stack in ("frr", "bird"):
        assert errors_in(lab, stack, rendered(daemon, stack)) == ""


def start_rendered(lab: Lab, stack: str, via: str, fast: bool = False) -> tuple[Region, Herald]:
    """A region whose router runs what render printed, and nothing else."""
    region = Region(lab, "a", stack, 1, NvaOptions(lever=via))
    daemon = region.herald(several_services(via), start=False)
    if fast:
        own = daemon.config["router"]
        daemon.configure(router={**own, "vtysh": {**own["vtysh"], "transport": "socket"}, "fast_withdraw": True})
    for rs in region.route_servers.values():
        rs.start()
    region.nva.start_with(rendered(daemon, stack))
    wait_until(lambda: all(rs.settled() for rs in region.route_servers.values()), "sessions with both", 40, evidence=region.evidence)
    return region, daemon


def announce_by_hand(region: Region, vip: str) -> None:
    """What herald's lever does, here by hand: the configuration alone is on trial."""
    if region.stack == "frr":
        region.nva.vtysh("configure terminal", "route-map HERALD-dns permit 10", "set metric 200", "exit", "router bgp", "address-family ipv4 unicast",
                         f"network {vip} route-map HERALD-dns")
    else:
        region.nva.include.write_text(f"protocol static herald_10_99_0_53 {{ ipv4; route {vip} blackhole {{ bgp_med = 200; }}; }}\n")
        region.nva.bird.must("configure")


def accepted(region: Region) -> str:
    """What has come in from the Route Servers, which send the whole virtual network."""
    if region.stack == "frr":
        vnet = region.plan.vnet
        return "" if region.nva.vtysh_json(f"show bgp ipv4 unicast {vnet} json") == {} else vnet
    return "\n".join(line for line in region.nva.bird.must("show route where source = RTS_BGP").splitlines() if "/" in line)


@pytest.mark.parametrize(("stack", "via", "fast"), [("frr", "vtysh", False), ("bird", "birdc", False), ("frr", "vtysh", True)])
def test_vips_and_nothing_else_arrive(lab, stack, via, fast):
    region, daemon = start_rendered(lab, stack, via, fast)
    region.add_vip("10.99.0.1/32")
    region.add_vip("10.99.0.7/32")  # nobody's VIP: it may not leave
    region.add_vip("fd00:99::1/128")
    announce_by_hand(region, "10.99.0.53/32")
    for vip in ("10.99.0.1/32", "10.99.0.53/32", "fd00:99::1/128"):
        region.wait_announced(vip)
    assert region.announced("10.99.0.7/32") == set()
    assert all(re.search(r"(BGP\.med|bgp_med): 200", rs.bird.route("10.99.0.53/32", "nva")) for rs in region.route_servers.values())
    assert accepted(region) == ""
    region.del_vip("10.99.0.1/32")
    region.wait_withdrawn("10.99.0.1/32")
    if fast:
        region.nva.vtysh("configure terminal", "ip prefix-list HERALD-fast seq 1 deny 10.99.0.53/32")
        region.wait_withdrawn("10.99.0.53/32")
        region.nva.vtysh("configure terminal", "no ip prefix-list HERALD-fast seq 1 deny 10.99.0.53/32")
        region.wait_announced("10.99.0.53/32")
    # What render prints is what doctor finds nothing wrong with; the VIPs were put there by hand, which it sees.
    done = daemon.ctl("doctor", "-c", str(daemon.config_file), "--services-dir", str(daemon.services_dir), "--json")
    troubles = [finding for finding in json.loads(done.stdout) if finding["severity"] != "note" and finding["check"] not in ("ipv6", "foreign-address")]
    assert troubles == [] and done.returncode == 0, done.stdout


def test_frr_connects_by_itself(lab):
    """Behind a default route: without resolve-via-default FRR only waits to be connected to."""
    region = Region(lab, "a", "frr", 1, NvaOptions())
    daemon = region.herald([service("web", "10.99.0.1/32", http(8080))], start=False)
    for rs in region.route_servers.values():
        rs.bird.conf.write_text(rs.bird.conf.read_text().replace("multihop 2;", "multihop 2; passive;"))
        rs.start()
    region.nva.start_with(rendered(daemon, "frr"))
    wait_until(lambda: all(rs.established() for rs in region.route_servers.values()), "sessions with passive peers", 40, evidence=region.evidence)


def test_what_is_missing_is_said(lab):
    daemon = herald_of(lab, router={"stack": "frr"}, services=[service("web", "10.99.0.1/32", http(8080))])
    done = render(daemon, "frr")
    assert done.returncode == 2 and done.stdout == ""
    for key in ("router.bgp.as", "router.bgp.router_id", "router.route_server.as", "router.route_server.peers"):
        assert f"\n{key} is missing: " in done.stderr
    daemon.configure(router={"stack": "frr", "bgp": {"as": 0, "asn": 1}})
    done = render(daemon, "frr")
    assert done.returncode == 2 and "2 errors in the configuration" in done.stderr and 'did you mean "as"?' in done.stderr


def test_the_operators_template_wins(lab):
    daemon = herald_of(lab, router={"stack": "frr", **ROUTER}, services=[service("web", "10.99.0.1/32", http(8080))])
    own = lab.dir / "own"
    own.mkdir()
    text = (REPO / "frr-templates" / "route-server.conf").read_text()
    (own / "route-server.conf").write_text(text.replace("neighbor RS peer-group\n", "neighbor RS peer-group\n neighbor RS description {{preset}}\n"))

    def with_own() -> subprocess.CompletedProcess[str]:
        files = ("-c", str(daemon.config_file), "--services-dir", str(daemon.services_dir))
        return daemon.ctl("render", "frr", *files, "--templates", str(own), *TEMPLATES)

    assert "\n neighbor RS description azure\n" in with_own().stdout
    (own / "route-server.conf").write_text(text.replace("{{router_id}}", "{{routerid}}"))
    done = with_own()
    line = text.splitlines().index(" bgp router-id {{router_id}}") + 1
    assert done.returncode == 2 and done.stdout == ""
    assert f"{own}/route-server.conf:{line}: unknown placeholder {{{{routerid}}}}; did you mean {{{{router_id}}}}?" in done.stderr
