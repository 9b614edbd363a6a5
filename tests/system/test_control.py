"""What operators and their programs ask of a running heraldd, by heraldctl and by systemd's own varlinkctl."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

from herald import REPO, Herald, _program, exec_probe, service
from lab import Lab
from test_life import VIP
from waiting import LabError, wait_until

VARLINKCTL = Path(os.environ.get("VARLINKCTL", "/var/cache/herald-tests/varlinkctl/varlinkctl"))
INTERFACE = "io.herald.Control"


def start_announced(lab: Lab) -> tuple[Path, Herald]:
    """A service that is up as long as a file is there."""
    flag = lab.subdir("flags") / "up"
    flag.touch()
    probe = exec_probe("/bin/sh", "-c", f"test -e {flag} || exit 2", name="flag", rise=2, fall=2)
    herald = Herald(lab, lab.namespace("nva"), "herald", {"router": {"stack": "none"}, "services": [service("web", VIP, probe)]})
    herald.start()
    herald.wait_state("web", "announced")
    return flag, herald


def varlink(herald: Herald, *args: str) -> subprocess.CompletedProcess[str]:
    if not VARLINKCTL.exists():
        raise LabError(f"{VARLINKCTL} is not there: tests/run fetches it")
    verb, *rest = args
    return subprocess.run([str(VARLINKCTL), "-j", verb, str(herald.socket), *rest], capture_output=True, text=True, timeout=20, check=False)


def call(herald: Herald, method: str, **parameters: object) -> subprocess.CompletedProcess[str]:
    return varlink(herald, "call", f"{INTERFACE}.{method}", json.dumps(parameters))


def transitions(herald: Herald) -> list[str]:
    report = json.loads(herald.ctl("history", "--json").stdout)
    return [f"{one['service']}/{one['probe']}: {one['from']} -> {one['to']}" for one in report["transitions"]]


def test_watch_probe_and_history_over_a_crash(lab):
    flag, herald = start_announced(lab)
    seen = lab.subdir("flags") / "seen"
    with seen.open("w") as out:
        watch = subprocess.Popen([_program("heraldctl"), "--socket", str(herald.socket), "watch", "--json"], stdout=out)
    assert herald.ctl("probe", "web").returncode == 0
    flag.unlink()
    done = herald.ctl("probe", "web/flag", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["results"][0]["verdict"] == "fail"
    herald.wait_state("web", "withdrawn")
    wait_until(lambda: '"to":"withdrawn"' in seen.read_text(), "the watcher hears of it", 5)
    assert all(json.loads(line)["lasted_ms"] >= 0 for line in seen.read_text().splitlines())
    herald.kill()
    assert watch.wait(5) == 3  # heraldd has gone
    flag.touch()
    herald.start()
    herald.wait_state("web", "announced")
    told = transitions(herald)
    assert "web/flag: up -> down" in told and "web/: announced -> withdrawing" in told
    again = told.index("/:  -> started", 1)  # the crash said nothing
    assert told.index("web/: withdrawing -> withdrawn") < again < len(told) - 1
    assert "the one before it was killed" in herald.ctl("history", "web").stdout


def test_varlinkctl_drives_it(lab):
    _, herald = start_announced(lab)
    info = json.loads(varlink(herald, "info").stdout)
    assert info["product"] == "heraldd" and INTERFACE in info["interfaces"]
    described = subprocess.run([str(VARLINKCTL), "introspect", str(herald.socket), INTERFACE], capture_output=True, text=True, timeout=20, check=False)
    assert described.returncode == 0, described.stderr  # systemd's parser has read and checked it
    for expected in ("method Drain(", "method Watch(", "error NoSuchService"):
        assert expected in described.stdout
    assert json.loads(call(herald, "Status").stdout)["status"]["services"][0]["state"] == "announced"
    assert json.loads(call(herald, "Probe", service="web", probe="flag", count=True).stdout)["results"][0]["verdict"] == "pass"
    assert json.loads(call(herald, "Drain", services=["web"], reason="update").stdout) == {"services": ["web"]}
    herald.wait_state("web", "withdrawn")
    for method, parameters, error in (
        ("Why", {"service": "wbe"}, "NoSuchService"),
        ("Probe", {"service": "web", "probe": "flga"}, "NoSuchProbe"),
        ("Drain", {"services": "web"}, "InvalidParameter"),
        ("Watch", {}, "ExpectedMore"),
        ("Dance", {}, "MethodNotFound"),
    ):
        done = call(herald, method, **parameters)
        assert done.returncode != 0 and error in done.stderr, (method, done.stdout, done.stderr)


def test_who_may_not_change_things_may_look(lab):
    _, herald = start_announced(lab)
    program = lab.subdir("bin") / "heraldctl"
    shutil.copy(_program("heraldctl"), program)  # a checkout may be where others cannot get

    def as_nobody(*args: str) -> subprocess.CompletedProcess[str]:
        argv = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", str(program), "--socket", str(herald.socket), *args]
        return subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)

    for command in (["drain", "web"], ["undrain", "web"], ["force", "web"], ["unforce", "--all"], ["probe", "web"]):
        done = as_nobody(*command)
        assert done.returncode == 5 and "not permitted: only root" in done.stderr, (command, done)
    for command in (["status"], ["why", "web"], ["history"]):
        assert as_nobody(*command).returncode == 0, command
    assert herald.service("web")["admin"] == "auto"


def test_nothing_is_changed_for_one_who_has_given_up(lab):
    _, herald = start_announced(lab)
    herald.sigstop()
    for command in (["drain", "web"], ["handover"], ["reload"]):
        done = herald.ctl(*command, "--timeout", "300ms")
        assert done.returncode == 4 and "may still be" in done.stderr, (command, done)
    herald.sigcont()
    assert herald.service("web")["admin"] == "auto"
    assert not (herald.state_dir / "handover").exists()
    assert "reload" not in herald.log_text()


def test_durations_out_of_range_are_wrong_usage(lab):
    _, herald = start_announced(lab)
    for lasts in ("400d", "0.5ms", "0s", "soon"):
        done = herald.ctl("drain", "web", "--for", lasts)
        assert done.returncode == 2 and lasts in done.stderr, done
    assert herald.service("web")["admin"] == "auto"


def test_a_lost_state_file_is_not_as_wanted_until_undrained(lab):
    _, herald = start_announced(lab)
    herald.kill()
    (herald.state_dir / "state.json").write_text("{ junk")
    herald.start()
    herald.wait_state("web", "withdrawn")
    done = herald.ctl("status")
    assert done.returncode == 1 and "\n! web" in done.stdout, done
    assert herald.ctl("undrain", "web").returncode == 0
    herald.wait_state("web", "announced")
    assert herald.ctl("status").returncode == 0


def test_a_watch_that_cannot_be_written_says_so(lab):
    _, herald = start_announced(lab)
    with open("/dev/full", "w") as full:
        watch = subprocess.Popen([_program("heraldctl"), "--socket", str(herald.socket), "watch"], stdout=full, stderr=subprocess.PIPE, text=True)
    while watch.poll() is None:
        herald.ctl("drain", "web")
        herald.ctl("undrain", "web")
    assert watch.returncode == 1 and "No space left" in watch.stderr.read()


def test_shells_complete_commands_options_and_what_the_daemon_knows(lab):
    _, herald = start_announced(lab)
    completions = REPO / "packaging" / "completions"
    directory = lab.subdir("bin")
    (directory / "heraldctl").symlink_to(_program("heraldctl"))
    scripts = {
        "bash": """source {0}/heraldctl.bash; COMP_WORDS=({1}); [ -n "{2}" ] || COMP_WORDS+=(""); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
                   _heraldctl; printf '%s\\n' "${{COMPREPLY[@]}}" """,
        "zsh": """_describe() {{ print -l -- "${{(@)${{(P)2}}%%:*}}" }}; _files() {{ true }}; words=({1}); [[ -n "{2}" ]] || words+=("")
                  CURRENT=$#words; run() {{ source {0}/_heraldctl }}; run""",
        "fish": "source {0}/heraldctl.fish; complete -C '{1}' | cut -f 1",
    }
    environment = {**os.environ, "HERALD_SOCKET": str(herald.socket), "PATH": f"{directory}:{os.environ['PATH']}", "HOME": str(directory)}
    for shell, script in scripts.items():
        for line, expected in (("und", ["undrain"]), ("drain w", ["web"]), ("probe ", ["web", "web/flag"]), ("drain --rea", ["--reason"])):
            words = f"heraldctl {line}"
            current = line.rpartition(" ")[2]
            done = subprocess.run([shell, "-c", script.format(completions, words, current)], env=environment, capture_output=True, text=True, timeout=20, check=False)
            assert sorted(done.stdout.split()) == expected, (shell, line, done.stdout, done.stderr)
