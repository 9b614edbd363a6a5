"""The workers of the package, and what serves HTTP: what they may not, and that nothing which becomes of them reaches the network. After the package's
life; the tests build on each other, in this order."""

from __future__ import annotations

import os
import re
import subprocess
import time

import pytest
from appliance import QUIET
from services import DNS, DNS_SERVICE, WEB, new_users_commands, wait_all_announced, wait_announced, wait_quiet
from waiting import wait_until

# Each of these is to fail, and says so by exit 3. What ends with 0 in the end is announced.
FORBIDDEN = """#!/bin/sh
[ "$(whoami)" = herald-probe ] || { whoami; exit 2; }
if cat /var/lib/herald/state.json || ls /var/lib/herald /run/herald; then exit 3; fi
if echo x >> /run/herald/bird.conf || ip address add 10.99.0.99/32 dev lo; then exit 3; fi
if vtysh -c 'show version'; then exit 3; fi
for path in /run/herald/control.sock /run/herald-probe/workers.sock; do
    if python3 -c "import socket, sys; socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET if 'probe' in sys.argv[1] else socket.SOCK_STREAM).connect(sys.argv[1])" $path; then exit 3; fi
done
if kill -0 "$(pidof -s heraldd)"; then exit 3; fi
exit 0
"""
# It leaves its session and its parent, and would never end.
FUGITIVE = """#!/usr/bin/python3
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execv("/bin/sleep", ["sleep", "98765"])
    os._exit(0)
time.sleep(60)
"""
EXEC_SERVICE = """{{
  "name": "{name}", "vips": ["{vip}"],
  "probes": [ {{ "type": "exec", "command": ["{command}"], "interval": "{interval}", "timeout": "{timeout}" }} ]
}}
"""


def test_installed_again(nva):
    install, configure = new_users_commands().split("\n\n", 1)
    nva.machine.shell("systemctl disable --now bird; systemctl enable --now frr")
    nva.machine.shell(f"cd /root\n{install}", timeout=120)
    nva.machine.write("/etc/herald/services.d/dns.json", DNS_SERVICE)
    nva.machine.run("sh", "-c", configure, timeout=90)
    wait_all_announced(nva)
    wait_quiet(nva)


def test_they_hold_nothing(nva):
    user = nva.machine.run("id", "-u", "herald-probe").stdout.strip()
    assert nva.machine.run("id", "-nG", "herald-probe").stdout.split() == ["herald-probe"]
    workers = nva.workers()
    assert len(workers) >= 2
    for pid in workers:
        status = nva.machine.run("cat", f"/proc/{pid}/status").stdout
        held = dict(re.findall(r"^(Cap\w+|Uid|NoNewPrivs|Seccomp):\t(.*)$", status, re.MULTILINE))
        assert held.pop("Uid").split() == [user] * 4
        assert held.pop("NoNewPrivs") == "1"
        assert held.pop("Seccomp") == "2"
        assert {int(value, 16) for value in held.values()} == {0}, status


def test_what_an_exec_probe_may_not(nva):
    nva.machine.write("/usr/local/bin/forbidden", FORBIDDEN)
    nva.machine.run("chmod", "755", "/usr/local/bin/forbidden")
    nva.machine.write("/etc/herald/services.d/exec.json", EXEC_SERVICE.format(name="forbidden", vip="10.99.0.54/32", command="/usr/local/bin/forbidden", interval="6s", timeout="5s"))
    nva.machine.shell("heraldctl force web; heraldctl unforce web; test -s /var/lib/herald/state.json")
    nva.machine.run("systemctl", "reload", "herald")
    wait_until(lambda: nva.states().get("forbidden") in ("announcing", "announced"), "the command may do nothing of it", 60, poll=0.2, evidence=lambda: nva.machine.run("heraldctl", "why", "forbidden", check=False).stdout)
    for command in ("cat /var/lib/herald/state.json", "touch /run/herald/bird.conf"):
        assert nva.machine.run("runuser", "--user", "herald-probe", "--", *command.split(), check=False).returncode == 1


