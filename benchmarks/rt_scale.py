"""How long large tables take, in CPU seconds: a fit of 459,000 rows, and the sums of ten million.

`python -m benchmarks.rt_scale [--rows N]`. The peer is the statement of the reference's own report,
131 and 242 minutes for tables of the first size; `benchmarks.rt_advi` alternates with its method.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

from errorbar.rt import PoolModel
from errorbar.rt.data import scan_peaks
from errorbar.rt.fit.run import fit_pool
from errorbar.rt.fit.statistics import collect
from errorbar.rt.synth import LARGE, STREAM, production_table, write_production


def memory() -> float:
    """The most memory this process has held, in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    """Print the times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    given = parser.parse_args()
    # What is compiled at the first call is not counted.
    fit_pool(production_table(seed=1).peaks)
    table = production_table(LARGE, seed=0)
    start = time.process_time()
    fit = fit_pool(table.peaks, PoolModel())
    cpu = time.process_time() - start
    print(
        f"{len(table.peaks)} rows, {fit.statistics.groups} groups, "
        f"{fit.statistics.features} covariates: {cpu:.1f} CPU s, {fit.evaluations} evaluations, "
        f"{memory():.2f} GiB at most; penalty {fit.scales['penalty']:.4f}"
    )
    with tempfile.TemporaryDirectory() as folder:
        for order in ("pair", "none"):
            path = Path(folder) / f"{order}.parquet"
            write_production(path, given.rows, STREAM, 0, order=order)
            start = time.process_time()
            sums = collect(scan_peaks(path, batch_rows=500_000, runs=False))
            cpu = time.process_time() - start
            words = "sorted by pair" if order == "pair" else "in no order"
            print(
                f"{sums.rows} rows {words}: {cpu:.1f} CPU s from Parquet to the sums of "
                f"{sums.groups} groups, {memory():.2f} GiB at most so far"
            )


if __name__ == "__main__":
    main()
