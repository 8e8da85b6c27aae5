"""Products into a cache: resumed where they broke off, checked, tried again where that may help."""

import json
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from errorbar.core.engine.run import progress_bar
from errorbar.core.errors import FetchError, SettingsError
from errorbar.platform.ingest.cache import Cache, Landed, now
from errorbar.platform.ingest.products import CHECKS, Product, digest_of
from errorbar.platform.ingest.transport import Answer, HttpTransport, Transport

__all__ = ["Fetched", "Patience", "fetch_product", "fetch_products"]


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a product is asked for, and how long is waited between, seconds.

    Waits double from `first` to `longest`, by chance a half shorter, so that many do not come back
    at once; an archive that says how long is waited for that long.
    """

    tries: int = 5
    first: float = 1.0
    longest: float = 60.0

    def wait(self, failed: int, asked: float, chance: float) -> float:
        """Seconds before the try after so many that failed."""
        own = min(self.first * 2.0 ** (failed - 1), self.longest) * (1 - chance / 2)
        return max(own, asked)


@dataclass(frozen=True, slots=True, eq=False)
class Fetched:
    """What became of a plan: `table` has a row for each product, with the reason of failures."""

    table: pl.DataFrame
    landed: int
    cached: int
    failed: int
    bytes: int

    @property
    def complete(self) -> bool:
        """Whether every product is there."""
        return not self.failed


@dataclass(slots=True)
class _Tally:
    rows: list[dict[str, object]] = field(default_factory=list)

    def add(self, product: Product, state: str, held: Landed | None, why: str) -> None:
        self.rows.append({
            "name": product.name, "state": state, "bytes": held.bytes if held else None,
            "sha256": held.sha256 if held else None, "url": product.url, "why": why,
        })  # fmt: skip


def fetch_products(
    products: Sequence[Product],
    folder: Path | str,
    *,
    transport: Transport | None = None,
    patience: Patience | None = None,
    workers: int = 4,
    verify: bool = False,
    progress: bool | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Fetched:
    """Bring all products into a folder; those that are there whole are not asked for again.

    One product's failure does not keep the others: it is in the answer, and in the folder's status.
    A call that was interrupted goes on where it broke off. With `verify` the bytes of what is there
    are read and compared too.
    """
    if workers < 1:
        raise SettingsError(f"workers={workers} must be one or more.")
    seen: dict[str, Product] = {}
    for product in products:
        if seen.setdefault(product.name, product) != product:
            raise SettingsError(
                f"two products are called {product.name!r}, from {seen[product.name].url} and "
                f"{product.url}: give each its own name."
            )
    cache, tally = Cache(Path(folder)), _Tally()
    cache.root.mkdir(parents=True, exist_ok=True)
    over, asked = transport or HttpTransport(), patience or Patience()

    def one(product: Product) -> tuple[str, Landed | None, str]:
        held = cache.landed(product, verify=verify)
        if held is not None:
            return "cached", held, ""
        try:
            own = fetch_product(product, cache, over, asked, verify=verify, sleep=sleep)
            return "landed", own, ""
        except FetchError as failure:
            return "failed", None, str(failure)

    pool = ThreadPoolExecutor(workers)
    running: dict[Future[tuple[str, Landed | None, str]], Product] = {}
    left = iter(seen.values())
    try:
        with progress_bar(progress, "products", len(seen), 0) as advance:
            while True:
                while len(running) < 2 * workers and (product := next(left, None)) is not None:
                    running[pool.submit(one, product)] = product
                if not running:
                    break
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    tally.add(running.pop(future), *future.result())
                    advance()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return _answer(tally, list(seen))


def fetch_product(
    product: Product,
    cache: Cache,
    transport: Transport,
    patience: Patience,
    *,
    verify: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> Landed:
    """Bring one product into a cache, or say why it does not come."""
    with cache.alone(product):
        # Another process may have brought it meanwhile.
        if (held := cache.landed(product, verify=verify)) is not None:
            return held
        chance, wrong = random.Random(product.name), 0
        for tries in range(1, patience.tries + 1):
            try:
                mark = _download(product, cache, transport)
                return _landed(product, cache, transport, mark, tries)
            except FetchError as failure:
                wrong += failure.kind == "corrupt"
                # What is wrong twice is wrong at its source.
                if failure.kind == "lasting" or wrong == 2 or tries == patience.tries:
                    cache.fail(product, str(failure), failure.kind, tries)
                    raise
                sleep(patience.wait(tries, failure.wait, chance.random()))
    raise AssertionError("a product either lands or fails")


def _download(product: Product, cache: Cache, transport: Transport) -> str | None:
    """All bytes into the part, from where it broke off if the archive still has the same."""
    part, note = cache.part(product), _note(product, cache)
    mark = _read_mark(note) if part.exists() else None
    begun = part.stat().st_size if mark is not None else 0
    with transport.open(product.url, begun, mark) as answer:
        start = begun if answer.start == begun and begun else 0
        if answer.start != start:
            raise FetchError(f"{product.url}: bytes came from {answer.start} on", "passing")
        if answer.mark is not None:
            note.write_text(json.dumps({"mark": answer.mark}), encoding="utf-8")
        else:
            note.unlink(missing_ok=True)
        with part.open("r+b" if start else "wb") as file:
            file.seek(start)
            file.truncate()
            for block in answer.parts:
                file.write(block)
        _check_length(product, answer, part.stat().st_size)
        return answer.mark


def _check_length(product: Product, answer: Answer, size: int) -> None:
    if answer.length is not None and size < answer.length:
        raise FetchError(
            f"{product.url}: it broke off after {size} of {answer.length} bytes", "passing"
        )


def _landed(
    product: Product, cache: Cache, transport: Transport, mark: str | None, tries: int
) -> Landed:
    """Check a part, and make it the product; what is wrong is put aside."""
    part = cache.part(product)
    why = _wrong(product, part)
    _note(product, cache).unlink(missing_ok=True)
    if why is not None:
        place = cache.quarantine(product, why)
        where = place.relative_to(cache.root)
        raise FetchError(f"{product.url}: {why}; it was put aside as {where}", "corrupt")
    own = digest_of(part).removeprefix("sha256:")
    held = Landed(
        product.name, product.url, part.stat().st_size, own, mark, transport.name, now(), tries
    )
    cache.land(product, held)
    return held


def _wrong(product: Product, part: Path) -> str | None:
    size = part.stat().st_size
    if product.size is not None and size != product.size:
        return f"it has {size} bytes, and the archive says {product.size}"
    if product.digest is not None:
        found = digest_of(part, product.digest.partition(":")[0])
        if found.lower() != product.digest.lower():
            return f"its bytes are {found}, and the archive says {product.digest}"
    if not size:
        return "it is empty"
    return CHECKS[product.kind](part) if product.kind else None


def _note(product: Product, cache: Cache) -> Path:
    part = cache.part(product)
    return part.with_name(f"{part.name}.mark")


def _read_mark(note: Path) -> str | None:
    try:
        return str(json.loads(note.read_text("utf-8"))["mark"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _answer(tally: _Tally, names: list[str]) -> Fetched:
    schema = {
        "name": pl.String, "state": pl.String, "bytes": pl.Int64, "sha256": pl.String,
        "url": pl.String, "why": pl.String,
    }  # fmt: skip
    order = {name: at for at, name in enumerate(names)}
    rows = sorted(tally.rows, key=lambda row: order[str(row["name"])])
    table = pl.DataFrame(rows, schema=schema)
    count = dict(table.group_by("state").len().rows())
    return Fetched(
        table=table,
        landed=count.get("landed", 0),
        cached=count.get("cached", 0),
        failed=count.get("failed", 0),
        bytes=int(table.filter(pl.col("state") == "landed")["bytes"].sum() or 0),
    )
