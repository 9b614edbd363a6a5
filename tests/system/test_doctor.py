"""`heraldctl doctor` finds nothing wrong with a sound router, and each trouble that an operator can make."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from bird import quoted
from herald import Herald, http, service
from region import Region
from waiting import wait_until

VIP = "10.99.0.1/32"


def loopback(vip: str = VIP) -> dict[str, Any]:
    return service("web", vip, http(8080))


def steered(via: str, vip: str = VIP, **announce: Any) -> dict[str, Any]:
    return service("web", vip, http(8080), announce={"via": via, **announce})


def doctor(daemon: Herald, *options: str) -> tuple[int, list[dict[str, str]]]:
    done = daemon.ctl("doctor", "-c", str(daemon.config_file), "--services-dir", str(daemon.services_dir), "--json", *options, timeout=60)
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, json.loads(done.stdout)


def found(daemon: Herald, severity: str) -> dict[str, str]:
    """Check to what was found."""
    code, findings = doctor(daemon)
    assert (code == 1) == any(finding["severity"] == "error" for finding in findings), findings
    return {finding["check"]: finding["what"] for finding in findings if finding["severity"] == severity}


def in_bgp(region: Region, *commands: str) -> None:
    region.nva.vtysh("configure terminal", f"router bgp {region.plan.nva.asn}", *commands)


@pytest.mark.nva("frr", "bird")
def test_healthy(region):
    daemon = region.herald([loopback()], start=False)
    assert found(daemon, "error") == {}
    region.add_vip(VIP)
    region.wait_announced(VIP)
    assert found(daemon, "error") == {}
    done = daemon.ctl("doctor", "-c", str(daemon.config_file), "--services-dir", str(daemon.services_dir))
    assert done.returncode == 0 and re.search(r"^0 errors, \d+ warnings?, \d+ notes?$", done.stdout, re.MULTILINE)
    version = r"FRR (\S+), vtysh \1" if region.stack == "frr" else r"BIRD \S+"
    assert re.search(rf"note     {version}\n         why  herald is tested with it\n", done.stdout), done.stdout


def counts_default_routes(region: Region) -> bool:
    """zebra, when it looks for next hops. FRR 10.3 does by itself, 8.4 does not."""
    return "Resolve via default: on" in region.nva.vtysh("show ip nht", daemon="zebra")


PRIVATE = ("ip prefix-list PRIVATE seq 5 permit 192.0.2.0/24 le 32", "route-map PRIVATE permit 10", "match ip address prefix-list PRIVATE",
           "exit", "router bgp 65001")

BREAKS: dict[str, tuple[str, str, Callable[[Region], None]]] = {
    "nothing leaves without a policy": (
        "error", "outbound-policy", lambda r: in_bgp(r, "address-family ipv4 unicast", "no neighbor RS prefix-list ANYCAST out")),
    "everything comes in": (
        "warning", "inbound-open",
        lambda r: in_bgp(r, "no bgp ebgp-requires-policy", "address-family ipv4 unicast", "no neighbor RS route-map DENY in")),
    "graceful restart": (
        "error", "graceful-restart", lambda r: in_bgp(r, "no bgp graceful-restart-disable", "bgp graceful-restart")),
    "nothing is redistributed": (
        "error", "redistribute", lambda r: in_bgp(r, "address-family ipv4 unicast", "no redistribute connected")),
    "two origins": (
        "error", "two-origins", lambda r: in_bgp(r, "address-family ipv4 unicast", f"network {VIP}")),
    "the list lacks the VIP": (
        "error", "outbound-filter",
        lambda r: r.nva.vtysh("configure terminal", f"ip prefix-list ANYCAST seq 1 deny {VIP}")),
    "another AS for the peer": (
        "error", "peer-as", lambda r: in_bgp(r, "neighbor RS remote-as 65514")),
    "the neighbor is gone": (
        "error", "peers", lambda r: in_bgp(r, "no neighbor 10.1.1.132")),
    "changes are held back": (
        "warning", "advertisement-interval", lambda r: in_bgp(r, "neighbor RS advertisement-interval 5")),
    "announcements wait for the kernel": (
        "warning", "suppress-fib-pending", lambda r: in_bgp(r, "bgp suppress-fib-pending")),
    "announcements wait after a start": (
        "warning", "update-delay", lambda r: in_bgp(r, "update-delay 30")),
    "one session is down": (
        "warning", "sessions", lambda r: r.rs2.disable_session()),
    "an outbound route-map that denies it": (
        "error", "outbound-filter", lambda r: in_bgp(r, *PRIVATE, "address-family ipv4 unicast", "neighbor RS route-map PRIVATE out")),
    "a route-map of the redistribution that leaves it out": (
        "error", "redistribute", lambda r: in_bgp(r, *PRIVATE, "address-family ipv4 unicast", "redistribute connected route-map PRIVATE")),
}


@pytest.mark.nva("frr")
@pytest.mark.parametrize("name", BREAKS)
def test_frr_trouble(region, name):
    severity, check, hurt = BREAKS[name]
    daemon = region.herald([loopback()], start=False)
    hurt(region)
    time.sleep(0.5)  # a session that ends, a policy that applies
    assert check in found(daemon, severity)


@pytest.mark.nva("frr")
def test_a_peer_that_is_a_router_away(region):
    peer = region.plan.nva.peers[0]
    daemon = region.herald([loopback()], start=False)
    in_bgp(region, f"no neighbor {peer} ebgp-multihop 2")
    wait_until(lambda: found(daemon, "error").get("ebgp-multihop") == f"{peer} is on no network of this machine", "no word of it", 20)
    in_bgp(region, f"neighbor {peer} ebgp-multihop 2")  # as the fix says
    wait_until(lambda: "ebgp-multihop" not in found(daemon, "error"), "the fix is not seen", 20)


@pytest.mark.nva("frr")
def test_network_lines_that_wait_for_the_address(region):
    """With import-check bgpd announces them while the address is there: as good as redistribution, and nothing is wrong."""
    region.http_service(port=8080)
    in_bgp(region, "bgp network import-check", "address-family ipv4 unicast", "no redistribute connected", f"network {VIP}")
    daemon = region.herald([loopback()], start=False)
    assert found(daemon, "error") == {}
    daemon.start()
    region.wait_announced(VIP)
    assert found(daemon, "error") == {}
    mark = region.mark()
    assert daemon.stop() == 0
    region.wait_withdrawn(VIP, since=mark)


@pytest.mark.nva("frr")
def test_next_hops_by_a_default_route(region):
    daemon = region.herald([loopback()], start=False)
    assert ("next-hop" in found(daemon, "warning")) != counts_default_routes(region)


@pytest.mark.nva("frr", lever="vtysh")
def test_import_check_with_an_absent_vip(region):
    daemon = region.herald([steered("vtysh", vip_on_down="remove")], start=False)
    assert found(daemon, "error") == {} and "import-check" not in found(daemon, "warning")
    in_bgp(region, "bgp network import-check")
    assert "import-check" in found(daemon, "warning")
    in_bgp(region, "address-family ipv4 unicast", f"network {VIP}")
    assert found(daemon, "error") == {"import-check": f"{VIP} configured in bgpd and not announced"}


@pytest.mark.nva("frr")
def test_redistribution_of_what_is_steered(region):
    """Such a VIP stays on its interface when it is withdrawn: the route-map has to leave it out."""
    daemon = region.herald([steered("vtysh")], start=False)
    assert found(daemon, "error") == {}
    region.add_vip(VIP)
    region.wait_announced(VIP)
    assert "two-origins" in found(daemon, "error")
    in_bgp(region, "address-family ipv4 unicast", "no redistribute connected", "redistribute connected")
    assert "redistribute" in found(daemon, "error")


@pytest.mark.nva("frr", lever="vtysh")
def test_saved_announcements(region):
    daemon = region.herald([steered("vtysh")], start=False)
    in_bgp(region, "address-family ipv4 unicast", f"network {VIP}")
    region.nva.vtysh("write memory")
    saved = found(daemon, "error")["saved"]
    assert saved == f"{region.nva.config_dir}/bgpd.conf: network {VIP}"


@pytest.mark.nva("frr")
def test_numbers_that_azure_refuses(region):
    daemon = region.herald([loopback()], start=False)
    router = daemon.config["router"]
    for asn, what in ((65518, "AS 65518 is reserved by Azure"), (4200000000, "AS 4200000000 is a 32-bit one"), (64500, "AS 64500 is reserved")):
        daemon.configure(router={**router, "bgp": {**router["bgp"], "as": asn}})
        _, findings = doctor(daemon)
        assert what in [finding["what"] for finding in findings if finding["severity"] == "error"]
    daemon.configure(router=router, services=[service("many", [f"10.99.{i // 250}.{i % 250 + 1}/32" for i in range(600)], http(8080))])
    assert "limit" in found(daemon, "warning")


@pytest.mark.nva("frr")
def test_frr_that_does_not_answer(region):
    """Each question ends at its deadline."""
    daemon = region.herald([loopback()], start=False)
    region.nva.bgpd.sigstop()
    started = time.monotonic()
    assert found(daemon, "error") == {"reachable": "bgpd does not answer: vtysh: no answer within 2s"}
    assert time.monotonic() - started < 5
    region.nva.bgpd.sigcont()
    router = daemon.config["router"]
    daemon.configure(router={**router, "vtysh": {**router["vtysh"], "path": "/nonexistent/vtysh"}})
    assert "No such file" in found(daemon, "error")["reachable"]


@pytest.mark.nva("frr")
def test_both_sessions_down(region):
    daemon = region.herald([loopback()], start=False)
    for rs in region.route_servers.values():
        rs.disable_session()
    time.sleep(0.5)
    errors = found(daemon, "error")
    assert errors["sessions"] == "no session is established" and ("next-hop" in errors) != counts_default_routes(region)


@pytest.mark.nva("frr")
def test_as_a_user_without_rights(region):
    daemon = region.herald([loopback()], start=False)
    for path in (daemon.dir, daemon.dir.parent):
        path.chmod(0o755)
    ctl = daemon.ctl("--version")  # where the program is
    argv = ["setpriv", "--reuid", "nobody", "--clear-groups", ctl.args[ctl.args.index("--socket") - 1], "doctor", "--json",
            "-c", str(daemon.config_file), "--services-dir", str(daemon.services_dir)]
    done = region.nva_ns.run(*argv, check=False, timeout=30)
    findings = {finding["check"]: finding for finding in json.loads(done.stdout)}
    assert done.returncode == 1 and findings["reachable"]["severity"] == "error"
    assert findings["group"]["what"] == "user nobody is not in group frrvty"
    assert findings["saved"]["severity"] == "note" and "denied" in findings["saved"]["what"]


@pytest.mark.nva("frr")
def test_nobody_listens_at_the_vip(region):
    """The service listens on 127.0.0.1 alone: healthy, announced, and its clients are refused."""
    here = region.http_service(8080, address="127.0.0.1")
    line = "nobody listens at TCP port 8080 of 10.99.0.1, though somebody does at 127.0.0.1"
    daemon = region.herald([loopback()])
    region.wait_announced(VIP)
    assert found(daemon, "warning")["no-listener"] == line
    assert f"clients: {line}; unless" in daemon.ctl("why", "web").stdout
    assert json.loads(daemon.ctl("status", "--json").stdout)["services"][0]["vips"][0]["refused"] == line
    table = "add table ip herald_test; add chain ip herald_test in { type nat hook prerouting priority -100; }"
    rule = "add rule ip herald_test in ip daddr 10.99.0.1 tcp dport 80 dnat to 127.0.0.1:8080"
    try:
        region.nva_ns.run("nft", f"{table}; {rule}")
        assert "no-listener" not in found(daemon, "warning")
    finally:
        region.nva_ns.run("nft", "delete table ip herald_test")
    assert found(daemon, "warning")["no-listener"] == line
    here.kill()
    region.http_service(8080)
    assert "no-listener" not in found(daemon, "warning")
    wait_until(lambda: "clients: nobody" not in daemon.ctl("why", "web").stdout, "why sees it, too", 10)


def rewrite(region: Region, old: str, new: str) -> None:
    text = region.nva.bird.conf.read_text()
    assert old in text
    region.nva.bird.configure(text.replace(old, new))


BIRD_BREAKS: dict[str, tuple[str, Callable[[Region], None]]] = {
    "nothing looks at the interface": ("direct", lambda r: rewrite(r, 'protocol direct { interface "lo"; ipv4; ipv6; }', "")),
    "it looks at another interface": ("direct", lambda r: rewrite(r, 'interface "lo"', 'interface "dummy0"')),
    "everything comes in": ("inbound-open", lambda r: rewrite(r, "ipv4 { import none;", "ipv4 { import all;")),
    "nothing leaves": ("outbound-filter", lambda r: rewrite(r, "ipv4 { import none; export filter anycast;", "ipv4 { import none; export none;")),
    "the filter holds the VIP back": ("outbound-filter", lambda r: rewrite(r, "10.99.0.0/24{32,32}", "10.98.0.0/24{32,32}")),
    "graceful restart": ("graceful-restart", lambda r: rewrite(r, "hold time 30;", "graceful restart on; hold time 30;")),
    "one peer hears less": ("same-routes", lambda r: rewrite(
        r, "protocol bgp rs2 from route_server {", "protocol bgp rs2 from route_server { ipv4 { export where net = 10.9.9.9/32; };")),
}


@pytest.mark.nva("bird")
@pytest.mark.parametrize("name", BIRD_BREAKS)
def test_bird_trouble(region, name):
    check, hurt = BIRD_BREAKS[name]
    daemon = region.herald([loopback()], start=False)
    region.add_vip(VIP)
    region.wait_announced(VIP)
    hurt(region)
    region.nva.wait_established()
    assert check in found(daemon, "warning" if check == "inbound-open" else "error")


@pytest.mark.nva("bird", lever="birdc")
def test_include_of_heralds_file(region):
    daemon = region.herald([steered("birdc")], start=False)
    assert found(daemon, "error") == {}
    rewrite(region, f"include {quoted(region.nva.include)};", "")
    assert found(daemon, "error")["include"].startswith(str(region.nva.bird.conf))


@pytest.mark.nva("bird")
def test_bird_that_does_not_run(region):
    daemon = region.herald([loopback()], start=False)
    region.nva.kill()
    assert list(found(daemon, "error")) == ["reachable"]


def test_no_router_and_no_configuration(lab):
    daemon = Herald(lab, lab.namespace("nva"), "herald", {"router": {"stack": "none"}, "services": [loopback()]})
    assert found(daemon, "note")["stack"] == 'router.stack is "none"'
    daemon.write_config("{")
    done = daemon.ctl("doctor", "-c", str(daemon.config_file), "--services-dir", str(daemon.services_dir))
    assert done.returncode == 2 and "error in the configuration" in done.stderr
