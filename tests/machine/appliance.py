"""The machine as an NVA: FRR, a service to announce, the package of herald, and two Route Servers that witness it all."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from container import Container
from lab import Lab
from route_server import RegionPlan, Watched, make_route_servers
from waiting import wait_until

PACKAGE = "herald_package.deb"  # in /root

# Long enough to see that nothing comes: probes have become conclusive, and the router was read again.
QUIET = 3.0

_WEB_UNIT = """[Service]
ExecStart=/usr/bin/python3 -m http.server 8080 --bind 127.0.0.1 --directory /srv/web
StandardError=null
[Install]
WantedBy=multi-user.target
"""


class Appliance(Watched):
    def __init__(self, lab: Lab, tree: Path, package: Path) -> None:
        """`tree` is copied; `package` is the file of herald's package."""
        plan = RegionPlan(1)  # its numbers are those of the README
        self._lab = lab
        rt = lab.namespace("rt")
        self.route_servers = make_route_servers(lab, "boot", plan, rt)
        subprocess.run(["cp", "-a", "--reflink=auto", str(tree), str(lab.dir / "machine")], check=True)
        self.machine = Container(lab, lab.dir / "machine", rt, plan.nva.address, plan.nva_gateways[0])
        self.machine.write("/srv/web/healthz", "ok\n")
        self.machine.write("/etc/systemd/system/web.service", _WEB_UNIT)
        shutil.copy(package, self.machine.tree / "root" / PACKAGE)

    def start(self) -> None:
        for rs in self.route_servers.values():
            rs.start()
        self.machine.boot()
        self.machine.run("systemctl", "enable", "--now", "web.service")

    def stop(self) -> None:
        self.machine.pull_the_plug()

    def package(self, version: str) -> str:
        """The same package under another version; its path in the machine."""
        unpacked = self._lab.dir / f"herald-{version}"
        original = self.machine.tree / "root" / PACKAGE
        subprocess.run(["dpkg-deb", "--raw-extract", str(original), str(unpacked)], check=True)
        control = unpacked / "DEBIAN" / "control"
        lines = [f"Version: {version}" if line.startswith("Version: ") else line for line in control.read_text().splitlines()]
        control.write_text("\n".join(lines) + "\n")
        made = self.machine.tree / "root" / f"herald-{version}.deb"
        subprocess.run(["dpkg-deb", "--build", "-Zgzip", "-z1", str(unpacked), str(made)], check=True, stdout=subprocess.DEVNULL)
        return f"/root/{made.name}"

    def made_package(self, name: str, depends: str, postinst: str) -> str:
        """One that holds nothing else; its path in the machine."""
        control = self._lab.dir / name / "DEBIAN"
        control.mkdir(parents=True)
        fields = {"Package": name, "Version": "1", "Architecture": "all", "Depends": depends, "Maintainer": "nobody <nobody@example.net>", "Description": name}
        (control / "control").write_text("".join(f"{key}: {value}\n" for key, value in fields.items()))
        (control / "postinst").write_text(postinst)
        (control / "postinst").chmod(0o755)
        made = self.machine.tree / "root" / f"{name}.deb"
        subprocess.run(["dpkg-deb", "--build", str(control.parent), str(made)], check=True, stdout=subprocess.DEVNULL)
        return f"/root/{made.name}"

    def apt(self, *argv: str) -> subprocess.CompletedProcess[str]:
        return self.machine.run("apt-get", "-y", "-q", "-o", "Dpkg::Use-Pty=0", *argv, timeout=120)

    # -- herald

    def status(self) -> dict[str, Any]:
        return json.loads(self.machine.run("heraldctl", "status", "--json", check=False).stdout or "{}")

    def states(self) -> dict[str, str]:
        return {service["name"]: service["state"] for service in self.status().get("services", [])}

    def wait_states(self, expected: str, timeout: float = 20) -> None:
        def reached() -> bool:
            states = self.states()
            return bool(states) and set(states.values()) == {expected}

        wait_until(reached, f"every service is {expected}", timeout, poll=0.1, evidence=self.evidence)

    def herald_pid(self) -> int:
        return int(self.machine.unit("herald.service", "MainPID"))

    def workers(self) -> set[str]:
        """The processes of herald-probe.service, without what exec probes have started."""
        main = self.machine.unit("herald-probe.service", "MainPID")
        if main == "0":
            return set()
        return {main, *self.machine.run("cat", f"/proc/{main}/task/{main}/children", check=False).stdout.split()}

    def wait_workers(self, former: set[str]) -> set[str]:
        """Until there are others, a spawner and at least one worker."""

        def are_others() -> bool:
            workers = self.workers()
            return len(workers) >= 2 and not workers & former

        wait_until(are_others, "other workers run", 30, poll=0.1, evidence=self.evidence)
        return self.workers()

    def wait_new_pid(self, former: int, timeout: float = 30) -> None:
        wait_until(lambda: self.herald_pid() not in (0, former), "another heraldd runs", timeout, poll=0.1, evidence=self.evidence)

    def everything_with(self, name: str) -> list[str]:
        """Paths on the disk that have `name` in their own."""
        places = ["/etc", "/usr", "/lib", "/var/lib", "/var/cache", "/run", "/srv", "/home", "/tmp", "/var/tmp"]
        found = self.machine.run("find", *places, "-path", "/var/lib/dpkg/info", "-prune", "-o", "-iname", f"*{name}*", "-print")
        return found.stdout.split()

    def evidence(self, lines: int = 25) -> str:
        parts = [rs.bird.log_tail(lines) for rs in self.route_servers.values()]
        return "\n".join([*parts, self.machine.log_tail(lines)])
