"""The shepherd: the process that starts a run's programs, and outlives their host.

A program's exit code goes to its parent alone, and a host may be killed. So the host has one small
process start its programs: it tells the host how each ended, and when the host is gone it writes
the exit codes where the next host looks for them. It has one thread and little memory, so a
program is started in a third of the time that a large host with many threads takes, and the host
never forks: its signal handlers, descriptors and locks stay out of it.

This file is run as a program (``python -I -S shepherd.py HOST SOCKET``), and imports nothing of
gpucore. It leaves its parent at once, so that a host that waits for its own children never meets
it. Messages are `marshal` values, each behind its length in four bytes; the descriptors that a
program inherits come beside its message (``SCM_RIGHTS``). To the shepherd:

- ``("start", program)``: start a program: its ``key``, ``argv``, ``env``, ``cwd``, ``log``,
  ``status``, number of ``descriptors``, of which the first is standard input if ``stdin``; whether
  to ``tell`` when it runs; and ``taken``, the keys of programs whose end is on record.
- ``("stop", key, seconds)``: ask the program and its group to end (TERM), and end them after so
  many seconds (KILL); 0: at once.
- ``("close",)``: the host ends in order, and nothing it started is left.

From it: ``("started", key, pid, time)``, ``("failed", key, errno, file, time)`` and ``("ended",
key, code, survived, start, time)``; ``survived``: a process that the program started still holds
its descriptors.
"""

from __future__ import annotations

import contextlib
import errno
import marshal
import os
import select
import signal
import socket
import sys
import time

TYPE_CHECKING = False  # `typing` itself takes as long to import as all the rest
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Frames", "frame"]

_HEAD = 4
_CHUNK = 1 << 16
_MOST_DESCRIPTORS = 250
# Python ignores the first two, and the shepherd the others; its programs must not inherit that.
_DEFAULTS = (
    signal.SIGPIPE,
    signal.SIGXFSZ,
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTERM,
    signal.SIGUSR1,
    signal.SIGUSR2,
)
_IGNORED = _DEFAULTS[2:]


def frame(message: tuple[Any, ...]) -> bytes:
    """Return a message as it goes through the socket."""
    text = marshal.dumps(message)
    return len(text).to_bytes(_HEAD, "little") + text


class Frames:
    """The messages that come through a socket, and the descriptors beside them."""

    def __init__(self, source: socket.socket) -> None:
        self.descriptors: list[int] = []
        self._source = source
        self._rest = b""

    def read(self) -> list[Any] | None:
        """Wait for more; return the messages that are whole, None at the end."""
        size = socket.CMSG_SPACE(_MOST_DESCRIPTORS * 4)
        flags = getattr(socket, "MSG_CMSG_CLOEXEC", 0)
        try:
            data, beside, _, _ = self._source.recvmsg(_CHUNK, size, flags)
        except OSError:
            return None
        for level, kind, content in beside:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                self.descriptors.extend(
                    int.from_bytes(content[at : at + 4], sys.byteorder)
                    for at in range(0, len(content) - 3, 4)
                )
        if not data:
            return None
        data = self._rest + data if self._rest else data
        messages, start = [], 0
        while len(data) - start >= _HEAD:
            end = start + _HEAD + int.from_bytes(data[start : start + _HEAD], "little")
            if end > len(data):
                break
            messages.append(marshal.loads(data[start + _HEAD : end]))  # noqa: S302 - our own host
            start = end
        self._rest = data[start:]
        return messages


class _Child:
    """A program that was started, and has not ended."""

    __slots__ = ("alive", "key", "started", "status")

    def __init__(self, key: int, status: bytes, alive: int) -> None:
        self.started = time.time()
        self.key = key
        self.status = status
        self.alive = alive  # to read of a pipe whose other end its processes hold; -1: none


