"""An archive on loopback that misbehaves as asked."""

import http.server
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import sleep


@dataclass
class Archive:
    """Files by path; `faults` of a path are used up one by one, then it answers as it should."""

    files: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, list[str]] = field(default_factory=dict)
    asked: Counter = field(default_factory=Counter)
    sent: Counter = field(default_factory=Counter)
    ranges: dict[str, list[str]] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)
    port: int = 0

    def url(self, path):
        return f"http://127.0.0.1:{self.port}/{path}"


class Handler(http.server.BaseHTTPRequestHandler):
    archive: Archive
    lock = threading.Lock()

    def log_message(self, *_):
        pass

    def do_GET(self):
        own, path = self.archive, self.path.lstrip("/")
        with self.lock:
            own.asked[path] += 1
            waiting = own.faults.get(path, [])
            fault = waiting.pop(0) if waiting else ""
        if fault.isdigit() or path not in own.files:
            code, _, after = (fault or "404").partition(";")
            self.send_response(int(code))
            if after or code == "503":
                self.send_header("Retry-After", after or "3")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if fault == "drop":
            self.connection.close()
            return
        data = own.files[path]
        if fault == "wrong":
            data = bytes([data[0] ^ 255]) + data[1:]
        if fault == "short":
            data = data[: len(data) // 2]
        mark = own.marks.get(path, f'"{hash(own.files[path])}"')
        begin, wanted = 0, self.headers.get("Range")
        fits = self.headers.get("If-Range") == mark and fault != "norange"
        if wanted and fits:
            begin = int(wanted.removeprefix("bytes=").rstrip("-"))
            own.ranges.setdefault(path, []).append(wanted)
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - begin))
        if mark:
            self.send_header("ETag", mark)
        self.end_headers()
        rest = data[begin:]
        if fault == "cut":
            rest = rest[: len(rest) // 2]
        step = max(1, len(rest) // 20) if fault == "slow" else len(rest)
        for at in range(0, len(rest), max(step, 1)):
            self.wfile.write(rest[at : at + step])
            if fault == "slow":
                self.wfile.flush()
                sleep(0.05)
        own.sent[path] += len(rest)
        if fault == "cut":
            self.close_connection = True


@contextmanager
def serving(archive):
    handler = type("OwnHandler", (Handler,), {"archive": archive})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None
    archive.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield archive
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