def test_what_an_exec_probe_has_started_is_ended(nva):
    nva.machine.write("/usr/local/bin/fugitive", FUGITIVE)
    nva.machine.run("chmod", "755", "/usr/local/bin/fugitive")
    nva.machine.write("/etc/herald/services.d/exec.json", EXEC_SERVICE.format(name="fugitive", vip="10.99.0.54/32", command="/usr/local/bin/fugitive", interval="2s", timeout="1s"))
    nva.machine.run("systemctl", "reload", "herald")

    def fugitives() -> list[str]:
        return nva.machine.run("pgrep", "-f", "[s]leep 98765", check=False).stdout.split()

    def is_in_a_group_of_its_own() -> bool:
        groups = [nva.machine.run("cat", f"/proc/{pid}/cgroup", check=False).stdout for pid in fugitives()]
        return any("herald-probe.service/herald-exec." in group for group in groups)

    wait_until(is_in_a_group_of_its_own, "one is there", 20, poll=0.02, evidence=nva.evidence)
    former = set(fugitives())
    time.sleep(3)  # by then its attempt is over, and another runs
    assert not former & set(fugitives())
    nva.machine.shell("rm /etc/herald/services.d/exec.json; systemctl reload herald")
    wait_until(lambda: not fugitives(), "none is left", 5, poll=0.05, evidence=nva.evidence)
    group = nva.machine.unit("herald-probe.service", "ControlGroup")
    wait_until(lambda: not nva.machine.run("find", f"/sys/fs/cgroup{group}", "-name", "herald-exec*").stdout, "no cgroup of theirs", 10, evidence=nva.evidence)
    wait_all_announced(nva)
    wait_quiet(nva)


def test_heraldd_has_no_socket_of_the_network(nva):
    assert set(nva.machine.unit("herald.service", "RestrictAddressFamilies").split()) == {"AF_UNIX", "AF_NETLINK"}
    assert f"pid={nva.herald_pid()}," not in nva.machine.run("ss", "-H", "-a", "-n", "-p", "-t", "-u", "-w", "-0").stdout
    assert nva.machine.run("heraldctl", "doctor", check=False).returncode == 0
    assert nva.machine.unit("herald.service", "StatusText")
    # And is told all the same when a service's listener ends.
    assert "events: listener 127.0.0.1:8080" in nva.machine.run("heraldctl", "why", "web").stdout


def test_the_router_is_read_at_its_socket(nva):
    """As the configuration that is shipped has it; the README's goes by vtysh."""
    by_vtysh, at_socket = '"stack"', '"vtysh": { "transport": "socket" }, "stack"'
    for before, after in ((by_vtysh, at_socket), (at_socket, by_vtysh)):
        mark = nva.mark()
        nva.machine.shell(f"sed -i 's/{before}/{after}/' /etc/herald/herald.json; systemctl reload herald")
        time.sleep(QUIET)
        nva.wait_states("announced")
        assert "frr: 2 of 2 peers established" in nva.machine.run("heraldctl", "status").stdout
        nva.assert_silent(mark)


@pytest.mark.parametrize("deed", [
    "systemctl kill --kill-whom=main -s KILL herald-probe",
    "systemctl kill -s KILL herald-probe",
    "systemctl kill -s STOP herald-probe",
    "systemctl restart herald-probe",
    "systemctl stop herald-probe",
    "systemctl stop herald-probe.socket; sleep 1; systemctl start herald-probe.socket",
    "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do systemctl kill -s KILL herald-probe; sleep 0.2; done",
])
def test_their_end_does_not_reach_the_network(nva, deed):
    mark, pid, workers = nva.mark(), nva.herald_pid(), nva.workers()
    nva.machine.shell(deed)
    nva.wait_workers(workers)  # one that is stopped is killed by the watchdog
    time.sleep(QUIET)
    nva.wait_states("announced")
    nva.assert_silent(mark)
    assert nva.herald_pid() == pid


def test_they_probe_after_all_that(nva):
    mark = nva.mark()
    nva.machine.run("systemctl", "stop", "web")
    for vip in (WEB, DNS):
        nva.wait_withdrawn(vip, mark)
    assert " runs nudged" in nva.machine.run("heraldctl", "why", "web").stdout
    mark = nva.mark()
    nva.machine.run("systemctl", "start", "web")
    wait_announced(nva, mark)
    wait_all_announced(nva)
    wait_quiet(nva)


def test_heraldd_starts_without_them(nva):
    """It holds what is announced until they come."""
    mark, pid = nva.mark(), nva.herald_pid()
    nva.machine.shell("systemctl stop herald-probe.socket; systemctl mask --runtime herald-probe.socket; systemctl restart herald")
    assert nva.herald_pid() not in (0, pid)
    assert nva.workers() == set()
    # By hand each has workers of its own.
    nva.machine.run("heraldd", "--check")
    nva.machine.run("runuser", "--user", "herald", "--", "heraldd", "--check")
    socket = "/run/herald-probe/workers.sock"
    as_herald = ("runuser", "--user", "herald", "--", "heraldd", "--check", "--workers", socket)
    assert "the probes cannot be tried" in nva.machine.run(*as_herald, check=False).stderr
    nva.machine.shell("systemctl unmask --runtime herald-probe.socket; systemctl start herald-probe.socket")
    nva.wait_workers(set())
    wait_all_announced(nva)
    time.sleep(QUIET)
    nva.assert_silent(mark)
    nva.machine.run(*as_herald)