class _Shepherd:
    """Starts programs, and waits for them, until the host is gone and the last has ended."""

    def __init__(self, host: int, connection: socket.socket) -> None:
        self._connection = connection
        self._frames = Frames(connection)
        self._children: dict[int, _Child] = {}
        self._pids: dict[int, int] = {}
        self._ended: dict[int, tuple[bytes, int]] = {}  # by key: not yet on the host's record
        self._deadlines: dict[int, float] = {}  # by key: when it is killed
        self._nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        self._host_is_there = True
        self._closed = False
        self._deaths, told = os.pipe()
        for end in (self._deaths, told):
            os.set_blocking(end, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(told, warn_on_full_buffer=False)
        self._events = select.poll()
        self._events.register(connection, select.POLLIN)
        self._events.register(self._deaths, select.POLLIN)
        # The socket alone would not tell: a process that the host forked may hold its other end.
        self._host = -1
        try:
            self._host = os.pidfd_open(host)
            self._events.register(self._host, select.POLLIN)
        except OSError:
            self._lose_host()

    def work(self) -> None:
        """Do what the host says, and what is left to do when it says nothing any more."""
        while self._host_is_there or self._children:
            ready = [number for number, _ in self._events.poll(self._patience())]
            self._kill_overdue()
            if self._deaths in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._deaths, _CHUNK)
                self._reap()
            if not self._host_is_there:
                continue
            if self._connection.fileno() in ready:
                messages = self._frames.read()
                for message in messages or ():
                    if self._host_is_there:  # it may be found gone by the answer to one before
                        self._obey(*message)
                if messages is None:
                    self._lose_host()
            elif set(ready) - {self._deaths}:
                self._lose_host()

    def _obey(self, what: str, *more: Any) -> None:
        if what == "start":
            self._start(*more)
        elif what == "stop":
            self._stop(*more)
        elif what == "close":
            self._closed = True

    def _start(self, program: dict[str, Any]) -> None:
        for one in program["taken"]:
            self._ended.pop(one, None)
        passed = self._frames.descriptors[: program["descriptors"]]
        del self._frames.descriptors[: program["descriptors"]]
        opened, alive = list(passed), -1
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOCTTY
            output = os.open(program["log"], flags, 0o666)
            opened.append(output)
            os.chdir(program["cwd"])
            inherited = passed[1:] if program["stdin"] else passed
            if inherited:
                alive, held = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
                inherited = [*inherited, held]
                opened.append(held)
            for one in inherited:
                os.set_inheritable(one, True)
            pid = os.posix_spawn(
                _found(program["argv"][0], program["env"]),
                program["argv"],
                program["env"],
                file_actions=(
                    (os.POSIX_SPAWN_DUP2, passed[0] if program["stdin"] else self._nothing, 0),
                    (os.POSIX_SPAWN_DUP2, output, 1),
                    (os.POSIX_SPAWN_DUP2, output, 2),
                ),
                setsid=True,
                setsigmask=(),
                setsigdef=_DEFAULTS,
            )
        except OSError as error:
            file = error.filename if error.filename is not None else program["argv"][0]
            self._tell(
                "failed", program["key"], error.errno or errno.EIO, os.fsencode(file), time.time()
            )
            return
        finally:
            for one in opened:
                os.close(one)
        self._children[pid] = _Child(program["key"], program["status"], alive)
        self._pids[program["key"]] = pid
        if program["tell"]:
            self._tell("started", program["key"], pid, self._children[pid].started)

    def _stop(self, key: int, seconds: float) -> None:
        if key not in self._pids:
            return
        deadline = time.monotonic() + seconds
        if key not in self._deadlines and seconds > 0:
            self._signal(key, signal.SIGTERM)
        self._deadlines[key] = min(deadline, self._deadlines.get(key, deadline))
        self._kill_overdue()

    def _kill_overdue(self) -> None:
        now = time.monotonic()
        for key in [one for one, deadline in self._deadlines.items() if deadline <= now]:
            self._deadlines[key] = float("inf")
            self._signal(key, signal.SIGKILL)

    def _patience(self) -> float | None:
        """Return the milliseconds until a program is to be killed; None when none is."""
        first = min(self._deadlines.values(), default=float("inf"))
        if first == float("inf"):
            return None
        return max(first - time.monotonic(), 0.0) * 1000 + 1

    def _signal(self, key: int, number: int) -> None:
        # Not reaped: the number is still this program's, and its group's.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pids[key], number)

    def _reap(self) -> None:
        """Take leave of each program that has ended, and end what it left in its group."""
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        while self._children and (ended := os.waitid(os.P_ALL, 0, options)) is not None:
            pid = ended.si_pid
            with contextlib.suppress(ProcessLookupError, PermissionError):
                # Not reaped yet: its number, which is its group's, cannot be another's meanwhile.
                os.killpg(pid, signal.SIGKILL)
            _, how = os.waitpid(pid, 0)
            child = self._children.pop(pid, None)
            if child is None:
                continue
            del self._pids[child.key]
            self._deadlines.pop(child.key, None)
            survived = child.alive >= 0 and _is_held(child.alive)
            code = os.waitstatus_to_exitcode(how)
            if not self._host_is_there:
                _leave(child.status, code)
                continue
            if child.status:
                self._ended[child.key] = (child.status, code)
            self._tell("ended", child.key, code, survived, child.started, time.time())

    def _tell(self, *message: Any) -> None:
        try:
            self._connection.sendall(frame(message))
        except OSError:
            self._lose_host()

    def _lose_host(self) -> None:
        """Write down what the host did not live to record, and what will still be written."""
        if not self._host_is_there:
            return
        self._host_is_there = False
        # What it asked for and what was not started is not started any more. Neither the socket
        # nor the process is listened to any more: both would say for ever that there is news.
        for one in (self._connection.fileno(), self._host):
            with contextlib.suppress(KeyError, ValueError):
                self._events.unregister(one)
        self._connection.close()
        if self._closed:
            return
        folders: dict[bytes, list[bytes]] = {}
        for status, code in self._ended.values():
            folders.setdefault(os.path.dirname(status), [])  # noqa: PTH120 - bytes
            _leave(status, code)
        for child in self._children.values():
            if child.status:
                folder, name = os.path.split(child.status)
                folders.setdefault(folder, []).append(name)
        for folder, names in folders.items():
            _write(os.path.join(folder, b"left"), b"".join(name + b"\n" for name in names))  # noqa: PTH118 - bytes


