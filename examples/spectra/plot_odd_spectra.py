"""
Which spectra are odd, and what would they be without their noise?
==================================================================

A robust factorisation of a thousand spectra: the model of each with its own error bars, and the
objects that the basis of the others does not explain. No label is used.
"""

import matplotlib.pyplot as plt
import numpy as np

from errorbar.hmf import (
    Robusta,
    calibrate_objects,
    find_outliers,
    make_toy,
    outlier_catalogue,
    score_objects,
)
from errorbar.hmf.plots import plot_row
from errorbar.hmf.summary import row_view

toy = make_toy(seed=0, rows=1000, pixels=300)
model = Robusta(rank=5, robust_scale=5.0)
state, _ = model.fit(toy.Y, toy.W)

# %%
# Every spectrum without its noise, with an error bar on each pixel. In a gap the model goes on, and
# says how much less it knows there.

spectra = model.predict(toy.Y, toy.W)
gap = toy.gaps.any(axis=1) & ~toy.outliers.any(axis=1)
row = np.flatnonzero(gap)[np.argmin(np.median(toy.W[gap], axis=1))]
seen = toy.W[row] > 0

fig, ax = plt.subplots(figsize=(8, 3.2), layout="constrained")
ax.plot(toy.wavelength[seen], toy.Y[row, seen], ".", color="0.6", markersize=3, label="data")
centre, sd = spectra.centre[row], spectra.sd[row]
ax.fill_between(
    toy.wavelength, centre - sd, centre + sd, color="C1", alpha=0.6, label="model ± 1 sd"
)
ax.plot(toy.wavelength, toy.A[row] @ toy.G.T, color="black", linewidth=0.8, label="truth")
ax.set(xlabel="wavelength (nm)", ylabel="flux", ylim=(-1.5, 4.0))
ax.legend(frameon=False, ncols=3)
plt.show()

# %%
# An object is odd if its pixels keep less of their weight than those of ordinary objects do, which
# is calibrated on the sample itself at a false-alarm rate.

scores = score_objects(toy.Y, toy.W, state.A, state.G, model.likelihood.c)
found = find_outliers(toy.Y, toy.W, state.A, state.G, calibrate_objects(scores, false_alarm=1e-4))
odd = np.flatnonzero(found.objects)
truly = int(toy.outlier_objects[odd].sum())
print(f"{odd.size} odd objects, {truly} of them among the {int(toy.outlier_objects.sum())} planted")
print(outlier_catalogue(found, range(1000), toy.wavelength).head(3)["reason"].to_list())

strongest = odd[np.argsort(-found.significance[odd])][:4]
flagged = found.mask(toy.W)
figure, axes = plt.subplots(2, 2, figsize=(10, 5), layout="constrained")
for row, ax in zip(strongest, axes.flat):
    view = row_view(
        f"object {row}", toy.wavelength, toy.Y[row], toy.W[row], spectra.centre[row],
        model.likelihood.c, flagged=flagged[row],
    )  # fmt: skip
    plot_row(view, ax, axis="wavelength (nm)")
plt.show()
