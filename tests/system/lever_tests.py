"""What both levers that steer the router have to show, on FRR (vtysh) and BIRD (birdc): collected by test_vtysh_lever.py and
test_birdc_lever.py."""

from __future__ import annotations

import json
import pwd
import shutil
import time
from typing import Any

from crowd import Crowd
from herald import Herald, http, service, tcp
from waiting import wait_until

VIP = "10.99.0.1/32"

GRADES: dict[str, Any] = {
    "healthy": {"med": 10},
    "degraded": {"prepend": 2, "med": 200, "communities": ["65001:100", "65001:1:2"]},
    "draining": {"prepend": 3, "communities": ["graceful-shutdown"]},
}


def routed(region, name: str, vips: str | list[str], *probes: dict[str, Any], attributes: dict[str, Any] | None = None, **extra: Any) -> dict[str, Any]:
    via = {"frr": "vtysh", "bird": "birdc"}[region.stack]
    announce = {"via": via, **({"attributes": attributes} if attributes else {}), **extra.pop("announce", {})}
    return service(name, vips, *probes, announce=announce, **extra)


def start_announced(region, **extra: Any) -> tuple[Any, Herald]:
    web = region.http_service(port=8080)
    mark = region.mark()
    herald = region.herald(services=[routed(region, "web", VIP, http(8080), **extra)])
    region.wait_announced(VIP, since=mark)
    herald.wait_state("web", "announced")
    return web, herald


def test_the_router_is_steered_without_a_descriptor_left(region):
    """Those that are kept do for it, and for an operator; whoever may only look is turned away."""
    web, herald = start_announced(region)
    mark = region.mark()
    herald.limit_descriptors()
    with Crowd(herald.socket, 100, "idle"):
        web.kill()
        region.wait_withdrawn(VIP, since=mark, timeout=20)
        herald.wait_state("web", "withdrawn", timeout=20)
        assert herald.ctl("drain", "web").returncode == 0
        assert herald.ctl("undrain", "web").returncode == 0
        web.start()
        mark = region.mark()
        region.wait_announced(VIP, since=mark, timeout=30)
    herald.wait_state("web", "announced", timeout=20)


def attributes_at(region, prefix: str) -> tuple[list[int], int | None, set[str]]:
    """AS path, MED and communities, as both Route Servers heard them; they must agree."""
    heard = [rs.witness.announced()[prefix] for rs in region.route_servers.values()]
    seen = [(list(event.as_path), event.med, set(event.communities)) for event in heard]
    assert seen[0] == seen[1], seen
    return seen[0]


def wait_attributes(region, prefix: str, *expected: Any) -> None:
    def reached() -> bool:
        try:
            return attributes_at(region, prefix) == expected
        except (AssertionError, KeyError):
            return False  # one Route Server hears it a little before the other

    wait_until(reached, f"{prefix} with {expected}", 5, evidence=region.evidence)


def kinds(region, mark, prefix: str = VIP) -> dict[str, list[str]]:
    return {name: [event.kind for event in events] for name, events in region.events(mark, prefix).items()}


def test_life(region):
    """Healthy, announced; dead, withdrawn with the VIP kept; back; SIGTERM."""
    web, herald = start_announced(region)
    assert region.vips() == {VIP}
    assert herald.service("web")["vips"][0]["policy"] == "HERALD-web-healthy"
    mark = region.mark()
    web.kill()
    region.wait_withdrawn(VIP, since=mark)
    herald.wait_state("web", "withdrawn")
    assert region.vips() == {VIP}
    mark = region.mark()
    web.start()
    region.wait_announced(VIP, since=mark)
    herald.wait_state("web", "announced")
    mark = region.mark()
    assert herald.stop() == 0
    region.wait_withdrawn(VIP, since=mark)
    assert region.vips() == {VIP}