def _is_held(end: int) -> bool:
    """Say whether anybody holds the other end of a pipe; close this one."""
    try:
        return os.read(end, 1) != b""
    except BlockingIOError:
        return True
    finally:
        os.close(end)


def _found(name: bytes, env: dict[bytes, bytes]) -> bytes:
    """Return a program's file, found as its own environment says."""
    if b"/" in name:
        return name
    for folder in env.get(b"PATH", os.fsencode(os.defpath)).split(b":"):
        file = os.path.join(folder, name)  # noqa: PTH118 - bytes
        if os.access(file, os.X_OK) and not os.path.isdir(file):  # noqa: PTH112 - bytes
            return file
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)


def _leave(status: bytes, code: int) -> None:
    if status:
        _write(status, b"%d\n" % code)


def _write(path: bytes, text: bytes) -> None:
    """Write a small file so that it is there whole, or not at all."""
    part = path + b".part"
    # A disk that is full, or gone: the exit code is lost, and the step will be run again.
    with contextlib.suppress(OSError):
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        file = os.open(part, flags, 0o666)
        try:
            os.write(file, text)
        finally:
            os.close(file)
        os.rename(part, path)  # noqa: PTH104 - bytes


def _main(host: int, number: int) -> None:
    if os.fork():
        os._exit(0)
    for one in _IGNORED:
        signal.signal(one, signal.SIG_IGN)
    os.set_inheritable(number, False)
    _Shepherd(host, socket.socket(fileno=number)).work()


if __name__ == "__main__":
    _main(int(sys.argv[1]), int(sys.argv[2]))
