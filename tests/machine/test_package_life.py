"""The package on a machine: installed, broken in every way, upgraded, removed. The tests build on each other, in this order."""

from __future__ import annotations

import re
import time
from pathlib import Path

from appliance import PACKAGE, QUIET, Appliance
from services import (
    DNS,
    DNS_SERVICE,
    WEB,
    new_users_commands,
    wait_all_announced,
    wait_announced,
    wait_quiet,
    wait_withdrawn,
)
from waiting import wait_until

SANDBOX = Path(__file__).resolve().parents[2] / "packaging" / "doc" / "sandbox.md"
MISSPELT = '{ "name": "bad", "vps": [] }\n'
# No error of the configuration itself.
NO_CA_FILE = """{
  "name": "bad", "vips": ["10.99.0.9/32"],
  "probes": [ { "type": "http", "url": "https://127.0.0.1/", "tls": { "ca_file": "/nowhere.pem" } } ]
}
"""
CONTROL = '"control": {{ "socket": "{}" }},'


def test_a_new_users_way(nva):
    """The README's commands, as written: an announced VIP, and nothing announced before it is configured."""
    install, configure = new_users_commands().split("\n\n", 1)
    mark = nva.mark()
    done = nva.machine.shell(f"cd /root\n{install}", timeout=120)
    assert "edit /etc/herald/herald.json" in done.stdout, done.stdout + done.stderr
    assert nva.machine.unit("herald.service", "ActiveState") == "active"
    assert set(nva.machine.run("id", "-nG", "herald").stdout.split()) == {"herald", "bird", "frrvty"}
    assert nva.status()["services"] == []
    nva.assert_silent(mark)
    nva.machine.run("sh", "-c", configure, timeout=90)  # `status` tells of what is still coming by its exit code
    nva.wait_announced(WEB, mark, timeout=40)
    nva.wait_states("announced")
    assert nva.machine.run("heraldctl", "doctor", check=False).returncode == 0


def test_a_second_service_in_a_file_of_its_own(nva):
    nva.machine.write("/etc/herald/services.d/dns.json", DNS_SERVICE)
    mark = nva.mark()
    nva.machine.shell("heraldctl render frr > /etc/frr/frr.conf && systemctl reload frr && systemctl reload herald")
    nva.wait_announced(DNS, mark)
    gone = [event for events in nva.events(mark).values() for event in events if event.kind == "withdraw"]
    assert not gone, gone
    wait_all_announced(nva)
    wait_quiet(nva)


def test_sandbox(nva):
    for unit, most in (("herald", 2.0), ("herald-withdraw", 2.0), ("herald-probe", 2.0), ("herald-http", 2.0)):
        report = nva.machine.run("systemd-analyze", "security", f"{unit}.service", check=False).stdout
        level = float(re.search(r"Overall exposure level for \S+: ([0-9.]+)", report)[1])
        assert level <= most, report
    process = Path("/proc", str(nva.herald_pid()))
    status = nva.machine.run("cat", f"{process}/status").stdout
    held = {key: int(value, 16) for key, value in re.findall(r"^Cap(Eff|Bnd|Amb):\t(\w+)$", status, re.MULTILINE)}
    assert held == {"Eff": 1 << 12, "Bnd": 1 << 12, "Amb": 0}  # CAP_NET_ADMIN, and not for its children


def test_wider_sandbox_of_the_documents_is_understood(nva):
    example = re.search(r"^```ini\n(.*?)^```$", SANDBOX.read_text(), re.DOTALL | re.MULTILINE)[1]
    nva.machine.write("/etc/systemd/system/herald-probe.service.d/wider.conf", example)
    units = ("herald.service", "herald-withdraw.service", "herald-probe.service", "herald-probe.socket", "herald-http.service", "herald-http.socket")
    told = nva.machine.run("systemd-analyze", "verify", "--man=no", *units, check=False)
    assert "herald" not in told.stdout + told.stderr, told.stderr
    nva.machine.run("rm", "-r", "/etc/systemd/system/herald-probe.service.d")


def test_service_stopped_and_started(nva):
    mark = nva.mark()
    nva.machine.run("systemctl", "stop", "web")
    wait_withdrawn(nva, mark)
    mark = nva.mark()
    nva.machine.run("systemctl", "start", "web")
    wait_announced(nva, mark)
    wait_all_announced(nva)


def test_killed_and_back_without_an_update(nva):
    mark, pid = nva.mark(), nva.herald_pid()
    nva.machine.run("systemctl", "kill", "-s", "KILL", "herald")
    nva.wait_new_pid(pid)
    wait_all_announced(nva)
    time.sleep(QUIET)
    nva.assert_silent(mark)


