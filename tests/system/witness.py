"""What a Route Server saw: its own BIRD says so, in its log (each route that comes or goes, with microseconds) and in an MRT file
(each UPDATE message, duplicates included). Times are those of BIRD, so polling does not blur them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

import mrt
from mrt import Open, Update
from waiting import wait_until

# The import filter prints what came, also when it is a duplicate. `proto` alone is the peer's name.
IMPORT_FILTER = """
filter witness {
  print "HEARD ", proto, " ", net, " path=", bgp_path, " med=", bgp_med, " communities=", bgp_community,
        " large=", bgp_large_community, " nexthop=", bgp_next_hop;
  accept;
}
"""

_HEARD = re.compile(
    r"HEARD (?P<peer>\S+) (?P<prefix>\S+) path=\(path ?(?P<path>[^)]*)\) med=(?P<med>\S+) "
    r"communities=\(clist ?(?P<communities>.*)\) large=\(lclist ?(?P<large>.*)\) nexthop=(?P<next_hop>\S+)"
)
_REMOVED = re.compile(r"(?P<peer>\w+)\.ipv[46] > removed (?:\[\S+\] )?(?P<prefix>\S+) ")
_STARTED = re.compile(r"<INFO> Started$")


@dataclass(frozen=True)
class RouteEvent:
    """A route from a peer came (`announce`, also unchanged) or went (`withdraw`, also since the session was lost)."""

    time: float
    kind: str
    prefix: str
    peer: str
    as_path: tuple[int, ...] = ()
    med: int | None = None
    communities: tuple[str, ...] = ()
    next_hop: str = ""


@dataclass(frozen=True)
class Mark:
    """A point in what a witness has seen: what comes later is `since` the mark."""

    event: int  # so many route events had been seen
    mrt_offset: int  # so long was the MRT file


@dataclass
class Witness:
    """Follows the log of one BIRD. Only the peer named `peer` is looked at by default."""

    name: str
    log: Path
    mrt_file: Path
    peer: str
    evidence: Callable[[], str]
    _events: list[RouteEvent] = field(default_factory=list)
    _current: dict[tuple[str, str], RouteEvent] = field(default_factory=dict)
    _offset: int = 0
    _mrt_offset: int = 0
    _ends_of_rib: int = 0
    _ends_before_open: int = 0
    _collisions: int = 0  # that are not accounted for

    def mark(self) -> Mark:
        self._follow()
        return Mark(len(self._events), self._mrt_size())

    def events(self, since: Mark | None = None, prefix: str | None = None) -> list[RouteEvent]:
        self._follow()
        first = since.event if since else 0
        return [e for e in self._events[first:] if e.peer == self.peer and prefix in (None, e.prefix)]

    def updates_since(self, since: Mark) -> list[Update]:
        """Every BGP UPDATE message received since the mark, from whatever peer sends them: duplicates, withdrawals of what
        was not there, End-of-RIB."""
        messages, _ = mrt.messages(_read_from(self.mrt_file, since.mrt_offset))
        return [message for message in messages if isinstance(message, Update)]

    def ends_of_rib(self) -> int:
        """How many address families of the newest session are through with their first announcements."""
        self._follow()  # first: what it tells of OPENs is in the other file already
        messages, size = mrt.messages(_read_from(self.mrt_file, self._mrt_offset))
        self._mrt_offset += size
        for message in messages:
            if isinstance(message, Open):
                self._ends_before_open, self._ends_of_rib = self._ends_of_rib, 0
            elif message.end_of_rib:
                self._ends_of_rib += 1
        if self._collisions:  # that OPEN was of a twin that was given up; with BIRD 3 the other may be through by then
            self._collisions = 0
            self._ends_of_rib = max(self._ends_of_rib, self._ends_before_open)
        return self._ends_of_rib

    def announced(self) -> dict[str, RouteEvent]:
        """Prefixes that the peer announces now, each with its last announcement."""
        self._follow()
        return {prefix: e for (peer, prefix), e in self._current.items() if peer == self.peer}

    def wait_for(self, kind: str, prefix: str, since: Mark | None = None, timeout: float = 10) -> RouteEvent:
        """The first such event after the mark. Without a mark: what led to the present state, once it is that of `kind`."""

        def probe() -> RouteEvent | None:
            events = self.events(since, prefix)
            if since is None:
                events = events[-1:] if (kind == "announce") == (prefix in self.announced()) else []
            return next((e for e in events if e.kind == kind), None)

        what = f"{kind} of {prefix} at {self.name}"
        return wait_until(probe, what, timeout, poll=0.003, evidence=self.evidence)

    def _mrt_size(self) -> int:
        return self.mrt_file.stat().st_size if self.mrt_file.exists() else 0

    def _follow(self) -> None:
        """Takes in the complete lines that the log has gained."""
        data = _read_from(self.log, self._offset)
        data = data[: data.rfind(b"\n") + 1]
        self._offset += len(data)
        for line in data.decode(errors="replace").splitlines():
            self._take(line)

    def _take(self, line: str) -> None:
        if _STARTED.search(line):
            self._current.clear()  # a killed BIRD does not log the routes that it loses
        if f"{self.peer}: Connection collision" in line:
            self._collisions += 1
        event = parse(line)
        if event is None:
            return
        self._events.append(event)
        if event.kind == "announce":
            self._current[event.peer, event.prefix] = event
        else:
            self._current.pop((event.peer, event.prefix), None)


def parse(line: str) -> RouteEvent | None:
    """A line of BIRD's log, if it says that a route came or went."""
    if heard := _HEARD.search(line):
        return RouteEvent(
            time=_stamp(line),
            kind="announce",
            prefix=heard["prefix"],
            peer=heard["peer"],
            as_path=tuple(int(asn) for asn in heard["path"].split()),
            med=int(heard["med"]) if heard["med"].isdigit() else None,
            communities=_communities(heard["communities"]) + _communities(heard["large"]),
            next_hop=heard["next_hop"],
        )
    if removed := _REMOVED.search(line):
        return RouteEvent(time=_stamp(line), kind="withdraw", prefix=removed["prefix"], peer=removed["peer"])
    return None


def _read_from(path: Path, offset: int) -> bytes:
    if not path.exists() or path.stat().st_size <= offset:
        return b""
    with path.open("rb") as file:
        file.seek(offset)
        return file.read()


def _communities(printed: str) -> tuple[str, ...]:
    """BIRD prints `(65001,100) (65535,0)`; everybody else writes `65001:100`."""
    return tuple(item.replace(",", ":").replace(" ", "") for item in re.findall(r"\(([^)]*)\)", printed))


def _stamp(line: str) -> float:
    return datetime.strptime(line[:26], "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=timezone.utc).timestamp()
