"""The router on an NVA, beside which herald runs: FRR (zebra and bgpd in a pathspace) or BIRD, each configured as herald's
documentation asks. Both flavours offer the same methods, so that one test runs over both."""

from __future__ import annotations

import json
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from bird import FAST_BGP, Bird, quoted
from namespaces import Namespace
from processes import Process, tail
from waiting import LabError, LabTimeout, wait_until

if TYPE_CHECKING:
    from lab import Lab

ANYCAST = "10.99.0.0/24"  # VIPs are /32 of this
ANYCAST6 = "fd00:99::/64"  # and /128 of this
ROUTE_SERVER_AS = 65515
FRR_LIB = Path("/usr/lib/frr")
REPO = Path(__file__).resolve().parents[2]
FRR_USER = "frr"


@dataclass(frozen=True)
class NvaOptions:
    """How the router is configured. Hashable, so that a finished region can be kept and reused by its options."""

    lever: str = "loopback"  # "loopback": connected VIPs are redistributed; "vtysh", "birdc": only what herald configures
    multihop: tuple[bool, bool] = (True, True)  # per Route Server; False shows that it is needed
    graceful_restart: bool = False  # True leaves FRR's default, under which Route Servers keep a dead router's routes
    extra: str = ""  # appended to bgpd.conf or bird.conf
    config: str = ""  # a file of the repository: the whole configuration, for region 1; the rest above then tells nothing


@dataclass(frozen=True)
class NvaPlan:
    """Numbers of an NVA: what a router configuration needs to know."""

    asn: int
    address: str
    address6: str
    peers: tuple[str, ...]


class Nva(Protocol):
    """What both flavours offer."""

    stack: str
    plan: NvaPlan

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...
    def restart(self) -> None: ...
    def heal(self) -> None:
        """Back to the state after start(): every daemon runs, is not stopped, and has its original configuration."""

    def established(self) -> set[str]: ...
    def wait_established(self, timeout: float = 20) -> None: ...
    def advertised_to(self, prefix: str) -> set[str]:
        """The Route Servers to which the router itself says that it advertises the prefix."""

    def herald_router(self) -> dict[str, Any]:
        """The stack-specific part of herald's `router` section."""

    def log_tail(self, lines: int = 30) -> str: ...