def test_hung_and_back_without_an_update(nva):
    """The watchdog's 10 s and the restart are less than the lease."""
    mark, pid = nva.mark(), nva.herald_pid()
    nva.machine.run("systemctl", "kill", "-s", "STOP", "herald")
    nva.wait_new_pid(pid)
    assert "watchdog" in nva.machine.run("journalctl", "-u", "herald", "-n", "50").stdout.lower()
    wait_all_announced(nva)
    time.sleep(QUIET)
    nva.assert_silent(mark)


def test_restarts_and_handovers_without_an_update_or_an_end(nva):
    """More of them than a crash loop would be allowed starts."""
    mark = nva.mark()
    for again in ["systemctl restart herald"] * 4 + ["heraldctl handover && systemctl start herald"] * 4:
        pid = nva.herald_pid()
        nva.machine.shell(again)
        assert nva.herald_pid() not in (0, pid), again
    wait_all_announced(nva)
    time.sleep(QUIET)
    nva.assert_silent(mark)


def test_restart_of_a_heraldd_that_does_not_answer_withdraws(nva):
    """Nothing is handed over then: it is a stop that has to be forced, and a start."""
    nva.machine.shell("mkdir -p /run/systemd/system/herald.service.d; printf '[Service]\\nTimeoutStopSec=2\\n' > /run/systemd/system/herald.service.d/test.conf; systemctl daemon-reload")
    mark, pid = nva.mark(), nva.herald_pid()
    nva.machine.shell("systemctl kill -s STOP herald; systemctl restart herald", timeout=60)
    wait_withdrawn(nva, mark)
    nva.wait_new_pid(pid)
    nva.machine.shell("rm -r /run/systemd/system/herald.service.d; systemctl daemon-reload")
    wait_all_announced(nva)
    wait_quiet(nva)


def test_frr_restarted_and_reloaded(nva):
    for action in ("restart", "reload"):
        mark = nva.mark()
        nva.machine.run("systemctl", action, "frr", timeout=90)
        lost = DNS if action == "reload" else WEB  # a reload takes away what frr.conf does not have
        nva.wait_withdrawn(lost, mark)
        wait_all_announced(nva)
    wait_quiet(nva)


def test_drain_survives_a_reboot(nva):
    mark = nva.mark()
    nva.machine.run("heraldctl", "drain", "--all", "--reason", "kernel update", "--wait")
    wait_withdrawn(nva, mark)
    mark = nva.mark()
    nva.machine.reboot()
    wait_until(lambda: all(rs.established() for rs in nva.route_servers.values()), "sessions are back", 60, poll=0.1, evidence=nva.evidence)
    nva.wait_states("withdrawn")
    time.sleep(QUIET)
    assert not any(event.kind == "announce" for events in nva.events(mark).values() for event in events)
    nva.machine.run("heraldctl", "undrain", "--all")
    wait_announced(nva, mark)
    wait_all_announced(nva)
    wait_quiet(nva)


def test_stop_that_has_to_be_forced_withdraws(nva):
    """By ExecStopPost=: a daemon that hangs cannot."""
    nva.machine.shell("mkdir -p /run/systemd/system/herald.service.d; printf '[Service]\\nTimeoutStopSec=2\\n' > /run/systemd/system/herald.service.d/test.conf; systemctl daemon-reload")
    mark = nva.mark()
    nva.machine.shell("systemctl kill -s STOP herald; systemctl stop herald")
    wait_withdrawn(nva, mark, timeout=1)
    nva.machine.shell("rm -r /run/systemd/system/herald.service.d; systemctl daemon-reload; systemctl reset-failed herald; systemctl start herald")
    wait_all_announced(nva)


def test_crashing_for_good_withdraws(nva):
    """By OnFailure=, once systemd has given up."""
    mark = nva.mark()

    def kill_until_failed() -> bool:
        nva.machine.run("systemctl", "kill", "-s", "KILL", "herald", check=False)
        return nva.machine.unit("herald.service", "ActiveState") == "failed"

    wait_until(kill_until_failed, "systemd gives up", 30, poll=0.3, evidence=nva.evidence)
    wait_withdrawn(nva, mark)
    nva.machine.run("systemctl", "reset-failed", "herald")
    nva.machine.run("systemctl", "start", "herald")
    wait_all_announced(nva)


def wait_failed(nva: Appliance) -> None:
    wait_until(lambda: nva.machine.unit("herald.service", "ActiveState") == "failed", "herald has failed", 10, evidence=nva.evidence)