# ---- what serves HTTP


GET = """python3 -c "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:9476{path}', timeout=5).read().decode(), end='')" """
LISTEN = """sed -i 's/^{/{ "http": { "listen": ["127.0.0.1:9476"] },/' /etc/herald/herald.json"""


def get(nva, path: str) -> str:
    return nva.machine.run("sh", "-c", GET.format(path=path), check=False).stdout


def http_pid(nva) -> str:
    return nva.machine.unit("herald-http.service", "MainPID")


def wait_served(nva, former: str = "0") -> None:
    wait_until(lambda: get(nva, "/healthz") == "ok\n" and http_pid(nva) not in ("0", former), "it is served", 40, poll=0.2, evidence=nva.evidence)


def test_seen_by_http(nva):
    mark = nva.mark()
    assert http_pid(nva) == "0"  # nobody asked for it
    nva.machine.shell(f"{LISTEN}; systemctl reload herald")
    wait_served(nva)
    assert get(nva, "/service/web") == "healthy, announced\n"
    assert 'herald_vip_advertised{service="web",prefix="10.99.0.1/32",peer="10.1.1.4"} 1' in get(nva, "/metrics")
    status = nva.machine.run("cat", f"/proc/{http_pid(nva)}/status").stdout
    held = dict(re.findall(r"^(Cap\w+|Uid|NoNewPrivs|Seccomp):\t(.*)$", status, re.MULTILINE))
    assert held.pop("Uid").split() == [nva.machine.run("id", "-u", "herald-http").stdout.strip()] * 4
    assert held.pop("NoNewPrivs") == "1"
    assert held.pop("Seccomp") == "2"
    assert {int(value, 16) for value in held.values()} == {0}, status
    assert nva.machine.run("id", "-nG", "herald-http").stdout.split() == ["herald-http"]
    # A socket in the directory that is its own.
    nva.machine.shell("""sed -i 's#"127.0.0.1:9476"#"127.0.0.1:9476", "unix:/run/herald-http/http.sock"#' /etc/herald/herald.json; systemctl reload herald""")
    assert nva.machine.run("stat", "-c", "%a %U", "/run/herald-http/http.sock").stdout == "666 herald-http\n"
    # A port that only root has is an error, and nothing changes.
    nva.machine.run("sed", "-i", "s/\"127.0.0.1:9476\"/\"127.0.0.1:80\"/", "/etc/herald/herald.json")
    refused = nva.machine.run("heraldctl", "reload", check=False)
    assert refused.returncode == 2 and "ports below 1024 are root's" in refused.stderr
    assert get(nva, "/healthz") == "ok\n"
    nva.machine.run("sed", "-i", "s/\"127.0.0.1:80\"/\"127.0.0.1:9476\"/", "/etc/herald/herald.json")
    nva.wait_states("announced")
    nva.assert_silent(mark)


@pytest.mark.parametrize("deed", [
    "systemctl kill -s KILL herald-http",
    "systemctl kill -s STOP herald-http",  # it is killed by the watchdog
    "systemctl restart herald-http",
    "systemctl stop herald-http",
    "systemctl stop herald-http.socket; sleep 1; systemctl start herald-http.socket",
    "systemctl restart herald",
    "systemctl kill -s KILL herald",
])
def test_whatever_becomes_of_it_another_serves(nva, deed):
    mark, former = nva.mark(), http_pid(nva)
    nva.machine.shell(deed)
    wait_served(nva, former)
    nva.wait_states("announced")
    time.sleep(QUIET)
    nva.assert_silent(mark)


