"""`python -m benchmarks.rt_advi`: exact fits of retention times against the ADVI route.

Both sides run by turns in one process, on one thread: two rounds of exact fits, 200 steps and
1,200 steps of a route compiled once. Seconds of a step are the difference of the two runs over
their difference in steps; the route's 10,000 steps are reckoned from it, `--full` takes them all.
"""

import argparse
import os
from statistics import median

# Before NumPy and PyTensor read them: one thread on each side.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np  # noqa: E402

from benchmarks.speed import check_compiler  # noqa: E402
from benchmarks.stopwatch import take  # noqa: E402
from errorbar.rt.data import Peaks  # noqa: E402
from errorbar.rt.fit.predict import Predictor  # noqa: E402
from errorbar.rt.fit.reference import Advi, build_graph  # noqa: E402
from errorbar.rt.fit.reference.plug_in import plug_in, split_values  # noqa: E402
from errorbar.rt.fit.run import PoolFit, fit_statistics  # noqa: E402
from errorbar.rt.fit.statistics import collect  # noqa: E402
from errorbar.rt.model.pool import REFERENCE_PENALTY, PoolModel  # noqa: E402
from errorbar.rt.synth import ProductionSettings, production_table, study_table  # noqa: E402
from errorbar.rt.synth.truth import Table  # noqa: E402

__all__ = ["SMALL", "WIDE", "compare"]

STEPS = 10_000
# Some 2,300 rows of 389 pairs whose times spread over minutes.
SMALL = ProductionSettings(
    species=12,
    supercategories=3,
    compounds=70,
    pairs=389,
    features=5,
    support=2.5,
    compound_sd=0.8,
    noise=0.01,
    slope_pair_sd=0.01 / 0.3**0.5,
)
# More than ten thousand pairs, most of them seen a few times.
WIDE = ProductionSettings(species=60, compounds=600, pairs=12_000, support=4.0)


def compare(name: str, table: Table, penalty: float, asked: argparse.Namespace) -> list[str]:
    """Rows of a Markdown table: the exact fit, then the route with its ratios."""
    peaks, chemistry = table.peaks, table.chemistry
    model = PoolModel(penalty=penalty, priors="reference", theta="unit")

    def exact() -> PoolFit:
        return fit_statistics(collect(peaks), model, chemistry)

    fit = exact()
    graph = build_graph(collect(peaks), chemistry, penalty=penalty)
    route = Advi(graph, seed=0)
    route.run(50)
    times, short, long = [], [], []
    for _ in range(asked.rounds):
        times.append(take(exact).cpu)
        short.append(take(lambda: route.run(200)).cpu)
        times.append(take(exact).cpu)
        long.append(take(lambda: route.run(1_200)).cpu)
    times.append(take(exact).cpu)
    ours, step = median(times), (median(long) - median(short)) / 1_000
    rows = [
        f"| {name} | {len(peaks)} | {fit.statistics.groups} | exact | {ours:.3f} s | | | "
        f"{_errors(fit, fit, peaks)}"
    ]

    def told(what: str, seconds: float, end: str) -> None:
        whole = seconds + route.compile_seconds
        rows.append(
            f"| {name} | | | {what} | {seconds:.1f} s | {seconds / ours:,.0f} "
            f"| {whole / ours:,.0f} | {end}"
        )

    told(f"ADVI, 10,000 steps of {1e3 * step:.2f} ms, reckoned", STEPS * step, "| |")
    if asked.full:
        fresh = Advi(graph, seed=1)
        seconds = take(lambda: fresh.run(STEPS)).cpu
        told("ADVI, 10,000 steps", seconds, _errors(_filled(fresh), fit, peaks))
    if asked.converged:
        fresh, done = Advi(graph, seed=1), []
        seconds = take(lambda: done.append(fresh.run_until_converged(asked.most))).cpu
        what = f"ADVI until it improves no more, {len(done[0].loss):,} steps"
        if not done[0].converged:
            what += " (not yet)"
        told(what, seconds, _errors(_filled(fresh), fit, peaks))
    rows.append(f"| {name} | | | compiling the route | {route.compile_seconds:.1f} s | | | | |")
    return rows


def _filled(route: Advi) -> PoolFit:
    means = {name: values.mean(axis=0) for name, values in route.draws(50).items()}
    return plug_in(route.graph, *split_values(route.graph, means))


def _errors(fit: PoolFit, exact: PoolFit, peaks: Peaks) -> str:
    """Noise found, and the median ratio of predicted sds to the exact ones."""
    ours, theirs = Predictor(fit).times(peaks), Predictor(exact).times(peaks)
    return f"{fit.scales['sigma']:.4f} | {np.median(ours.sd / theirs.sd):.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.rt_advi", description=__doc__)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--sets", default="SM,SYN")
    parser.add_argument("--penalty", type=float, default=REFERENCE_PENALTY)
    parser.add_argument("--full", action="store_true", help="take all 10,000 steps")
    parser.add_argument("--converged", action="store_true", help="and go on until converged")
    parser.add_argument("--most", type=int, default=400_000, help="steps at the most")
    asked = parser.parse_args()
    check_compiler()
    tables = {
        "SM": lambda: production_table(SMALL, seed=1),
        "SYN": lambda: study_table(seed=42),
        "WIDE": lambda: production_table(WIDE, seed=1),
    }
    print("| set | rows | pairs | by | cpu | ratio | with compiling | sigma | sd, ratio |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    for name in asked.sets.split(","):
        print("\n".join(compare(name, tables[name](), asked.penalty, asked)), flush=True)


if __name__ == "__main__":
    main()