def test_crash_under_a_configuration_that_is_an_error(nva):
    """Withdrawn by what was accepted last. One attempt, so that the start after the error was mended is not refused."""
    nva.machine.write("/etc/herald/services.d/bad.json", MISSPELT)
    mark = nva.mark()
    nva.machine.run("systemctl", "kill", "-s", "KILL", "herald")
    wait_withdrawn(nva, mark, timeout=10)  # before the lease ends
    wait_failed(nva)
    assert nva.machine.unit("herald.service", "NRestarts") == "1"
    assert nva.machine.run("systemctl", "restart", "herald", check=False).returncode != 0
    nva.machine.shell("rm /etc/herald/services.d/bad.json; systemctl restart herald")
    wait_all_announced(nva)
    wait_quiet(nva)


def test_handover_to_a_heraldd_that_cannot_start(nva):
    nva.machine.write("/etc/herald/services.d/bad.json", NO_CA_FILE)
    mark = nva.mark()
    assert nva.machine.shell("heraldctl handover && systemctl start herald", check=False).returncode != 0
    wait_withdrawn(nva, mark, timeout=10)  # before the lease ends
    wait_failed(nva)
    nva.machine.shell("rm /etc/herald/services.d/bad.json; systemctl restart herald")
    wait_all_announced(nva)
    wait_quiet(nva)


def test_run_by_root_and_by_its_unit_again(nva):
    nva.machine.shell("systemctl stop herald; rm -f /var/lib/herald/*")
    by_hand = "heraldd --log text 2>/dev/null & sleep 3; heraldctl drain web; heraldctl undrain web; kill $!; wait $!"
    nva.machine.shell(by_hand)
    assert nva.machine.run("find", "/run/herald", "/var/lib/herald", "-type", "f", "-user", "root").stdout == ""
    nva.machine.run("systemctl", "start", "herald")
    wait_all_announced(nva)
    wait_quiet(nva)


def test_stop_takes_as_long_as_vips_linger(nva):
    """Longer than the unit's TimeoutStopSec=."""
    lingering = DNS_SERVICE.replace('"vtysh" }', '"vtysh", "vip_on_down": "remove" }, "drain": { "linger": "8s" }')
    nva.machine.write("/etc/herald/services.d/dns.json", lingering)
    nva.machine.write("/etc/systemd/system/herald.service.d/test.conf", "[Service]\nTimeoutStopSec=3\n")
    nva.machine.shell("systemctl daemon-reload; systemctl reload herald")
    begun = time.monotonic()
    nva.machine.run("systemctl", "stop", "herald")
    assert time.monotonic() - begun > 7
    assert nva.machine.unit("herald.service", "Result") == "success"
    assert "10.99.0" not in nva.machine.run("ip", "address", "show", "lo").stdout
    nva.machine.write("/etc/herald/services.d/dns.json", DNS_SERVICE)
    nva.machine.shell("rm -r /etc/systemd/system/herald.service.d; systemctl daemon-reload; systemctl start herald")
    wait_all_announced(nva)
    wait_quiet(nva)


def test_upgrade_and_downgrade_without_an_update(nva):
    first = nva.machine.run("dpkg-query", "-W", "-f", "${Version}", "herald").stdout
    for path in (nva.package(f"{first}+1"), nva.package(f"{first}~1")):
        mark, pid, workers = nva.mark(), nva.herald_pid(), nva.workers()
        nva.apt("install", "--allow-downgrades", path)
        assert nva.herald_pid() not in (0, pid)
        assert not workers & nva.workers()
        wait_all_announced(nva)
        time.sleep(QUIET)
        nva.assert_silent(mark)


def test_upgrade_under_a_configuration_that_is_an_error(nva):
    """The former heraldd goes on, with its workers; the person in front of apt is told what to do."""
    mark, pid, workers = nva.mark(), nva.herald_pid(), nva.workers()
    nva.machine.write("/etc/herald/services.d/bad.json", MISSPELT)
    done = nva.apt("install", nva.package("9.0"))
    told = done.stdout + done.stderr
    assert "vips" in told and "systemctl restart herald" in told, told
    assert nva.herald_pid() == pid
    assert nva.workers() == workers
    nva.assert_silent(mark)
    nva.machine.run("rm", "/etc/herald/services.d/bad.json")


def move_control_socket(nva: Appliance, here: str, there: str) -> None:
    """As the next heraldd will have it; the one that runs stays where it is."""
    nva.machine.run("sed", "-i", f"s|^{{$|{{ {CONTROL.format(there)}|; s|{CONTROL.format(here)}||", "/etc/herald/herald.json")