def test_each_grade_on_the_wire_and_no_withdrawal_between(region):
    cache = region.tcp_service(port=6379)
    region.http_service(port=8080)
    optional = tcp(6379, name="cache", role="degrade")
    mark = region.mark()
    herald = region.herald(services=[routed(region, "web", VIP, http(8080), optional, attributes=GRADES, drain={"delay": "2s"})])
    region.wait_announced(VIP, since=mark)
    herald.wait_health("web", "healthy")
    asn = region.plan.nva.asn
    wait_attributes(region, VIP, [asn], 10, set())
    mark = region.mark()
    cache.kill()
    herald.wait_health("web", "degraded")
    wait_attributes(region, VIP, [asn] * 3, 200, {"65001:100", "65001:1:2"})
    cache.start()
    herald.wait_health("web", "healthy")
    wait_attributes(region, VIP, [asn], 10, set())
    assert all("withdraw" not in seen for seen in kinds(region, mark).values())

    assert herald.ctl("drain", "web", "--reason", "kernel update").returncode == 0
    herald.wait_state("web", "draining")
    unset = 0 if region.stack == "frr" else None  # FRR sends MED 0 where nothing sets it
    wait_attributes(region, VIP, [asn] * 4, unset, {"65535:0"})
    region.wait_withdrawn(VIP, since=mark, timeout=15)
    for seen in kinds(region, mark).values():
        assert seen[-1] == "withdraw" and seen.count("withdraw") == 1, seen
    drained = herald.wait_state("web", "withdrawn")
    assert drained["reason"] == "drained by root: kernel update"
    assert region.vips() == {VIP}
    mark = region.mark()
    assert herald.ctl("undrain", "web").returncode == 0
    region.wait_announced(VIP, since=mark)
    herald.wait_state("web", "announced")


def test_fifty_vips_that_fail_together_are_one_update(region):
    vips = [f"10.99.0.{i}/32" for i in range(1, 51)]
    web = region.http_service(port=8080)
    mark = region.mark()
    herald = region.herald(services=[routed(region, "web", vips, http(8080))])
    for vip in vips:
        region.wait_announced(vip, since=mark, timeout=20)
    herald.wait_state("web", "announced")
    mark = region.mark()
    web.kill()
    for vip in vips:
        region.wait_withdrawn(vip, since=mark)
    herald.wait_state("web", "withdrawn")
    for name, updates in region.updates_since(mark).items():
        assert len(updates) == 1, (name, updates)


def test_restart_of_herald_is_silent(region):
    web, herald = start_announced(region)
    mark = region.mark()
    herald.kill()
    herald.start()
    herald.wait_state("web", "announced")
    time.sleep(1)
    region.assert_silent(mark)


def test_handover_is_silent(region):
    """Also of what is drained, and with a state file of a later version, which knows more."""
    region.http_service(port=8080)
    mark = region.mark()
    services = [routed(region, name, vip, http(8080), attributes=GRADES) for name, vip in (("web", VIP), ("out", "10.99.0.2/32"))]
    herald = region.herald(services=services)
    for vip in (VIP, "10.99.0.2/32"):
        region.wait_announced(vip, since=mark)
    assert herald.ctl("drain", "out", "--wait", timeout=30).returncode == 0
    herald.wait_state("web", "announced")
    time.sleep(6)  # 5 s after a route-map was defined, bgpd announces once more what goes by it
    mark = region.mark()
    herald.hand_over()
    state = json.loads((herald.state_dir / "state.json").read_text())
    (herald.state_dir / "state.json").write_text(json.dumps({**state, "novelty": {"web": 1}}))
    time.sleep(1)
    herald.start()
    herald.wait_state("web", "announced")
    assert herald.service("out")["state"] == "withdrawn"
    assert not (herald.state_dir / "handover").exists()
    time.sleep(1)
    region.assert_silent(mark)


