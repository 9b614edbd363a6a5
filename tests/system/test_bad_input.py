"""Bad configuration, a bad environment, hostile answers and hostile clients: said plainly, and nothing else happens."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time

import pytest

from herald import REPO, Herald, dns, exec_probe, http, service, tcp
from lab import Lab
from test_life import VIP, quiet, start_announced
from waiting import wait_until

ONE_STACK = pytest.mark.nva("bird")


@pytest.fixture
def daemon(lab: Lab) -> Herald:
    """Not started: its configuration is what the tests spoil."""
    return Herald(lab, lab.namespace("nva"), "herald", {"router": {"stack": "none"}, "services": []})


def test_every_error_at_once(daemon):
    daemon.configure(
        router={"stack": "none", "stak": 1},
        services=[
            service("web", "10.99.0.0/24", http(8080, fal=3)),
            service("web", VIP, http(8080, interval="soon")),
            service("api", VIP, {"type": "htp"}),
        ],
    )
    done = daemon.run_to_end("--check")
    assert done.returncode == 2
    for expected in (
        '/router/stak: unknown key; did you mean "stack"?',
        '/services/0/probes/0/fal: unknown key; did you mean "fall"?',
        "10.99.0.0/24 is not a host prefix",
        "/services/1/probes/0/interval:",
        'did you mean "http"?',
        VIP,
    ):
        assert expected in done.stderr, f"{expected!r} is missing in\n{done.stderr}"
    assert str(daemon.config_file) in done.stderr


@pytest.mark.parametrize(
    "content",
    [b"[" * 100_000, os.urandom(50_000), b"", b"\xff\xfe{}", b"{", b'{"services": [}', b"nul\0l", b'{"a":' * 50_000],
    ids=["brackets", "random", "empty", "utf16", "open", "syntax", "nul", "deep"],
)
def test_junk_is_a_message_and_exit_2(daemon, content):
    daemon.config_file.write_bytes(content)
    done = daemon.run_to_end("--check")
    assert done.returncode == 2 and "herald.json" in done.stderr
    assert len(done.stderr) < 2000  # a message, not the junk itself


def test_no_key_or_value_steers_the_terminal(daemon):
    hostile = "k\u202e\u009b31m\u2066"
    configuration = {"router": {"stack": hostile}, hostile: 1, "services": [{hostile: hostile}]}
    daemon.config_file.write_text(json.dumps(configuration, ensure_ascii=False))
    done = daemon.run_to_end("--check")
    assert done.returncode == 2
    assert r"/k\u202e\u009b31m\u2066: unknown key" in done.stderr
    assert not [character for character in done.stderr if not character.isprintable() and character != "\n"], done.stderr


def test_bytes_that_are_no_text_are_shown_as_escapes(daemon):
    daemon.config_file.write_bytes(b'{"router\xff\x9b": 1, "services": []}')
    done = daemon.run_to_end("--check")
    assert done.returncode == 2 and done.stderr.isascii(), done.stderr


def test_unreadable_and_directory(daemon):
    daemon.config_file.unlink()
    assert "No such file" in daemon.run_to_end("--check").stderr
    daemon.config_file.mkdir()
    done = daemon.run_to_end("--check")
    assert done.returncode == 2 and "directory" in done.stderr


def test_check_is_silent_about_good_configuration(daemon):
    daemon.configure(services=[service("web", VIP, http(8080))])
    assert daemon.run_to_end("--check").returncode == 0


def test_a_template_that_only_the_fallback_needs_is_looked_at_before_it_is_needed(daemon, tmp_path):
    """With the loopback lever, which itself needs none: at --check, at the start and at a reload."""
    shipped = REPO / "frr-templates"
    for name in ("route-map.conf", "network.conf", "no-network.conf"):
        (tmp_path / name).write_text((shipped / name).read_text())
    templates = daemon.process.argv.index("--templates")
    daemon.process.argv[templates + 1] = str(tmp_path)
    router = {"stack": "frr", "bgp": {"as": 65001}}
    for router["fallback"], fallback, expected in (
        ("deny", None, "fallback.conf: there is no such template"),
        ("shutdown", "route-map {{mop}} deny 10\n", "fallback.conf:1: unknown placeholder"),
    ):
        if fallback:
            (tmp_path / "fallback.conf").write_text(fallback)
        daemon.configure(router=router, services=[service("web", VIP, http(8080))])
        for options in (("--check",), ()):
            done = daemon._ns.run(*daemon.process.argv, *options, timeout=10, check=False)
            assert done.returncode == 2 and expected in done.stderr, (options, done)
    daemon.configure(router={**router, "fallback": "off"})
    daemon.start()
    daemon.configure(router=router)
    refused = daemon.ctl("reload")
    assert refused.returncode == 2 and "fallback.conf:1: unknown placeholder" in refused.stderr, refused
    (tmp_path / "fallback.conf").write_text((shipped / "fallback.conf").read_text())
    assert daemon.ctl("reload").returncode == 0
    daemon.finish()


@pytest.mark.parametrize("harmless", ["--check", "--dry-run"])
def test_withdraw_does_not_go_with_what_promises_to_change_nothing(daemon, harmless):
    daemon.configure(services=[service("web", VIP, http(8080))])
    done = daemon.run_to_end("--withdraw", harmless)
    assert done.returncode == 2 and "--withdraw" in done.stderr and harmless in done.stderr, done


def test_a_log_that_does_not_exist(daemon):
    done = daemon.run_to_end("--log", "foo")
    assert done.returncode == 2 and "foo not in {auto,journal,text}" in done.stderr, done
    assert "\0" not in daemon.run_to_end("--help").stdout


def test_without_the_capability_it_says_so(daemon, lab):
    daemon.configure(services=[service("web", VIP, http(8080))])
    ns = daemon._ns
    argv = ["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin", *daemon.process.argv[4:]]
    done = ns.run(*argv, check=False)
    assert done.returncode == 1 and "CAP_NET_ADMIN" in done.stderr


def test_a_missing_interface_and_group_are_said(daemon):
    daemon.configure(
        control={"socket": str(daemon.socket), "group": "no-such-group"},
        services=[service("web", VIP, exec_probe("/bin/true"), announce={"via": "loopback", "interface": "dummy9"})],
    )
    daemon.start()
    wait_until(lambda: "there is no interface dummy9" in daemon.log_text(), "a line about the interface", 10)
    assert 'control.group "no-such-group" does not exist' in daemon.log_text()
    assert "dummy9" in daemon.wait_problem("web", "there is no interface")
    daemon._ns.ip("link add name dummy9 type veth peer name dummy9p")  # it comes later: herald notices
    daemon._ns.ip("link set dev dummy9 up")
    daemon.wait_state("web", "announced")
    assert daemon.stop() == 0


def test_a_missing_interface_is_said_though_the_service_is_down(daemon):
    """Else it would come out in the night when the service is needed."""
    daemon.configure(services=[service("web", VIP, tcp(1), announce={"via": "loopback", "interface": "dummy9"})])
    daemon.start()
    wait_until(lambda: "warning: there is no interface dummy9" in daemon.log_text(), "a warning", 5, evidence=daemon.log_tail)
    daemon.wait_health("web", "unhealthy")
    assert daemon.stop() == 0


def test_a_second_herald_in_the_namespace_refuses(daemon, lab):
    daemon.start()
    second = Herald(lab, daemon._ns, "second", {"router": {"stack": "none"}, "services": []})
    done = second.run_to_end()
    assert done.returncode == 1 and "another heraldd runs in this network namespace" in done.stderr
    assert daemon.alive
    third = Herald(lab, lab.namespace("other"), "third", {"router": {"stack": "none"}, "services": []})
    third.start()  # another namespace of the same machine
    assert third.ctl("status").returncode == 0 and daemon.ctl("status").returncode == 0


SQUATTER = "import socket, time; s = socket.socket(socket.AF_UNIX); s.bind(chr(0) + 'io.herald.lock'); s.listen(); print('held', flush=True); time.sleep(60)"


def test_no_other_user_can_keep_herald_from_starting(daemon):
    """Any user may take the name of the lock first: who holds it is no herald, which is said, and does not count."""
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", "-c", SQUATTER]
    with subprocess.Popen(daemon._ns.command(as_nobody), stdout=subprocess.PIPE, text=True) as squatter:
        try:
            assert squatter.stdout.readline() == "held\n"
            daemon.start()
            assert f"process {squatter.pid} of uid 65534 holds the name of herald's lock" in daemon.log_text()
            assert daemon.ctl("status").returncode == 0
        finally:
            squatter.kill()


@ONE_STACK
def test_dry_run_changes_nothing(region):
    region.http_service(port=8080)
    mark = region.mark()
    herald = region.herald(services=[service("web", VIP, http(8080))], start=False)
    herald.process.argv.append("--dry-run")
    herald.start()
    wait_until(lambda: "dry run, would: add 10.99.0.1/32 to lo" in herald.log_text(), "the step in the log", 10)
    quiet(0.5)
    assert region.vips() == set()
    region.assert_silent(mark)
    assert herald.stop() == 0


HTTP_FAULTS = ["endless", "endless_headers", "drip", "garbage", "short", "close", "reset", "hang"]


@ONE_STACK
def test_hostile_http_answers_fail_at_the_deadline_with_memory_flat(region):
    probes = []
    for index, fault in enumerate(HTTP_FAULTS):
        region.http_service(port=8080 + index).set(fault)
        expect = {"status": 200, "body_contains": "never said"}
        probes.append(http(8080 + index, name=fault, timeout="400ms", interval="500ms", expect=expect))
    herald = region.herald(services=[service("web", VIP, *probes)])
    herald.wait_health("web", "unhealthy")
    wait_until(lambda: all(p["state"] == "down" for p in herald.service("web")["probes"]), "all probes down", 10)
    before = herald.rss_kb()
    quiet(6)
    # One attempt may be inconclusive, when this machine was too busy for herald's own deadline.
    wait_until(lambda: all(p["state"] == "down" and p["verdict"] == "fail" and p["latency_ms"] < 1500
                           for p in herald.service("web")["probes"]), "all end at the deadline, failed", 15,
               evidence=lambda: json.dumps(herald.service("web")["probes"], indent=1))
    # A sanitized build keeps freed memory in quarantine, so "flat" leaves room for that.
    assert herald.rss_kb() - before < 40_000
    assert herald.descriptors() < 60


DNS_FAULTS = ["servfail", "refused", "silent", "wrong_id", "wrong_question", "echo", "junk", "short", "pointer_loop",
              "false_counts", "tcp_endless", "tcp_drip", "tcp_reset"]


@ONE_STACK
def test_hostile_dns_answers_fail(region):
    probes = []
    for index, fault in enumerate(DNS_FAULTS):
        region.hostile_dns(port=5300 + index).set(fault)
        probes.append(dns("health.example.net A", 5300 + index, name=fault, timeout="400ms", interval="500ms"))
    herald = region.herald(services=[service("dns", VIP, *probes)])
    wait_until(lambda: all(p["state"] == "down" for p in herald.service("dns")["probes"]), "all probes down", 15,
               evidence=lambda: json.dumps(herald.service("dns")["probes"], indent=1))
    assert herald.descriptors() < 60


@ONE_STACK
def test_real_dns_tcp_and_exec(region):
    nsd = region.nsd("example.net", port=53)
    region.tcp_service(port=7000)
    herald = region.herald(
        services=[
            service(
                "all", VIP,
                dns("health.example.net A", expect={"min_answers": 1, "answers": ["192.0.2.1"], "authoritative": True}),
                dns("example.net SOA", name="over-tcp", transport="tcp", expect={"serial_at_least": 1}),
                tcp(7000), exec_probe("/bin/sh", "-c", "echo fine; exit 0"),
            )
        ]
    )
    herald.wait_state("all", "announced")
    assert [p["state"] for p in herald.service("all")["probes"]] == ["up"] * 4
    nsd.kill()
    herald.wait_state("all", "withdrawn")


@ONE_STACK
def test_a_name_that_does_not_resolve_is_not_the_services_fault(region):
    region.http_service(port=8080)
    herald = region.herald(services=[service("web", VIP, {"type": "http", "url": "http://no-such-name.invalid:8080/"})])
    quiet(2)
    shown = herald.service("web")
    assert shown["health"] == "unknown" and shown["probes"][0]["verdict"] == "inconclusive"


@ONE_STACK
def test_hostile_clients_of_the_control_socket(region):
    _, herald = start_announced(region)
    clients = []
    for index in range(330):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(2)
        client.connect(str(herald.socket))
        try:
            client.send([b"", b'{"method":', b"junk\0", b"x" * 70_000][index % 4])
        except OSError:
            pass  # dropped already: that is its right
        clients.append(client)
    before = time.monotonic()
    assert herald.service("web")["state"] == "announced"
    assert time.monotonic() - before < 2
    for client in clients:
        client.close()
    assert herald.ctl("why", "web").returncode == 0
    assert herald.ctl("why", "wbe").returncode == 2
    assert herald.stop() == 0


def test_heraldctl_without_a_daemon(daemon):
    done = daemon.ctl("status")
    assert done.returncode == 3 and str(daemon.socket) in done.stderr
