"""What systemd does for a .socket unit with Accept=no: it keeps the listener, starts the service once a client connects, and looks
at the listener again when the service has ended. USR1 is its trigger limit: it closes the listener for good.

    socket_holder.py --port PORT --pid-file FILE COMMAND...
"""

import argparse
import os
import select
import signal
import socket


def start(listener, command):
    """sd_listen_fds(3): the listener is descriptor 3."""
    pid = os.fork()
    if pid == 0:
        os.dup2(listener.fileno(), 3)
        os.set_inheritable(3, True)
        os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
        os.execvp(command[0], command)
    return pid


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--pid-file", required=True)
    options.add_argument("command", nargs=argparse.REMAINDER)
    args = options.parse_args()
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", args.port))
    listener.listen(128)
    over = []
    signal.signal(signal.SIGUSR1, lambda *_: (over.append(True), listener.close()))
    print("ready", flush=True)
    while not over:
        try:
            select.select([listener], [], [])
        except (OSError, ValueError):
            break
        pid = start(listener, args.command)
        with open(args.pid_file, "w", encoding="utf-8") as file:
            file.write(str(pid))
        os.waitpid(pid, 0)
    signal.pause()


if __name__ == "__main__":
    main()