def test_reload(region):
    """One of two services changes: nothing of the other. Then that is removed: it leaves as by a drain, its VIP last."""
    region.http_service(port=8080)
    if region.stack == "frr":  # else bgpd announces once more, 5 s after a route-map was defined, what goes by it
        region.nva.vtysh("configure terminal", "bgp route-map delay-timer 0")
    kept = routed(region, "web", VIP, http(8080), attributes=GRADES)
    other = routed(region, "other", "10.99.0.2/32", http(8080), attributes=GRADES, drain={"delay": "2s", "linger": "2s"})
    mark = region.mark()
    herald = region.herald(services=[kept, other])
    for name, vip in (("web", VIP), ("other", "10.99.0.2/32")):
        region.wait_announced(vip, since=mark)
        herald.wait_state(name, "announced")
    time.sleep(1)
    mark = region.mark()
    other["announce"]["attributes"] = {**GRADES, "healthy": {"med": 77}}
    herald.configure(services=[kept, other])
    assert herald.ctl("reload").stdout == "reloaded: 1 changed (other)\n"
    wait_attributes(region, "10.99.0.2/32", [region.plan.nva.asn], 77, set())
    herald.wait_state("other", "announced")
    assert all(seen == ["announce"] for seen in kinds(region, mark, "10.99.0.2/32").values())
    assert all(not seen for seen in kinds(region, mark).values())
    mark = region.mark()
    herald.configure(services=[kept])
    assert herald.ctl("reload").stdout == "reloaded: 1 removed (other)\n"
    wait_until(lambda: herald.service("other (removed)")["vips"][0]["advertised_to"], "what is leaving is read, too", 2)
    refused = herald.ctl("force", "other (removed)")
    assert refused.returncode == 2 and "the configuration has it no more" in refused.stderr
    region.wait_withdrawn("10.99.0.2/32", since=mark)
    assert region.vips() == {VIP, "10.99.0.2/32"}
    assert all(seen == ["announce", "withdraw"] for seen in kinds(region, mark, "10.99.0.2/32").values())
    wait_until(lambda: region.vips() == {VIP}, "the VIP goes after its route", 10, evidence=region.evidence)
    wait_until(lambda: [s["name"] for s in herald.status()["services"]] == ["web"], "it is shown no more", 15)
    assert all("withdraw" not in seen for seen in kinds(region, mark).values())


def test_leftover_of_a_service_that_is_gone_is_withdrawn(region):
    web, herald = start_announced(region)
    mark = region.mark()
    herald.kill()
    herald.configure(services=[routed(region, "other", "10.99.0.2/32", http(8080))])
    herald.start()
    region.wait_withdrawn(VIP, since=mark)
    region.wait_announced("10.99.0.2/32", since=mark)