class FrrNva:
    """zebra and bgpd, without watchfrr: a daemon that a test kills stays dead until the test (or heal) starts it.

    Each has its own file in /etc/frr/<pathspace>, so `write memory` writes bgpd.conf, and a restart reads it back."""

    stack = "frr"

    def __init__(self, lab: Lab, ns: Namespace, plan: NvaPlan, options: NvaOptions) -> None:
        self.plan = plan
        self.options = options
        self.pathspace = ns.name
        self._ns = ns
        self.run_dir = Path("/run/frr", self.pathspace)
        self.config_dir = Path("/etc/frr", self.pathspace)
        self.log_dir = lab.subdir(f"{ns.name.removeprefix(lab.prefix + '-')}-frr", owner=FRR_USER)
        self.zebra = self._daemon(lab, "zebra")
        self.bgpd = self._daemon(lab, "bgpd")
        self._baseline = ""

    def _daemon(self, lab: Lab, name: str) -> Process:
        # -f, because without it FRR prefers an integrated /etc/frr/frr.conf, be it another pathspace's, to its own file.
        argv = [str(FRR_LIB / name), "-N", self.pathspace, "-f", str(self.config_dir / f"{name}.conf"), "-A", "127.0.0.1"]
        argv += ["--log", f"file:{self.log_dir / name}.log", "--log-level", "informational"]
        return lab.process(self._ns, argv, self.log_dir / f"{name}.out")

    def start(self) -> None:
        if self.options.config:
            self.start_with((REPO / self.options.config).read_text())
        else:
            if not self.config_dir.exists():
                self._write_config()
            self._start_zebra()
            self._start_bgpd()
        if not self._baseline:
            self._baseline = self._running_config()

    def start_with(self, config: str) -> None:
        """As Debian's frr.service does: the daemons start with nothing, and vtysh tells them the integrated configuration."""
        file = self._prepare_dirs() / "frr.conf"
        file.write_text(config)
        shutil.chown(file, FRR_USER, FRR_USER)
        for name in ("zebra", "bgpd"):
            (self.config_dir / f"{name}.conf").write_text("")
        self._start_zebra()
        self._start_bgpd()
        self._ns.run("vtysh", "-N", self.pathspace, "-f", str(file), timeout=20)

    def stop(self) -> None:
        self.bgpd.terminate()
        self.zebra.terminate()

    def kill(self) -> None:
        self.bgpd.kill()
        self.zebra.kill()

    def restart(self) -> None:
        self.stop()
        self.start()

    def heal(self) -> None:
        for daemon in (self.zebra, self.bgpd):
            daemon.sigcont()
        # A bgpd older than its zebra has lost its redistribution (zclient_stop frees the bitmaps): it looks well, announces nothing.
        sound = self.zebra.alive and self.bgpd.alive and self.bgpd.started_at >= self.zebra.started_at
        if not self.options.config:
            self._write_config()  # a test may have written the running configuration
        if not sound or self._running_config() != self._baseline:
            self.kill()
            self.start()

    def _start_zebra(self) -> None:
        self.zebra.start()
        # Its vty opens after its socket for clients; asking that one would be logged as a client's error.
        self.zebra.wait_ready(lambda: _accepts(self.run_dir / "zebra.vty"), "zebra accepts vtysh")

    def _start_bgpd(self) -> None:
        """Only once zebra accepts: a bgpd that misses it tries again after 10 s."""
        self.bgpd.start()
        self.bgpd.wait_ready(lambda: _accepts(self.run_dir / "bgpd.vty"), "bgpd accepts vtysh")

    def _prepare_dirs(self) -> Path:
        for directory in (self.run_dir, self.config_dir):
            directory.mkdir(exist_ok=True)
            shutil.chown(directory, FRR_USER, FRR_USER)
        return self.config_dir

    def _write_config(self) -> None:
        self._prepare_dirs()
        files = {
            "zebra.conf": "frr defaults traditional\n",
            "bgpd.conf": frr_bgpd_config(self.plan, self.options),
            "vtysh.conf": "no service integrated-vtysh-config\n",
        }
        for name, text in files.items():
            path = self.config_dir / name
            path.write_text(text)
            shutil.chown(path, FRR_USER, FRR_USER)

    def vtysh(self, *commands: str, daemon: str | None = "bgpd", timeout: float = 5, check: bool = True) -> str:
        """Runs the commands in one vtysh session. `daemon=None` asks all of them, and hangs if one of them does."""
        argv = ["vtysh", "-N", self.pathspace, *(["-d", daemon] if daemon else [])]
        for command in commands:
            argv += ["-c", command]
        # Else every command is appended to the history file in the user's home.
        done = self._ns.run("env", "VTYSH_HISTFILE=/dev/null", *argv, timeout=timeout, check=False)
        if check and done.returncode != 0:
            raise LabError(f"{' '.join(argv)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def reload(self, config: str) -> None:
        """As `systemctl reload frr` does, with what `show running-config` once said: what was added since is taken away."""
        file = self.log_dir / "reload.conf"
        file.write_text(config[config.index("frr version") :])
        argv = [str(FRR_LIB / "frr-reload.py"), "--reload", "--stdout", "-N", self.pathspace, "--daemon", "bgpd", str(file)]
        self._ns.run("env", "VTYSH_HISTFILE=/dev/null", *argv, timeout=20)

    def vtysh_json(self, command: str) -> dict[str, Any]:
        return json.loads(self.vtysh(command) or "{}")

    def _running_config(self) -> str:
        return self.vtysh("show running-config")

    def established(self) -> set[str]:
        if not self.bgpd.alive:
            return set()
        summary = self.vtysh_json("show bgp summary json")
        families = [summary.get(family, {}).get("peers", {}) for family in ("ipv4Unicast", "ipv6Unicast")]
        per_family = [{peer for peer, seen in peers.items() if seen.get("state") == "Established"} for peers in families]
        return set.intersection(*per_family)

    def wait_established(self, timeout: float = 20) -> None:
        _wait_established(self, timeout)

    def advertised_to(self, prefix: str) -> set[str]:
        family = "ipv6" if ":" in prefix else "ipv4"
        return set(self.vtysh_json(f"show bgp {family} unicast {prefix} json").get("advertisedTo", {}))

    def herald_router(self) -> dict[str, Any]:
        return {"stack": "frr", "vtysh": {"path": shutil.which("vtysh"), "pathspace": self.pathspace}}

    def log_tail(self, lines: int = 30) -> str:
        return "\n".join(tail(self.log_dir / f"{name}.log", lines) for name in ("zebra", "bgpd"))


class BirdNva:
    """BIRD with `protocol direct` on lo, and an include file that is herald's alone."""

    stack = "bird"

    def __init__(self, lab: Lab, ns: Namespace, plan: NvaPlan, options: NvaOptions) -> None:
        self.plan = plan
        self.options = options
        self.bird = Bird(lab, ns, f"{ns.name.removeprefix(lab.prefix + '-')}-bird")
        self.include = self.bird.dir / "herald.conf"
        self._ns = ns

    def start(self) -> None:
        if not self.bird.conf.exists():
            self._write_config()
        self.bird.start()

    def start_with(self, config: str) -> None:
        self.include.write_text("")
        self.bird.conf.write_text(f'log "{self.bird.log}" all;\n{config}')
        self.bird.start()

    def stop(self) -> None:
        self.bird.process.terminate()

    def kill(self) -> None:
        self.bird.process.kill()

    def restart(self) -> None:
        self.stop()
        self.start()

    def heal(self) -> None:
        self.bird.process.sigcont()
        changed = self.include.read_text() or self.bird.conf.read_text() != self._config()
        if changed:
            self._write_config()
        if not self.bird.process.alive:
            self.bird.start()
        elif changed:
            self.bird.must("configure")
        for protocol in self.protocols.values():
            self.bird.must(f"enable {protocol}")

    def _write_config(self) -> None:
        self.include.write_text("")  # BIRD refuses to start when an included file is absent
        self.bird.conf.write_text(self._config())

    def _config(self) -> str:
        if self.options.config:
            text = (REPO / self.options.config).read_text().replace("/etc/bird/herald.conf", str(self.include))
            return f"log {quoted(self.bird.log)} all;\n{text}"
        return self.bird.head(self.plan.address) + bird_nva_config(self.plan, self.options, self.include)

    def birdc(self, command: str, timeout: float = 5) -> str:
        """The real birdc; `bird.ask` is quicker."""
        done = self._ns.run("birdc", "-s", str(self.bird.socket), *command.split(), timeout=timeout, check=False)
        return done.stdout

    @property
    def protocols(self) -> dict[str, str]:
        """Peer address to the name of its protocol."""
        return {peer: _peer_name(i) for i, peer in enumerate(self.plan.peers)}

    def established(self) -> set[str]:
        if not self.bird.process.alive:
            return set()
        return {peer for peer, name in self.protocols.items() if self.bird.established(name)}

    def wait_established(self, timeout: float = 20) -> None:
        _wait_established(self, timeout)

    def advertised_to(self, prefix: str) -> set[str]:
        exported = {peer: self.bird.ask(f"show route {prefix} export {name}") for peer, name in self.protocols.items()}
        return {peer for peer, reply in exported.items() if reply.ok and prefix in reply.text}

    def herald_router(self) -> dict[str, Any]:
        bird = {"birdc": shutil.which("birdc"), "socket": str(self.bird.socket)}
        if self.options.lever == "birdc":
            bird["include"] = str(self.include)
        return {"stack": "bird", "bird": bird}

    def log_tail(self, lines: int = 30) -> str:
        return self.bird.log_tail(lines)


def make_nva(stack: str, lab: Lab, ns: Namespace, plan: NvaPlan, options: NvaOptions) -> FrrNva | BirdNva:
    flavours: dict[str, type[FrrNva] | type[BirdNva]] = {"frr": FrrNva, "bird": BirdNva}
    return flavours[stack](lab, ns, plan, options)


def frr_bgpd_config(plan: NvaPlan, options: NvaOptions) -> str:
    """Graceful restart is disabled for the whole instance: in FRR 8.4 `neighbor GROUP graceful-restart-disable` is accepted for a
    peer-group and does nothing for its members, and the Route Servers would keep a dead NVA's routes for two minutes. What
    the file does to route-maps is acted on at once: else bgpd announces everything a second time, seconds after its start."""
    neighbors = ""
    for peer, multihop in zip(plan.peers, options.multihop):
        neighbors += f" neighbor {peer} peer-group RS\n" + (f" neighbor {peer} ebgp-multihop 2\n" if multihop else "")
    graceful_restart = "" if options.graceful_restart else " bgp graceful-restart-disable\n"
    redistribute = options.lever == "loopback"
    return f"""frr defaults traditional
log timestamp precision 6
bgp route-map delay-timer 0
ip prefix-list ANYCAST seq 5 permit {ANYCAST} ge 32 le 32
ip prefix-list ANYCAST seq 1000 deny any
ipv6 prefix-list ANYCAST6 seq 5 permit {ANYCAST6} ge 128 le 128
ipv6 prefix-list ANYCAST6 seq 1000 deny any
route-map CONNECTED permit 10
 match ip address prefix-list ANYCAST
exit
route-map CONNECTED6 permit 10
 match ipv6 address prefix-list ANYCAST6
exit
route-map DENY deny 10
exit
router bgp {plan.asn}
 bgp router-id {plan.address}
 bgp log-neighbor-changes
 no bgp default ipv4-unicast
 no bgp network import-check
{graceful_restart} neighbor RS peer-group
 neighbor RS remote-as {ROUTE_SERVER_AS}
 neighbor RS timers 10 30
 neighbor RS timers connect 2
{neighbors}{_frr_family("ipv4", "ANYCAST", "CONNECTED" if redistribute else None)}\
{_frr_family("ipv6", "ANYCAST6", "CONNECTED6" if redistribute else None)}exit
{options.extra}
no bgp route-map delay-timer
"""


def _frr_family(family: str, prefix_list: str, redistribute: str | None) -> str:
    connected = f"  redistribute connected route-map {redistribute}\n" if redistribute else ""
    return f""" address-family {family} unicast
{connected}  neighbor RS activate
  neighbor RS route-map DENY in
  neighbor RS prefix-list {prefix_list} out
 exit-address-family
"""


def bird_nva_config(plan: NvaPlan, options: NvaOptions, include: Path) -> str:
    """The IPv6 next hop is given: the session runs over IPv4, and BIRD would make up a v4-mapped one."""
    direct = 'protocol direct { interface "lo"; ipv4; ipv6; }\n' if options.lever == "loopback" else ""
    sessions = ""
    for i, (peer, multihop) in enumerate(zip(plan.peers, options.multihop)):
        hops = " multihop 2;" if multihop else ""
        sessions += f"protocol bgp {_peer_name(i)} from route_server {{ neighbor {peer} as {ROUTE_SERVER_AS};{hops} }}\n"
    return f"""{direct}include {quoted(include)};
filter anycast {{
  if (net.type = NET_IP4 && net !~ [ {ANYCAST}{{32,32}} ]) || (net.type = NET_IP6 && net !~ [ {ANYCAST6}{{128,128}} ]) then reject;
  if defined(bgp_med) then bgp_med = bgp_med;  # or BIRD drops it toward another AS
  accept;
}}
template bgp route_server {{
  local {plan.address} as {plan.asn};
  hold time 30; keepalive time 10; {FAST_BGP}
  ipv4 {{ import none; export filter anycast; next hop self; }};
  ipv6 {{ import none; export filter anycast; next hop address {plan.address6}; }};
}}
{sessions}{options.extra}
"""


def _peer_name(index: int) -> str:
    return f"rs{index + 1}"


def _wait_established(nva: Nva, timeout: float) -> None:
    expected = set(nva.plan.peers)
    try:
        wait_until(lambda: nva.established() >= expected, "", timeout, poll=0.05)
    except LabTimeout:
        up = sorted(nva.established())
        what = f"{nva.stack}: after {timeout:g} s only {up} of {sorted(expected)} established"
        raise LabTimeout(f"{what}\n{nva.log_tail()}") from None


def _accepts(path: Path) -> bool:
    """A socket file alone proves nothing: a killed daemon leaves it behind."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1)
        try:
            client.connect(str(path))
        except OSError:
            return False
    return True
