r"""Ridge regression of each pair, with noise of its own.

A pair with $n$ rows has noise $\sigma^2 = (b_0 + r / 2) / (a_0 + n / 2 - 1)$, with $r$ the squares
that the ridge leaves: the posterior mean under an inverse-gamma prior. The predictive distribution
is then a Student t with $n + 2 a_0$ degrees of freedom whose variance is
$\sigma^2 (1 + u^\top V u)$; here its rows are normal with that mean and variance, which is the
standard deviation that CompAssign gives them too.
"""

from dataclasses import dataclass, replace
from typing import Literal, overload

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from errorbar.core.errors import InputError, SettingsError, TableError
from errorbar.rt.artifacts import CoeffSummaries
from errorbar.rt.baselines.solve import Penalty, check_penalty, pair_sums, solve_ridge, summarise
from errorbar.rt.data.keys import find_places
from errorbar.rt.data.peaks import Peaks
from errorbar.rt.model.times import Times, known_codes

__all__ = ["FastRidgeFit", "fit_fast_ridge", "fit_ridge"]


def fit_ridge(
    peaks: Peaks,
    *,
    group_col: str = "species_cluster",
    penalty: Penalty = 1e-3,
    a0: float = 2.0,
    b0: float = 1e-6,
) -> CoeffSummaries:
    """Ridge of each group and compound; slopes and intercepts are those of scikit-learn's `Ridge`.

    `penalty` is one number or one for each covariate; CompAssign's production runs have 3e-4. It
    goes with the scale of the covariates, which are centred and not scaled. `a0` and `b0` are the
    prior of the noise, in minutes squared.
    """
    if not (a0 > 1 and b0 > 0):
        raise SettingsError(
            f"a0={a0:g} must exceed 1 and b0={b0:g} must exceed 0: a pair of one row has no noise "
            "but what they say."
        )
    each = check_penalty(penalty, peaks.features)
    sums, center = pair_sums(peaks, group_col)
    solution = solve_ridge(sums, each)
    sigma2 = (b0 + solution.rest / 2) / (a0 + sums.count / 2 - 1)
    return summarise(peaks, group_col, sums, solution, sigma2, center)


@dataclass(frozen=True, slots=True, eq=False)
class FastRidgeFit:
    """Ridges of supercategory and compound, and of each compound alone for what they lack.

    In `compounds` all rows are of group 0. `prior_freedom` is $2 a_0$.
    """

    pairs: CoeffSummaries
    compounds: CoeffSummaries
    prior_freedom: float

    @overload
    def predict(self, peaks: Peaks, *, unseen: Literal["error"] = "error") -> Times: ...
    @overload
    def predict(
        self, peaks: Peaks, *, unseen: Literal["skip"]
    ) -> tuple[Times, Bool[ndarray, " rows"]]: ...
    def predict(
        self, peaks: Peaks, *, unseen: Literal["error", "skip"] = "error"
    ) -> Times | tuple[Times, Bool[ndarray, " rows"]]:
        """Times by the pair's own ridge, else by the compound's; normal, of the t's variance.

        A compound that was never seen is an error, or left out with `unseen="skip"`.
        """
        if unseen not in ("error", "skip"):
            raise InputError(f"unseen={unseen!r} must be error or skip.")
        own, paired = self.pairs.predict(peaks, unseen="skip")
        rest, told = self.compounds.predict(_of_one_group(peaks.select(~paired)), unseen="skip")
        scored = paired.copy()
        scored[~paired] = told
        if unseen == "error" and not scored.all():
            first = int(np.flatnonzero(~scored)[0])
            raise InputError(
                f"{int((~scored).sum())} of {len(peaks)} peaks are of compounds that were not "
                f"seen, first at row {peaks.rows[first]} (compound {peaks.compound[first]}): leave "
                "them out with unseen='skip'."
            )
        mean, sd = np.empty((2, len(peaks)))
        support = np.zeros(len(peaks), dtype=np.int64)
        mean[paired], sd[paired], support[paired] = own.mean, own.sd, own.support
        late = scored & ~paired
        mean[late], sd[late] = rest.mean, rest.sd
        groups = np.unique(self.pairs.species_cluster)
        known = known_codes(
            pair=paired,
            species=find_places(groups, peaks.supercategory) >= 0,
            compound=scored,
        )
        times = Times(mean[scored], sd[scored], known[scored], support[scored])
        return times if unseen == "error" else (times, scored)

    def freedom(self, peaks: Peaks) -> Float[ndarray, " rows"]:
        """Degrees of freedom of each row's t, $n + 2 a_0$; NaN where the compound was not seen."""
        at, alone = self.pairs.places(peaks), self.compounds.places(_of_one_group(peaks))
        rows = np.full(len(peaks), np.nan)
        rows[alone >= 0] = self.compounds.n_obs[alone[alone >= 0]]
        rows[at >= 0] = self.pairs.n_obs[at[at >= 0]]
        return rows + self.prior_freedom


def fit_fast_ridge(
    peaks: Peaks, *, penalty: Penalty = 1e-3, a0: float = 2.0, b0: float = 1e-6
) -> FastRidgeFit:
    """Ridges of supercategory and compound, with a ridge of each compound to fall back on."""
    runs = len(peaks.run_keys)
    bad = np.flatnonzero((peaks.run < 0) | (peaks.run >= runs))
    if bad.size or not runs:
        raise TableError(
            f"{bad.size} of {len(peaks)} peaks have no run among the {runs} run keys: this path "
            "needs the columns sampleset_id, worksheet_id and task_id of every row."
        )
    settings = {"penalty": penalty, "a0": a0, "b0": b0}
    pairs = fit_ridge(peaks, group_col="species_cluster", **settings)
    compounds = fit_ridge(_of_one_group(peaks), group_col="species_cluster", **settings)
    return FastRidgeFit(pairs, compounds, 2 * a0)


def _of_one_group(peaks: Peaks) -> Peaks:
    return replace(peaks, supercategory=np.zeros(len(peaks), dtype=np.int64))