def test_drain_survives_kill_and_a_fresh_start(region):
    web, herald = start_announced(region)
    mark = region.mark()
    done = herald.ctl("drain", "--all", "--reason", "maintenance", "--wait", timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "web: drain, withdrawn\n"
    assert region.announced(VIP) == set()
    for stop in (herald.kill, herald.stop):
        stop()
        herald.start()
        herald.wait_health("web", "healthy")
        herald.wait_state("web", "withdrawn")
        assert herald.service("web")["admin"] == "drain"
    assert all("announce" not in seen for seen in kinds(region, mark).values())


def test_drains_of_several_people_and_the_last_one_counts(region):
    """Somebody's drain is not ended by another's that ends by itself, also over a crash; each ends his own."""
    web, herald = start_announced(region)
    mark = region.mark()
    done = herald.ctl("drain", "web", "--by", "ann", "--reason", "disks", "--wait", timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr
    assert herald.ctl("drain", "--all", "--for", "1s").returncode == 0
    assert herald.ctl("drain", "web", "--by", "bob", "--for", "1h").returncode == 0
    wait_until(lambda: [one["who"] for one in herald.service("web")["orders"]] == ["ann", "bob"], "root's drain ends by itself", 10)
    assert herald.service("web")["admin_by"]["who"] == "ann"
    herald.kill()
    herald.start()
    herald.wait_health("web", "healthy")
    drained = herald.wait_state("web", "withdrawn")
    assert drained["reason"] == "drained by ann: disks; and by bob"

    assert herald.ctl("force", "web").stdout == "web: drain, withdrawn; FORCED once it is undrained\n"
    assert herald.ctl("unforce", "web").returncode == 0
    done = herald.ctl("undrain", "web")
    assert done.returncode == 1 and "web: there still stands the drain by bob; ends in" in done.stdout, done
    done = herald.ctl("undrain", "web", "--by", "ann")
    assert done.returncode == 0 and "web: ended the drain by ann: disks\n" in done.stdout, done
    assert all("announce" not in seen for seen in kinds(region, mark).values())
    done = herald.ctl("undrain", "--all", "--all-orders")
    assert done.returncode == 0 and "web: ended the drain by bob\n" in done.stdout, done
    region.wait_announced(VIP, since=mark)
    told = herald.ctl("history", "web").stdout
    assert "by ann; still drained by bob" in told and "its time is over; it was by root" in told, told


def test_plan_beside_a_dry_run(region):
    region.http_service(port=8080)
    herald = region.herald(services=[routed(region, "web", VIP, http(8080))], start=False)
    herald.process.argv = [*herald.process.argv, "--dry-run"]
    herald.start()
    herald.wait_health("web", "healthy")
    time.sleep(1)
    assert region.vips() == set()
    assert region.announced(VIP) == set()
    plan = herald.ctl("plan")
    assert plan.returncode == 1, plan
    assert f"announce {VIP} with HERALD-web-healthy" in plan.stdout and f"add {VIP} to lo" in plan.stdout
    status = herald.ctl("status")
    assert status.stdout.startswith("DRY RUN: ") and herald.status()["dry_run"] is True
    assert herald.ctl("why", "web").stdout.startswith("DRY RUN: ")
    herald.stop()
    herald.process.argv.remove("--dry-run")
    herald.start()
    herald.wait_state("web", "announced")
    assert herald.ctl("plan").returncode == 0


def test_withdraw_after_a_crash_that_nobody_follows(region):
    """What the units run: nothing while systemd restarts heraldd or a successor is to come, else all but what on_exit keeps."""
    region.http_service(port=8080)
    kept, local = "10.99.0.2/32", "10.99.0.3/32"
    mark = region.mark()
    herald = region.herald(
        services=[
            routed(region, "web", VIP, http(8080)),
            routed(region, "kept", kept, http(8080), on_exit="keep"),
            service("local", local, http(8080)),  # without redistribution it stays on the interface and goes nowhere
        ]
    )
    region.wait_announced(VIP, since=mark)
    region.wait_announced(kept, since=mark)
    wait_until(lambda: local in region.vips(), f"{local} on the interface", 10, evidence=region.evidence)
    assert "another heraldd runs" in herald.withdraw().stderr
    herald.kill()
    mark = region.mark()
    assert herald.withdraw(SERVICE_RESULT="signal").returncode == 0
    handover = herald.state_dir / "handover"
    handover.write_text("")
    done = herald.withdraw(SERVICE_RESULT="timeout")
    assert done.returncode == 0 and "successor" in done.stderr, done.stderr
    region.assert_silent(mark)
    assert region.vips() == {VIP, kept, local}
    done = herald.withdraw()  # as OnFailure= does: the successor has failed
    assert done.returncode == 0, done.stderr
    region.wait_withdrawn(VIP, since=mark)
    assert region.announced(kept) == {"rs1", "rs2"}
    assert region.vips() == {VIP, kept}  # under a route a VIP waits for late packets
    mark = region.mark()
    done = herald.withdraw("--vips")
    assert done.returncode == 0, done.stderr
    region.wait_withdrawn(kept, since=mark)
    assert region.vips() == set()


def test_withdraw_under_a_configuration_that_is_an_error(region):
    """By the one that was accepted last, at the start or at a reload; an error that a reload refused is not."""
    region.http_service(port=8080)
    herald = region.herald(services=[routed(region, "web", VIP, http(8080))])
    region.wait_announced(VIP)
    later = "10.99.0.2/32"
    herald.configure(services=[routed(region, "web", VIP, http(8080)), routed(region, "later", later, http(8080))])
    assert herald.ctl("reload").returncode == 0
    region.wait_announced(later)
    accepted = herald.state_dir / "accepted.json"
    kept = accepted.read_text()
    broken = json.dumps({**herald.config, "services": [{"name": "web", "vps": []}]})
    herald.write_config(broken)
    assert herald.ctl("reload").returncode == 2
    assert accepted.read_text() == kept
    herald.kill()
    mark = region.mark()
    done = herald.withdraw()
    assert done.returncode == 0 and "vips" in done.stderr and f"accepted last ({accepted})" in done.stderr, done.stderr
    for vip in (VIP, later):
        region.wait_withdrawn(vip, since=mark)
    accepted.unlink()
    done = herald.withdraw()
    assert done.returncode == 2 and "nothing is withdrawn" in done.stderr, done.stderr


def test_vips_go_though_the_router_does_not_answer(region):
    """A package that is removed while the router does not run."""
    region.http_service(port=8080)
    herald = region.herald(services=[routed(region, "web", VIP, http(8080))])
    region.wait_announced(VIP)
    herald.kill()
    region.nva.stop()
    done = herald.withdraw("--vips")
    assert done.returncode == 1 and "not everything could be withdrawn" in done.stderr, done.stderr
    assert region.vips() == set()


def broken_configurations(herald: Herald) -> dict[str, str | None]:
    """Each way in which the file that says where state_dir is may say it no more; None: there is no file."""
    good = json.dumps(herald.config)
    changed = {
        "no state_dir": {key: value for key, value in herald.config.items() if key != "state_dir"} | {"servces": []},
        "state_dir of another type": {**herald.config, "state_dir": 1},
        "a relative state_dir": {**herald.config, "state_dir": "state"},
        "another state_dir": {**herald.config, "state_dir": "/nowhere", "servces": []},
        "an error elsewhere": {**herald.config, "servces": []},
    }
    return {name: json.dumps(config) for name, config in changed.items()} | {"cut off": good[: len(good) // 2], "empty": "", "gone": None}


def test_withdraw_finds_what_was_accepted_however_the_configuration_is_broken(region):
    region.http_service(port=8080)
    herald = region.herald(services=[routed(region, "web", VIP, http(8080))], start=False)
    good = json.dumps(herald.config)
    for name, text in broken_configurations(herald).items():
        herald.write_config(good)
        mark = region.mark()
        herald.start()
        region.wait_announced(VIP, since=mark)
        herald.wait_state("web", "announced")
        herald.kill()
        if text is None:
            herald.config_file.unlink()
        else:
            herald.write_config(text)
        mark = region.mark()
        done = herald.withdraw()
        assert done.returncode == 0 and f"accepted last ({herald.state_dir}" in done.stderr, (name, done.stderr)
        region.wait_withdrawn(VIP, since=mark)


def test_withdraw_by_root_acts_with_the_rights_of_whose_the_state_is(region, tmp_path):
    """Programs that a user's file names are run as that user, whatever the file says."""
    region.http_service(port=8080)
    herald = region.herald(services=[routed(region, "web", VIP, http(8080))])
    region.wait_announced(VIP)
    herald.kill()
    who = tmp_path / "who"
    theirs = herald.dir / "theirs"
    theirs.mkdir()
    client = theirs / "client"
    client.write_text(f"#!/bin/sh\nid -u >> {who}\nexit 1\n")
    client.chmod(0o755)
    router = json.loads(json.dumps(herald.config["router"]))
    router.setdefault("vtysh", {})["path"] = str(client)
    router.setdefault("bird", {})["birdc"] = str(client)
    accepted = {"files": [{"file": "herald.json", "text": json.dumps({**herald.config, "router": router})}]}
    (herald.state_dir / "accepted.json").write_text(json.dumps(accepted))
    who.write_text("")
    for path in (tmp_path, who, herald.state_dir, herald.state_dir / "accepted.json"):
        shutil.chown(path, "nobody")
    for parent in (*herald.dir.parents, herald.dir, *tmp_path.parents):  # everybody may pass, so that it can get there at all
        if str(parent).startswith("/tmp/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    herald.write_config("{")
    herald.withdraw("--vips")
    assert set(who.read_text().split()) == {str(pwd.getpwnam("nobody").pw_uid)}, who.read_text()
    assert region.vips() == set()