def test_upgrade_of_a_unit_that_is_disabled_and_listens_elsewhere(nva):
    usual, other = "/run/herald/control.sock", "/run/herald/other.sock"
    move_control_socket(nva, usual, other)
    mark, pid = nva.mark(), nva.herald_pid()
    nva.machine.shell(f"heraldd --check && heraldctl --socket {usual} handover && systemctl start herald; systemctl disable herald")
    nva.wait_new_pid(pid)
    wait_all_announced(nva)

    pid = nva.herald_pid()
    nva.machine.shell(f"HERALD_SOCKET=/nowhere apt-get -y -q install --allow-downgrades {nva.package('9.1')}")
    assert nva.herald_pid() not in (0, pid)
    wait_all_announced(nva)

    # One that cannot be reached is not stopped.
    move_control_socket(nva, other, usual)
    pid = nva.herald_pid()
    done = nva.apt("install", nva.package("9.2"))
    assert "heraldctl --socket" in done.stderr + done.stdout, done.stderr
    assert nva.herald_pid() == pid
    nva.machine.shell(f"heraldctl --socket {other} handover && systemctl start herald; systemctl enable herald")
    wait_all_announced(nva)
    time.sleep(QUIET)
    nva.assert_silent(mark)


def test_remove_while_the_router_is_down(nva):
    """The stop fails, and what is started then is not in the way of what the removal does."""
    nva.machine.run("systemctl", "stop", "frr", timeout=90)
    nva.apt("remove", "herald")
    assert "10.99.0" not in nva.machine.run("ip", "address", "show", "lo").stdout
    assert not nva.machine.run("find", "/run/herald-probe", check=False).stdout
    assert nva.machine.unit("herald-probe.service", "LoadState") == "not-found"
    assert nva.machine.unit("herald-probe.socket", "LoadState") == "not-found"
    assert nva.machine.unit("herald-http.socket", "LoadState") == "not-found"
    nva.machine.run("systemctl", "start", "frr", timeout=90)
    nva.apt("install", f"/root/{PACKAGE}")
    wait_all_announced(nva)


def test_bird_in_place_of_frr(nva):
    """herald may not write below /etc, and what BIRD includes there is its file all the same."""
    nva.machine.shell("systemctl stop herald; systemctl disable --now frr; rm /etc/herald/services.d/dns.json")
    router = """sed -i 's/"stack": "frr"/"stack": "bird"/; s/"name": "web",/"name": "web", "announce": { "via": "birdc" },/' /etc/herald/herald.json"""
    nva.machine.shell(f"{router}; heraldctl render bird > /etc/bird/bird.conf; systemctl enable --now bird")
    mark = nva.mark()
    nva.machine.run("systemctl", "start", "herald")
    nva.wait_announced(WEB, mark, timeout=40)
    nva.wait_states("announced")


def test_remove_withdraws_and_purge_leaves_nothing(nva):
    nva.machine.shell("""sed -i 's/"name": "web",/"name": "web", "on_exit": "keep",/' /etc/herald/herald.json; systemctl reload herald""")
    mark = nva.mark()
    nva.apt("remove", "herald")
    nva.wait_withdrawn(WEB, mark, timeout=1)
    nva.machine.run("bird", "-p")  # its configuration still includes herald's file
    nva.machine.run("systemctl", "restart", "bird")
    kept = nva.machine.run("cat", "/etc/herald/herald.json").stdout
    assert WEB in kept

    mark = nva.mark()
    nva.apt("install", f"/root/{PACKAGE}")
    assert nva.machine.run("cat", "/etc/herald/herald.json").stdout == kept
    nva.wait_announced(WEB, mark, timeout=40)

    mark = nva.mark()
    nva.machine.shell("sed -i '/^include/d' /etc/bird/bird.conf; systemd-run --quiet --uid=herald --unit=busy sleep infinity")
    done = nva.apt("purge", "herald")
    nva.wait_withdrawn(WEB, mark, timeout=1)
    assert "the user herald stays" in done.stdout + done.stderr, done.stdout + done.stderr
    assert nva.everything_with("herald") == []
    assert "10.99.0" not in nva.machine.run("ip", "address", "show", "lo").stdout
    for user in ("herald-probe", "herald-http"):
        assert nva.machine.run("getent", "passwd", user, check=False).returncode == 2
    nva.machine.shell("systemctl stop busy; userdel herald")


def test_installed_together_with_a_router(nva):
    """Whose group comes after herald is configured."""
    nva.machine.shell("groupmod --new-name later frrvty")
    router = nva.made_package("late-router", depends="herald", postinst="#!/bin/sh\ngroupmod --new-name frrvty later\n")
    nva.apt("install", f"/root/{PACKAGE}", router)
    assert "frrvty" in nva.machine.run("id", "-nG", "herald").stdout.split()
    groups = nva.machine.run("grep", "^Groups:", f"/proc/{nva.herald_pid()}/status").stdout.split()
    assert nva.machine.run("getent", "group", "frrvty").stdout.split(":")[2] in groups
    nva.apt("purge", "herald", "late-router")
    assert nva.everything_with("herald") == []
    for user in ("herald", "herald-probe", "herald-http"):
        assert nva.machine.run("getent", "passwd", user, check=False).returncode == 2
