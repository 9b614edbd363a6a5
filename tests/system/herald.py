"""The daemon under test, and short builders for its configuration."""

from __future__ import annotations

import json
import os
import resource
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from namespaces import Namespace
from waiting import LabError, LabTimeout, wait_until

if TYPE_CHECKING:
    from lab import Lab

REPO = Path(__file__).resolve().parents[2]

# Quick enough for tests, slow enough for two busy cores. Any of it can be overridden in each builder.
FAST_PROBE = {"interval": "1s", "fast_interval": "100ms"}

_SANITIZER = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", ": runtime error: ", "WARNING: ThreadSanitizer")


def http(port: int, path: str = "/healthz", **extra: Any) -> dict[str, Any]:
    return {"type": "http", "url": f"http://127.0.0.1:{port}{path}", **FAST_PROBE, **extra}


def tcp(port: int, **extra: Any) -> dict[str, Any]:
    return {"type": "tcp", "address": f"127.0.0.1:{port}", **FAST_PROBE, **extra}


def dns(query: str, port: int = 53, **extra: Any) -> dict[str, Any]:
    return {"type": "dns", "server": f"127.0.0.1:{port}", "query": query, **FAST_PROBE, **extra}


def udp(port: int, **extra: Any) -> dict[str, Any]:
    return {"type": "udp", "address": f"127.0.0.1:{port}", **FAST_PROBE, **extra}


def exec_probe(*command: str, **extra: Any) -> dict[str, Any]:
    return {"type": "exec", "command": list(command), **FAST_PROBE, **extra}


def service(name: str, vips: str | list[str], *probes: dict[str, Any], **extra: Any) -> dict[str, Any]:
    """Announced by `loopback` unless `announce` says otherwise."""
    listed = [vips] if isinstance(vips, str) else vips
    return {"name": name, "vips": listed, "announce": {"via": "loopback"}, "probes": list(probes), **extra}


