"""Ctrl-C, SIGTERM and SIGHUP become KeyboardInterrupt while a lab exists: it unwinds, and unlike SystemExit pytest lets it
through and tears its fixtures down. Where an interruption would leave something behind (a child just forked, a clean-up half done) it is
deferred to the end of the block; blocking the signals instead would be inherited by every child."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_DEFAULTS = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL, signal.SIGHUP: signal.SIG_DFL}

_depth = 0
_pending: signal.Signals | None = None
_users = 0


@contextmanager
def deferred() -> Iterator[None]:
    """An interruption that arrives in this block is raised at its end. Blocks nest. In other threads than the main one, which never
    see a signal, nothing is to be done."""
    global _depth, _pending
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _depth += 1
    try:
        yield
    finally:
        _depth -= 1
    if _depth == 0 and _pending is not None:
        number, _pending = _pending, None
        raise KeyboardInterrupt(number.name)


def install() -> None:
    """Handlers that somebody else has set, or signals that are ignored, are left alone."""
    global _users
    _users += 1
    for number, default in _DEFAULTS.items():
        if signal.getsignal(number) == default:
            signal.signal(number, _handle)


def uninstall() -> None:
    global _users
    _users -= 1
    if _users > 0:
        return
    for number, default in _DEFAULTS.items():
        if signal.getsignal(number) is _handle:
            signal.signal(number, default)


def _handle(number: int, frame: object) -> None:
    global _pending
    if _depth:
        _pending = signal.Signals(number)
    else:
        raise KeyboardInterrupt(signal.Signals(number).name)
