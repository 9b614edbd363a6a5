"""A Debian 12 machine: a container with systemd as its init, booted from a copy of a cached tree.

It stands behind a namespace of the lab's, by one veth pair, and is reached by nsenter. `reboot` is one: a new network
namespace, an empty /run, and what is on the disk."""

from __future__ import annotations


import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from namespaces import Namespace
from waiting import LabError, wait_until

if TYPE_CHECKING:
    from lab import Lab

# In a process namespace of its own, so that whoever kills the first process kills all of the machine. systemd wants a cgroup2
# that is its own; and a host whose /sys may be written is taken for one with udev, which would have to know the link first.
_BOOT = """
mount -t cgroup2 none /sys/fs/cgroup
mount -o remount,bind,ro /sys
exec systemd-nspawn --quiet --boot --register=no --keep-unit --private-network --network-interface=eth0 \
    --console=pipe --link-journal=no --machine="$1" --directory="$2"
"""

_NETWORK_UNIT = """[Unit]
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target network.target frr.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'ip address add {address}/24 dev eth0; ip link set eth0 up; ip route add default via {gateway}'
[Install]
WantedBy=multi-user.target
"""


class Container:
    def __init__(self, lab: Lab, tree: Path, rt: Namespace, address: str, gateway: str) -> None:
        """`tree` is the lab's to write in. `address` is the machine's, `gateway` is in `rt`."""
        self.tree = tree
        self._rt = rt
        self._gateway = gateway
        self._name = f"{lab.prefix}-machine"
        argv = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-ec", _BOOT, "boot", self._name, str(tree)]
        self.process = lab.process(rt, argv, lab.dir / "machine.log")
        self.write("/etc/hostname", "nva\n")
        self.write("/etc/systemd/system/lab-network.service", _NETWORK_UNIT.format(address=address, gateway=gateway))
        wanted = tree / "etc/systemd/system/multi-user.target.wants/lab-network.service"
        wanted.symlink_to("/etc/systemd/system/lab-network.service")

    def write(self, path: str, text: str) -> None:
        """While it runs, `/run` and `/tmp` are the container's own: not for these."""
        file = self.tree / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def boot(self, timeout: float = 60) -> None:
        self._rt.run("ip", "link", "del", "nva", check=False)  # nspawn gives it back when its container ends
        self._rt.ip("link add name eth0 type veth peer name nva", f"addr add {self._gateway}/24 dev nva", "link set nva up")
        self.process.start()
        self.process.wait_ready(self._is_up, "the machine has booted", timeout)

    def reboot(self) -> None:
        self.run("systemctl", "reboot")
        if self.process.wait(60) is None:
            raise LabError(f"the machine does not go down\n{self.log_tail()}")
        self.boot()

    def pull_the_plug(self) -> None:
        self.process.kill()

    def run(self, *argv: str, timeout: float = 60, check: bool = True) -> subprocess.CompletedProcess[str]:
        enter = ["nsenter", f"--target={self._init()}", "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--"]
        env = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", "HOME=/root"]
        limit = ["timeout", "--signal=KILL", f"{timeout:g}"]  # nsenter itself would leave its child behind
        done = subprocess.run([*enter, *env, *limit, *argv], capture_output=True, text=True, check=False, errors="replace")
        if check and done.returncode != 0:
            raise LabError(f"{shlex.join(argv)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def shell(self, script: str, timeout: float = 60, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run("sh", "-ec", script, timeout=timeout, check=check)

    def unit(self, name: str, key: str) -> str:
        """One of systemd's properties of a unit."""
        return self.run("systemctl", "show", "--value", f"--property={key}", name).stdout.strip()

    def _init(self) -> int:
        """The container's: unshare has nspawn as its child, and that one the container."""
        pid = self.process.pid
        for _ in range(2):
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            if not children:
                raise LabError("the machine has no init")
            pid = int(children[0])
        return pid

    def _is_up(self) -> bool:
        try:
            state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
        except (LabError, OSError):
            return False
        return state in ("running", "degraded")

    def log_tail(self, lines: int = 30) -> str:
        """Of its journal, which also has what its units print."""
        journal = self.tree / "var/log/journal"
        argv = ["journalctl", "--no-pager", f"--lines={lines}", "--output=short-precise", f"--directory={journal}"]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)
        return f"== journal of the machine, last {lines} lines\n{done.stdout}{done.stderr}{self.process.log_tail(5)}"