def test_a_herald_that_starts_finds_a_port_taken(nva):
    """It had the port before: it says who has it now, and starts all the same, or what it had announced would be withdrawn."""
    take = "import socket, time; s = socket.socket(); s.setsockopt(1, 2, 1); s.bind(('127.0.0.1', 9476)); s.listen(); time.sleep(600)"
    nva.machine.run("systemctl", "stop", "herald")
    nva.machine.run("systemd-run", "--quiet", "--unit=taker", "python3", "-c", take)
    wait_until(lambda: "9476" in nva.machine.run("ss", "-H", "-ltn").stdout, "it is taken", 10)
    nva.machine.run("systemctl", "start", "herald")
    wait_all_announced(nva)
    text = "http.listen: 127.0.0.1:9476: Address already in use; who has it: ss -ltnp 'sport = :9476'; it is tried again"
    wait_until(lambda: text in nva.machine.run("journalctl", "-u", "herald", "-n", "100").stdout, "it is told", 20, evidence=nva.evidence)
    assert nva.machine.run("heraldd", "--check").returncode == 0
    nva.machine.run("systemctl", "stop", "taker")
    wait_served(nva)
    wait_quiet(nva)


def test_stop_ends_them(nva):
    nva.machine.run("systemctl", "stop", "herald")
    # systemctl waits for the job it was asked for, not for those that come with it.
    for unit in ("herald-probe.service", "herald-http.service"):
        wait_until(lambda unit=unit: nva.machine.unit(unit, "ActiveState") == "inactive", f"{unit} has stopped", 20, evidence=nva.evidence)
    nva.machine.run("systemctl", "start", "herald")
    wait_all_announced(nva)
    wait_quiet(nva)


@pytest.fixture
def disk_of_the_state(nva, tmp_path):
    """/var/lib/herald on a loop device of its own."""
    image = tmp_path / "disk"
    subprocess.run(["truncate", "--size=32M", str(image)], check=True)
    subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
    loop = subprocess.run(["losetup", "--find", "--show", str(image)], check=True, capture_output=True, text=True).stdout.strip()
    nva.machine.run("systemctl", "stop", "herald")
    number = os.minor(os.stat(loop).st_rdev)
    nva.machine.shell(f"mknod /root/disk b 7 {number}; mount /root/disk /var/lib/herald; chown herald:herald /var/lib/herald; systemctl start herald")
    wait_all_announced(nva)
    wait_quiet(nva)
    yield
    nva.machine.run("fsfreeze", "--unfreeze", "/var/lib/herald", check=False)
    nva.machine.shell("systemctl stop herald; umount /var/lib/herald; rm /root/disk; systemctl start herald")
    subprocess.run(["losetup", "--detach", loop], check=True)
    wait_all_announced(nva)
    wait_quiet(nva)


def test_a_crash_while_the_disk_is_frozen_does_not_reach_the_network(nva, disk_of_the_state):
    """What writes there cannot be killed meanwhile, and is not waited for."""
    nva.machine.run("fsfreeze", "--freeze", "/var/lib/herald")
    refused = nva.machine.run("heraldctl", "drain", "web", check=False)
    assert refused.returncode == 1 and "the disk does not answer" in refused.stderr
    mark, pid = nva.mark(), nva.herald_pid()
    begun = time.monotonic()
    nva.machine.run("systemctl", "kill", "--kill-whom=main", "-s", "KILL", "herald")
    wait_until(lambda: nva.herald_pid() not in (0, pid) and nva.machine.unit("herald.service", "ActiveState") == "active", "another heraldd", 20, evidence=nva.evidence)
    assert time.monotonic() - begun < 20  # a lease is 30 s
    assert "herald-writer" in nva.machine.run("ps", "-e", "-o", "state,comm").stdout
    nva.wait_states("announced")
    time.sleep(QUIET)
    nva.assert_silent(mark)


def test_a_stranger_that_holds_the_name_of_the_lock(nva):
    """It can be seen that it is no herald."""
    nva.machine.run("systemctl", "stop", "herald")
    hold = "import socket, time; s = socket.socket(socket.AF_UNIX); s.bind('\\0io.herald.lock'); s.listen(); time.sleep(600)"
    nva.machine.run("systemd-run", "--quiet", "--unit=squatter", "--uid=nobody", "python3", "-c", hold)
    nva.machine.run("systemctl", "start", "herald")
    assert "holds the name of herald's lock" in nva.machine.run("journalctl", "-u", "herald", "-n", "50").stdout
    nva.machine.run("systemctl", "stop", "squatter")
    nva.machine.run("systemctl", "restart", "herald")
    wait_all_announced(nva)
    wait_quiet(nva)


def test_purge_leaves_nothing(nva):
    nva.apt("purge", "herald")
    assert nva.everything_with("herald") == []
    for user in ("herald", "herald-probe", "herald-http"):
        assert nva.machine.run("getent", "passwd", user, check=False).returncode == 2