class Herald:
    """heraldd in a namespace, with a configuration, control socket, state directory and log of its own."""

    def __init__(self, lab: Lab, ns: Namespace, label: str, config: dict[str, Any]) -> None:
        self.dir = lab.subdir(label)
        self.config_file = self.dir / "herald.json"
        self.services_dir = self.dir / "services.d"
        self.services_dir.mkdir()
        self.state_dir = self.dir / "state"
        self.state_dir.mkdir()
        self.socket = self.dir / "control.sock"
        self._ns = ns
        self._defaults = {"control": {"socket": str(self.socket)}, "state_dir": str(self.state_dir)}
        self.config: dict[str, Any] = {}
        self.configure(**config)
        argv = [_program("heraldd"), "-c", str(self.config_file), "--services-dir", str(self.services_dir), "--log", "text",
                "--templates", str(REPO / "frr-templates")]
        self.process = lab.process(ns, argv, self.dir / "herald.log", self._unit_env())

    def _unit_env(self) -> dict[str, str]:
        """What a unit's RuntimeDirectory= tells; it is made when something is written there."""
        return {"RUNTIME_DIRECTORY": str(self.dir / "run")}

    def configure(self, **changes: Any) -> None:
        """Writes the configuration file with these top-level keys replaced; None leaves a key out. Applied by `ctl("reload")`."""
        merged = {**self._defaults, **self.config, **changes}
        self.config = {key: value for key, value in merged.items() if value is not None}
        self._defaults = {}
        self.write_config(json.dumps(self.config, indent=2))

    def write_config(self, text: str) -> None:
        """Any text at all, for tests of bad input. Replaced atomically, as careful administrators do."""
        fresh = self.config_file.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(self.config_file)

    def start(self, timeout: float = 10) -> None:
        """Returns once the control socket accepts."""
        self.process.start()
        self.process.wait_ready(self._accepts, "heraldd accepts on its control socket", timeout)

    def run_to_end(self, *options: str, timeout: float = 10, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """heraldd in the foreground with its output captured: `--check`, or a configuration that must be refused."""
        argv = [_program("heraldd"), "-c", str(self.config_file), "--services-dir", str(self.services_dir), "--templates", str(REPO / "frr-templates"), *options]
        settings = [f"{name}={value}" for name, value in {**self._unit_env(), **(env or {})}.items()]
        return self._ns.run("env", *settings, *argv, timeout=timeout, check=False)

    def withdraw(self, *options: str, **env: str) -> subprocess.CompletedProcess[str]:
        """`heraldd --withdraw`, as the units run it after a crash; `env` is what systemd tells them."""
        return self.run_to_end("--withdraw", *options, "--log", "text", env=env)

    def stop(self, timeout: float = 10) -> int:
        """SIGTERM, as systemd does; returns the exit code."""
        if not self.process.alive:
            raise LabError(f"heraldd is not running (ended with {self.process.returncode})\n{self.log_tail()}")
        code = self.process.terminate(timeout)
        if code is None:
            raise LabTimeout(f"heraldd did not end within {timeout:g} s of SIGTERM\n{self.log_tail()}")
        return code

    def kill(self) -> None:
        self.process.kill()

    def hand_over(self) -> None:
        """`heraldctl handover`: it returns when the daemon has gone, and says for the unit's ExecStopPost that it may."""
        done = self.ctl("handover", timeout=20)
        assert done.returncode == 0, done.stderr + self.log_tail()
        assert self.process.wait(1) == 0, self.log_tail()
        assert (self.state_dir / "handover").exists()

    def sigstop(self) -> None:
        self.process.sigstop()

    def sigcont(self) -> None:
        self.process.sigcont()

    def restart(self) -> None:
        self.stop()
        self.start()

    def finish(self, timeout: float = 3) -> None:
        """At the end of a test: ends it somehow. SIGTERM first, since leaks are reported at a clean exit only."""
        self.process.sigcont()
        self.process.terminate(timeout)

    @property
    def alive(self) -> bool:
        return self.process.alive

    def ctl(self, *args: str, timeout: float = 10) -> subprocess.CompletedProcess[str]:
        """heraldctl against this daemon; the caller judges the exit code."""
        return self._ns.run(_program("heraldctl"), "--socket", str(self.socket), *args, timeout=timeout, check=False)

    def status(self) -> dict[str, Any]:
        """`heraldctl status --json`, whose exit code 1 only says that not all is well."""
        done = self.ctl("status", "--json")
        if done.returncode not in (0, 1):
            raise LabError(f"heraldctl status: exit {done.returncode}\n{done.stdout}{done.stderr}\n{self.log_tail()}")
        return json.loads(done.stdout)

    def service(self, name: str) -> dict[str, Any]:
        """One service's part of the status."""
        found = [s for s in self.status()["services"] if s["name"] == name]
        if len(found) != 1:
            raise LabError(f"{len(found)} services {name!r} in the status")
        return found[0]

    def wait_state(self, service: str, state: str, timeout: float = 10) -> dict[str, Any]:
        return self.wait_status(service, "state", state, timeout)

    def wait_health(self, service: str, health: str, timeout: float = 10) -> dict[str, Any]:
        return self.wait_status(service, "health", health, timeout)

    def wait_problem(self, service: str, text: str, timeout: float = 20) -> str:
        """Waits until the service's problem has `text` in it: it is "not read back yet" until the router was asked."""
        wait_until(lambda: text in self.service(service)["problem"], f"{service}: problem with {text!r}", timeout, poll=0.05, evidence=self.log_tail)
        return str(self.service(service)["problem"])

    def wait_status(self, service: str, key: str, value: str, timeout: float = 10) -> dict[str, Any]:
        """Waits until the service's `key` has that value; returns its status."""
        last: dict[str, Any] = {}

        def probe() -> bool:
            last.update(self.service(service))
            return last.get(key) == value

        def evidence() -> str:
            return json.dumps(last, indent=2) + "\n" + self.log_tail()

        wait_until(probe, f"service {service}: {key} is {value}", timeout, poll=0.05, evidence=evidence)
        return last

    def rss_kb(self) -> int:
        return self._proc_status("VmRSS")

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def limit_descriptors(self, most: int | None = None) -> None:
        """The soft limit under which it runs from now on: `most`, or so many that its highest number is the last one."""
        pid = self.process.pid
        _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        if most is None:
            most = max(int(number) for number in os.listdir(f"/proc/{pid}/fd")) + 1
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, hard))

    def _proc_status(self, key: str) -> int:
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(key + ":"):
                return int(line.split()[1])
        raise LabError(f"no {key} in the status of pid {self.process.pid}")

    def log_text(self) -> str:
        return self.process.log_text()

    def log_tail(self, lines: int = 40) -> str:
        return self.process.log_tail(lines)

    def sanitizer_report(self) -> str:
        """What a sanitizer complained about, empty if nothing."""
        text = self.log_text()
        found = [at for word in _SANITIZER if (at := text.find(word)) >= 0]
        return text[max(0, min(found) - 200) : min(found) + 4000] if found else ""

    def _accepts(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            try:
                client.connect(str(self.socket))
            except OSError:
                return False
        return True


def _program(name: str) -> str:
    """From the environment (HERALDD, HERALDCTL), else from the build directory. Missing is an error, never a skipped test."""
    path = Path(os.environ.get(name.upper(), REPO / "build" / name))
    if not os.access(path, os.X_OK):
        raise LabError(f"{path} is not there: build it first, or set {name.upper()}")
    return str(path)
