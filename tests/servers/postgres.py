"""PostgreSQL: a cluster that is thrown away."""

import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

from tests.servers.process import absent, as_account, found, free_port, running

# Nothing here needs to outlive the machine.
FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
}


def programs():
    """The folder of the newest PostgreSQL on this machine."""
    places = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda place: -float(place.parent.name)
    )
    initdb = found("initdb", *places)
    if initdb is None:
        absent("PostgreSQL is not installed: `make deps` installs it where it may.")
    return initdb.parent


@contextmanager
def postgres():
    """A fresh cluster: its URL without a database. The superuser is `errorbar`, trusted."""
    folder = programs()
    # Short, because a socket's path may hold 107 bytes, and open to the account that serves.
    root, port = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp")), free_port()
    who = as_account("postgres")
    if who:
        os.chown(root, who["user"], who["group"])
    data = root / "data"
    try:
        options = [
            "--auth=trust",
            "--no-sync",
            "--no-instructions",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
        ]
        subprocess.run(
            [folder / "initdb", "-D", data, "-U", "errorbar", *options],
            check=True,
            capture_output=True,
            cwd=root,
            **who,
        )
        settings = {
            **FAST,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(root),
        }
        argv = [folder / "postgres", "-D", data, "-p", str(port)]
        argv += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        asked = [folder / "pg_isready", "-q", "-h", root, "-p", str(port)]
        with running(
            argv,
            ready=lambda: subprocess.run(asked).returncode == 0,
            log=root / "server.log",
            stop=signal.SIGINT,
            cwd=root,
            account="postgres",
        ):
            yield f"postgresql://errorbar@127.0.0.1:{port}"
    finally:
        shutil.rmtree(root, ignore_errors=True)
