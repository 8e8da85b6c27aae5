"""`python -m benchmarks.hmf_disk`: passes over data on disk, against how fast the disk reads.

Makes spectra of the size asked for, in single precision, in a folder that is removed at the end.
Before each reading the system forgets what it holds of the files, as it would of files larger than
memory. The disk's own rate is that of reading both files from end to end and doing nothing.
"""

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np  # noqa: E402

from errorbar.hmf.data import ArrayBlocks, open_blocks  # noqa: E402
from errorbar.hmf.fit.als import AlsSettings  # noqa: E402
from errorbar.hmf.fit.blocks import fit_blocks  # noqa: E402
from errorbar.hmf.model import StudentTLikelihood  # noqa: E402

PIXELS = 2321
LIKELIHOOD = StudentTLikelihood(1.0, 5.0)


def make_files(folder: Path, gib: float, rank: int) -> tuple[Path, np.ndarray]:
    """A pair of files with data of low rank, and a basis to start from."""
    rng = np.random.default_rng(0)
    rows = max(rank, int(gib * 2**30) // (8 * PIXELS))
    G = rng.normal(size=(PIXELS, rank)).astype(np.float32)
    files = [folder / f"stars_{end}.npy" for end in ("flux", "ivar")]
    with files[0].open("wb") as flux, files[1].open("wb") as ivar:
        for file in (flux, ivar):
            head = {"descr": "<f4", "fortran_order": False, "shape": (rows, PIXELS)}
            np.lib.format.write_array_header_1_0(file, head)
        for first in range(0, rows, 4096):
            count = min(4096, rows - first)
            W = rng.gamma(2.0, 5.0, size=(count, PIXELS)).astype(np.float32)
            W[rng.random(W.shape, np.float32) < 0.05] = 0
            Y = rng.normal(size=(count, rank)).astype(np.float32) @ G.T
            Y += 0.3 * rng.standard_normal(Y.shape, np.float32)
            Y.tofile(flux)
            W.tofile(ivar)
        for file in (flux, ivar):
            file.flush()
            os.fsync(file.fileno())
    return files[0], G + 0.3 * rng.normal(size=G.shape)


def forget(files: list[Path]) -> None:
    """Has the system drop what it holds of the files."""
    for file in files:
        with file.open("rb") as held:
            os.posix_fadvise(held.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def read_through(files: list[Path]) -> float:
    """Seconds to read the files in turns of 32 MiB, as blocks are read."""
    space = bytearray(2**25)
    forget(files)
    begun = time.perf_counter()
    with files[0].open("rb", buffering=0) as first, files[1].open("rb", buffering=0) as second:
        open_files = [first, second]
        while open_files:
            open_files = [file for file in open_files if file.readinto(space)]
    return time.perf_counter() - begun


def peak() -> float:
    """The largest resident memory so far, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gib", type=float, default=2.0)
    parser.add_argument("--rank", type=int, default=10)
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--workers", type=int, default=None)
    parser.add_argument("--refits", type=int, default=1)
    parser.add_argument("--where", default=None, help="a folder on the disk to measure")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.where) as name:
        folder = Path(name)
        path, G = make_files(folder, asked.gib, asked.rank)
        files = sorted(folder.glob("*.npy"))
        size = sum(file.stat().st_size for file in files) / 1e9
        read_through(files)
        settings = AlsSettings(
            max_iter=asked.passes, conv_strategy="none", refits=asked.refits, ordered=True
        )
        small = np.ones((16, PIXELS), np.float32)
        once = AlsSettings(max_iter=1, conv_strategy="none")
        fit_blocks(
            ArrayBlocks(small, small), asked.rank, LIKELIHOOD, once, folder=folder / "warm",
            start=G,
        )  # fmt: skip
        before, seconds, plain = peak(), [], [read_through(files)]

        def lap(*_: object) -> None:
            nonlocal begun, cpu
            seconds.append((time.perf_counter() - begun, time.process_time() - cpu))
            # Others use the disk too: it is measured before and after each pass.
            plain.append(read_through(files))
            forget(files)
            begun, cpu = time.perf_counter(), time.process_time()

        forget(files)
        begun, cpu = time.perf_counter(), time.process_time()
        fit_blocks(
            open_blocks(path), asked.rank, LIKELIHOOD, settings, folder=folder / "fit", start=G,
            n_workers=asked.workers, callback=lap,
        )  # fmt: skip
        lap()
        print(f"{size:.2f} GB, rank {asked.rank}, refits {asked.refits}")
        print(f"memory before {before:.0f} MiB, largest {peak():.0f} MiB\n")
        print("| pass | wall | cpu | GB/s | disk alone, before and after, GB/s | share |")
        print("|---|---|---|---|---|---|")
        for number, (wall, busy) in enumerate(seconds):
            kind = "first" if number == 0 else "last" if number == asked.passes else number + 1
            around = plain[number : number + 2]
            told = f"{size / around[0]:.2f}, {size / around[1]:.2f}"
            share = float(np.mean(around)) / wall
            print(f"| {kind} | {wall:.2f} s | {busy:.2f} s | {size / wall:.2f} | {told} |", end="")
            print(f" {share:.0%} |")


if __name__ == "__main__":
    main()
