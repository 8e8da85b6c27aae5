"""
When will compounds elute in a new run?
=======================================

A model of past runs, asked for the compounds of a run that it has not seen: from the run's internal
standards alone, and with three compounds that were already found.
"""

import matplotlib.pyplot as plt
import numpy as np

from errorbar.rt import RetentionTimes, evaluate_times, production_table
from errorbar.rt.data import hold_out_runs, pick_anchors
from errorbar.rt.evaluate import score_table
from errorbar.rt.synth import ProductionSettings

settings = ProductionSettings(
    species=12, supercategories=4, compounds=40, pairs=330, features=5, runs_per_species=30,
    run_sd=0.01,
)  # fmt: skip
table = production_table(settings, seed=3)
split = pick_anchors(table.peaks, hold_out_runs(table.peaks, 0.3, seed=0), count=3, seed=0)
model = RetentionTimes(run_effect=True, widen=False)
model.fit(table.peaks.select(split.train), table.chemistry)
for name in ("sigma", "tau_b", "tau_run", "tau_comp", "penalty"):
    print(f"{name:9} {model.scales[name]:.4f}")

# %%
# Every compound of one new run, with its 95 % interval: those that were seen often in this species
# are known to a second, those that never were to a few seconds.

new, anchors = table.peaks.select(split.test), table.peaks.select(split.anchors)
times = model.predict(new)
surer = model.predict(new, anchors)
runs, rows = np.unique(new.run, return_counts=True)
chosen = np.flatnonzero(new.run == runs[rows.argmax()])
chosen = chosen[np.argsort(times.support[chosen], kind="stable")]

fig, ax = plt.subplots(figsize=(8, 4), layout="constrained")
place = np.arange(len(chosen))
for off, each, color, label in (
    (-0.15, times, "C0", "from the standards"),
    (0.15, surer, "C1", "with three compounds found"),
):
    half = each.reach()[chosen] * each.sd[chosen]
    error = 60 * (each.mean - new.rt)[chosen]
    ax.errorbar(place + off, error, 60 * half, fmt="o", markersize=3, color=color, label=label)
ax.axhline(0, color="0.6", linewidth=0.8)
ax.set_xticks(place, times.support[chosen])
ax.set(xlabel="training peaks of the pair", ylabel="predicted less found time (s)")
ax.legend(frameon=False)
plt.show()

# %%
# Over all new runs, by how many training peaks a pair has.

scores = score_table(evaluate_times(new, surer))
print(scores.select("bin", "n_obs_test", "mae", "coverage_95").filter(scores["n_obs_test"] > 0))
