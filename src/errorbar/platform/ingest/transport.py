"""Bytes over HTTP, from some place on, and what kind of failure it was when none came."""

import email.utils
import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

from errorbar.core.errors import FetchError

__all__ = ["Answer", "HttpTransport", "Transport"]

BLOCK = 1 << 18
# These may be over when asked again; other codes from 400 on stay as they are.
PASSING = frozenset((408, 425, 429, 500, 502, 503, 504))
LONGEST_WAIT = 300.0


@dataclass(slots=True)
class Answer:
    """An answer that is being read: its first byte's place, the whole's length, and its mark."""

    start: int
    length: int | None
    mark: str | None
    parts: Iterator[bytes]


class Transport(Protocol):
    """Whatever can open a product from a byte on."""

    @property
    def name(self) -> str:
        """What records call it."""
        ...

    def open(self, url: str, start: int, mark: str | None) -> AbstractContextManager[Answer]:
        """The bytes from `start` on, if the product is still the one with this `mark`."""
        ...


@dataclass(frozen=True, slots=True)
class HttpTransport:
    """HTTP by the standard library. `timeout` is seconds without a byte."""

    timeout: float = 60.0
    agent: str = "errorbar"
    name: str = "http"

    @contextmanager
    def open(self, url: str, start: int, mark: str | None) -> Iterator[Answer]:
        """The bytes of a URL; from the beginning where the archive will not resume."""
        headers = {"User-Agent": self.agent, "Accept-Encoding": "identity"}
        if start and mark:
            headers |= {"Range": f"bytes={start}-", "If-Range": mark}
        request = urllib.request.Request(url, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=self.timeout) as reply:
                yield _answer(reply, url, self._parts(reply, url))
        except urllib.error.HTTPError as error:
            raise _refused(error, url) from error
        except (OSError, http.client.HTTPException) as error:
            raise FetchError(f"{url}: {_reason(error)}", "passing") from error

    def _parts(self, reply: http.client.HTTPResponse, url: str) -> Iterator[bytes]:
        while True:
            try:
                part = reply.read(BLOCK)
            except (OSError, http.client.HTTPException) as error:
                raise FetchError(f"{url}: {_reason(error)}", "passing") from error
            if not part:
                return
            yield part


def _answer(reply: http.client.HTTPResponse, url: str, parts: Iterator[bytes]) -> Answer:
    length = reply.headers.get("Content-Length")
    size = int(length) if length and length.isdigit() else None
    # Only a strong mark promises the same bytes.
    mark = reply.headers.get("ETag")
    if mark is None or mark.startswith("W/"):
        mark = reply.headers.get("Last-Modified")
    if reply.status != 206:
        return Answer(0, size, mark, parts)
    span = reply.headers.get("Content-Range", "")
    unit, _, rest = span.partition(" ")
    begin, _, _ = rest.partition("-")
    if unit != "bytes" or not begin.isdigit():
        raise FetchError(f"{url}: a part came without saying which ({span!r})", "passing")
    first = int(begin)
    return Answer(first, None if size is None else first + size, mark, parts)


def _refused(error: urllib.error.HTTPError, url: str) -> FetchError:
    kind = "passing" if error.code in PASSING else "lasting"
    return FetchError(f"{url}: HTTP {error.code} {error.reason}", kind, _wait(error))


def _wait(error: urllib.error.HTTPError) -> float:
    """Seconds that the archive asks for, as a number or as a date."""
    told = (error.headers.get("Retry-After") or "").strip()
    if told.isdigit():
        return min(float(told), LONGEST_WAIT)
    try:
        until = email.utils.parsedate_to_datetime(told).timestamp()
    except ValueError:
        return 0.0
    return float(min(max(until - time.time(), 0.0), LONGEST_WAIT))


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", None) or str(error) or type(error).__name__
    return str(reason)
