"""Real servers for tests: started on loopback, waited for, stopped by their own process."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest


def free_port():
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers_http(url):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def ready():
        try:
            with opener.open(url, timeout=2) as reply:
                return reply.status == 200
        except OSError:
            return False

    return ready


def as_account(name):
    """`subprocess` arguments that drop root to an account; none when not root."""
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam(name)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


# A server dies with the test run, even if that is killed. Asked for by the child itself, because
# code between fork and exec warns once JAX has run; Python of the system may be out of reach of
# another account, so the account is taken on the way.
WRAPPER = """
import ctypes, os, signal, sys
user = sys.argv[1]
if user != "-":
    uid, gid = map(int, user.split(":"))
    os.setgroups([]); os.setgid(gid); os.setuid(uid)
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
os.execv(sys.argv[2], sys.argv[2:])
"""


@contextmanager
def running(argv, *, ready, log, cwd, seconds=60.0, stop=signal.SIGTERM, env=None, account=None):
    """A server while it runs; an error with the end of its log if it does not answer."""
    user = "-"
    if account is not None and os.geteuid() == 0:
        entry = pwd.getpwnam(account)
        user = f"{entry.pw_uid}:{entry.pw_gid}"
    with Path(log).open("wb") as out:
        server = subprocess.Popen(
            [sys.executable, "-c", WRAPPER, user, *map(os.fspath, argv)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
    try:
        limit = time.monotonic() + seconds
        while not ready():
            if server.poll() is not None or time.monotonic() > limit:
                tail = Path(log).read_text(errors="replace")[-2000:]
                raise RuntimeError(f"{argv[0]} did not answer (exit {server.poll()}):\n{tail}")
            time.sleep(0.05)
        yield server
    finally:
        if server.poll() is None:
            os.killpg(server.pid, stop)
            try:
                server.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
                server.wait(5)


def absent(reason):
    """Skips a test whose server is not installed; under CI, where all must run, fails it."""
    if os.environ.get("CI"):
        pytest.fail(f"{reason} Under CI these tests must run.", pytrace=False)
    pytest.skip(reason)


def found(name, *places):
    """An executable on the path or in one of these folders."""
    for place in places:
        if (place / name).exists():
            return place / name
    on_path = shutil.which(name)
    return None if on_path is None else Path(on_path)
