r"""Linear coefficients of each group and compound, as files exchange them.

With $x$ the covariates of a row, $c$ and $R$ the centre and the rotation (zero and the identity
where there are none) and $u = (1, R^\top (x - c))$, a time of pair $g$ is normal with mean
$u^\top \hat\beta_g$ and variance $\sigma^2_g + u^\top \mathrm{Cov}_g u$. Where only variances were
kept, covariances count as zero: with covariates far from the centre that is much too wide.
"""

from dataclasses import dataclass
from typing import Literal, overload

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from errorbar.core.errors import InputError
from errorbar.rt.artifacts.columns import design_matrix, is_derived
from errorbar.rt.data.keys import MAX_GROUP, MAX_ID, find_places, pair_keys
from errorbar.rt.data.peaks import Peaks
from errorbar.rt.model.times import Times

__all__ = ["CoeffSummaries"]

# Files hold float32; a covariance and its diagonal agree to this share.
ROUNDING = 1e-3

# Numbers gathered at once for the variances of rows.
GATHERED = 2**22


@dataclass(frozen=True, slots=True, eq=False)
class CoeffSummaries:
    """Coefficients of each group and compound; CompAssign calls them `Stage1CoeffSummaries`.

    Groups are sorted by their keys, `(group << 32) + compound`. `species_cluster` holds their ids
    whatever `group_col` says they are (`species_cluster` or `species`); `supercat_id` are their
    supercategories where they are species. Columns of `beta_hat` are the intercept and then
    `feature_names`. Times are minutes. Files of the exchange format hold float32; in memory and in
    artifacts either width stays as it is.
    """

    feature_names: tuple[str, ...]
    group_keys: Int[ndarray, " groups"]
    species_cluster: Int[ndarray, " groups"]
    comp_id: Int[ndarray, " groups"]
    chem_id: Int[ndarray, " groups"]
    compound_class: Int[ndarray, " groups"]
    n_obs: Int[ndarray, " groups"]
    beta_hat: Float[ndarray, "groups cols"]
    beta_var_diag: Float[ndarray, "groups cols"]
    sigma2_mean: Float[ndarray, " groups"]
    group_col: str = "species_cluster"
    supercat_id: Int[ndarray, " groups"] | None = None
    beta_cov: Float[ndarray, "groups cols cols"] | None = None
    feature_center: Float[ndarray, " features"] | None = None
    feature_rotation: Float[ndarray, "features features"] | None = None

    def __post_init__(self) -> None:
        if self.group_col not in ("species", "species_cluster"):
            raise InputError(f"group_col={self.group_col!r} must be species or species_cluster.")
        if len(set(self.feature_names)) < len(self.feature_names):
            raise InputError(f"names of covariates repeat: {', '.join(self.feature_names)}.")
        _check_shapes(self)
        _check_keys(self)
        _check_numbers(self)
        if self.beta_cov is not None:
            _check_covariance(self.beta_cov, self.beta_var_diag)
        _check_transform(self)

    def __len__(self) -> int:
        return len(self.group_keys)

    def places(self, peaks: Peaks) -> Int[ndarray, " rows"]:
        """Which group each peak belongs to; -1 where there is none."""
        return find_places(self.group_keys, pair_keys(peaks.group(self.group_col), peaks.compound))

    @overload
    def predict(self, peaks: Peaks, *, unseen: Literal["error"] = "error") -> Times: ...
    @overload
    def predict(
        self, peaks: Peaks, *, unseen: Literal["skip"]
    ) -> tuple[Times, Bool[ndarray, " rows"]]: ...
    def predict(
        self, peaks: Peaks, *, unseen: Literal["error", "skip"] = "error"
    ) -> Times | tuple[Times, Bool[ndarray, " rows"]]:
        """Times of the peaks, each by the coefficients of its group.

        Peaks of groups that have none are an error; with `unseen="skip"` they are left out, and
        the mask of those that were scored is given too. `known` is the pair of every row, where a
        group may be a supercategory.
        """
        if unseen not in ("error", "skip"):
            raise InputError(f"unseen={unseen!r} must be error or skip.")
        at = self.places(peaks)
        seen = at >= 0
        if unseen == "error" and not seen.all():
            first = int(np.flatnonzero(~seen)[0])
            raise InputError(
                f"{int((~seen).sum())} of {len(peaks)} peaks have no coefficients, first at row "
                f"{peaks.rows[first]} ({self.group_col} {peaks.group(self.group_col)[first]}, "
                f"compound {peaks.compound[first]}): leave such peaks out with unseen='skip', or "
                "score them with `backed_off`."
            )
        at = at[seen]
        x = self.transformed(peaks.select(seen))
        mean, variance = self._moments(at, x)
        times = Times(mean, np.sqrt(variance), np.zeros(len(at), dtype=np.int64), self.n_obs[at])
        return times if unseen == "error" else (times, seen)

    def transformed(self, peaks: Peaks) -> Float[ndarray, "rows features"]:
        """Covariates as the coefficients take them: centred, then rotated."""
        x = design_matrix(peaks, self.feature_names)
        if self.feature_center is not None:
            x = x - self.feature_center
        return x if self.feature_rotation is None else x @ self.feature_rotation.astype(np.float64)

    def _moments(
        self, at: Int[ndarray, " rows"], x: Float[ndarray, "rows features"]
    ) -> tuple[Float[ndarray, " rows"], Float[ndarray, " rows"]]:
        u = np.concatenate([np.ones((len(x), 1)), x], axis=1)
        mean = np.empty(len(x))
        variance = self.sigma2_mean[at].astype(np.float64)
        step = max(1, GATHERED // u.shape[1] ** 2)
        for start in range(0, len(x), step):
            part = slice(start, start + step)
            mean[part] = (u[part] * self.beta_hat[at[part]]).sum(axis=1)
            if self.beta_cov is None:
                spread = (np.square(u[part]) * self.beta_var_diag[at[part]]).sum(axis=1)
            else:
                turned = (u[part, None, :] @ self.beta_cov[at[part]].astype(np.float64))[:, 0]
                spread = (turned * u[part]).sum(axis=1)
            # A covariance of float32 may be a hair below zero in some direction.
            variance[part] += np.maximum(spread, 0)
        return mean, variance


def _check_shapes(value: CoeffSummaries) -> None:
    groups, features = len(value.group_keys), len(value.feature_names)
    cols = features + 1
    ids = ("group_keys", "species_cluster", "comp_id", "chem_id", "compound_class", "n_obs")
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(
        (*ids, "supercat_id", "sigma2_mean"), (groups,)
    )
    shapes |= {"beta_hat": (groups, cols), "beta_var_diag": (groups, cols)}
    shapes |= {"beta_cov": (groups, cols, cols)}
    shapes |= {"feature_center": (features,), "feature_rotation": (features, features)}
    for name, shape in shapes.items():
        held = getattr(value, name)
        if held is None:
            continue
        if held.shape != shape:
            raise InputError(
                f"`{name}` {held.shape} must be {shape}, for {groups} groups and {features} "
                "covariates."
            )
        kinds = "iu" if name in (*ids, "supercat_id") else "f"
        if held.dtype.kind not in kinds:
            raise InputError(
                f"`{name}` is of type {held.dtype} and must hold "
                f"{'whole numbers' if kinds == 'iu' else 'floating numbers'}."
            )


def _check_keys(value: CoeffSummaries) -> None:
    for name, ids, most in (
        ("species_cluster", value.species_cluster, MAX_GROUP),
        ("comp_id", value.comp_id, MAX_ID),
    ):
        bad = np.flatnonzero((ids < 0) | (ids > most))
        if bad.size:
            raise InputError(
                f"`{name}` must lie between 0 and {most}; {bad.size} groups do not, first group "
                f"{bad[0]} ({ids[bad[0]]}). Number them anew."
            )
    bad = np.flatnonzero(value.group_keys != pair_keys(value.species_cluster, value.comp_id))
    if bad.size:
        raise InputError(
            f"{bad.size} of {len(value)} `group_keys` are not (species_cluster << 32) + comp_id, "
            f"first at group {bad[0]} ({value.group_keys[bad[0]]})."
        )
    bad = np.flatnonzero(np.diff(value.group_keys) <= 0)
    if bad.size:
        raise InputError(
            f"`group_keys` must be sorted and differ; at group {bad[0] + 1} they do not "
            f"({value.group_keys[bad[0] + 1]} follows {value.group_keys[bad[0]]}). Sort all "
            "arrays by the keys, and keep one group for each."
        )


def _check_numbers(value: CoeffSummaries) -> None:
    rules = (
        ("beta_hat", np.isfinite(value.beta_hat).all(axis=1), "finite"),
        ("beta_var_diag", (value.beta_var_diag >= 0).all(axis=1), "at least 0"),
        ("beta_var_diag", np.isfinite(value.beta_var_diag).all(axis=1), "finite"),
        ("sigma2_mean", (value.sigma2_mean > 0) & np.isfinite(value.sigma2_mean), "positive"),
        ("n_obs", value.n_obs >= 0, "at least 0"),
    )
    for name, good, rule in rules:
        bad = np.flatnonzero(~good)
        if bad.size:
            raise InputError(
                f"`{name}` must be {rule}; in {bad.size} of {len(value)} groups it is not, first "
                f"group {bad[0]} (key {value.group_keys[bad[0]]}: {getattr(value, name)[bad[0]]})."
            )


def _check_covariance(
    cov: Float[ndarray, "groups cols cols"], diagonal: Float[ndarray, "groups cols"]
) -> None:
    """Symmetric, the variances on its diagonal, and no correlation beyond one."""
    scale = np.sqrt(diagonal[:, :, None] * diagonal[:, None, :])
    own = np.diagonal(cov, axis1=1, axis2=2)
    rules = (
        ("symmetric", np.abs(cov - cov.transpose(0, 2, 1)) <= ROUNDING * scale),
        ("of `beta_var_diag` on its diagonal", (np.abs(own - diagonal) <= ROUNDING * diagonal)),
        ("without correlations beyond one", np.abs(cov) <= (1 + ROUNDING) * scale),
    )
    for rule, good in rules:
        bad = np.flatnonzero(~good.reshape(len(good), -1).all(axis=1))
        if bad.size:
            raise InputError(
                f"`beta_cov` must be {rule}; in {bad.size} of {len(cov)} groups it is not, first "
                f"group {bad[0]}."
            )


def _check_transform(value: CoeffSummaries) -> None:
    center, rotation = value.feature_center, value.feature_rotation
    if center is None and rotation is None:
        return
    derived = [name for name in value.feature_names if is_derived(name)]
    if derived:
        raise InputError(
            f"{len(derived)} covariates are computed from others, first {derived[0]}: of raw "
            "columns, so that a `feature_center` or `feature_rotation` cannot go with them."
        )
    if center is not None and not np.isfinite(center).all():
        raise InputError("`feature_center` must be finite.")
    if rotation is not None:
        turned = rotation.T.astype(np.float64) @ rotation
        off = float(np.abs(turned - np.eye(len(turned))).max(initial=0))
        if not off <= ROUNDING:
            raise InputError(f"`feature_rotation` must be orthonormal; it is off by {off:.2g}.")
