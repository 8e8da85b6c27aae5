r"""What to predict where a pair has no coefficients of its own.

A time of species $c$ and compound $k$ in a run with covariates $x$ is normal with mean
$t_0 + \mu_c + \alpha_k + w_c^\top x$ and variance

$$\sigma^2 + \tau_b^2 + \sigma^2 |x|^2 / \lambda + v_k + v_c.$$

An unseen compound has $\alpha_k = (z_k - \bar z)^\top \theta$ with $v_k = \tau_{comp}^2$ where its
descriptors $z_k$ are known; where they are not, $\alpha_k = 0$ and $v_k$ is the mean square of all
$\alpha$, if that is larger. An unseen species stands at the mean of those of its supercategory (of
all species where that is unseen too), with $v_c$ the variance of their own $\mu_c + w_c^\top x$,
$1 + 1/m$ times for $m$ of them; a supercategory of one species borrows the variance of all.
Seen species and compounds have $v = 0$.

These variances are plug-in: all numbers count as known, and since estimates are pulled together
their spread falls short of the true one. With the usual $\lambda$ of 3e-4 the slope term,
58 $\sigma$ for each unit of $x$, outweighs that by far, and intervals are too wide.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from errorbar.core.errors import InputError
from errorbar.rt.artifacts.coefficients import CoeffSummaries
from errorbar.rt.artifacts.columns import design_matrix
from errorbar.rt.data.keys import find_places
from errorbar.rt.data.peaks import Chemistry, Peaks
from errorbar.rt.model.times import Times, known_codes

__all__ = ["BackoffSummaries", "backed_off"]


@dataclass(frozen=True, slots=True, eq=False)
class BackoffSummaries:
    """The levels above the pairs, in CompAssign's names; ids are sorted.

    `cluster_ids` are species, `cluster_supercat_id` their supercategories, and `w_cluster` their
    slopes. `alpha_z_center` and `alpha_theta` are empty where no chemistry was used.
    """

    feature_names: tuple[str, ...]
    cluster_ids: Int[ndarray, " species"]
    cluster_supercat_id: Int[ndarray, " species"]
    comp_ids: Int[ndarray, " compounds"]
    comp_chem_id: Int[ndarray, " compounds"]
    comp_class: Int[ndarray, " compounds"]
    t0: float
    mu_cluster: Float[ndarray, " species"]
    alpha_comp: Float[ndarray, " compounds"]
    w_cluster: Float[ndarray, "species features"]
    tau_b: float
    sigma2: float
    lambda_slopes: float
    alpha_z_center: Float[ndarray, " descriptors"]
    alpha_theta: Float[ndarray, " descriptors"]
    tau_comp: float

    def __post_init__(self) -> None:
        species, compounds = len(self.cluster_ids), len(self.comp_ids)
        shapes = {
            "cluster_ids": (species,), "cluster_supercat_id": (species,), "mu_cluster": (species,),
            "w_cluster": (species, len(self.feature_names)), "comp_ids": (compounds,),
            "comp_chem_id": (compounds,), "comp_class": (compounds,), "alpha_comp": (compounds,),
            "alpha_theta": (self.alpha_theta.size,), "alpha_z_center": (self.alpha_theta.size,),
        }  # fmt: skip
        for name, shape in shapes.items():
            if (held := getattr(self, name)).shape != shape:
                raise InputError(
                    f"`{name}` {held.shape} must be {shape}, for {species} species, {compounds} "
                    f"compounds and {len(self.feature_names)} covariates."
                )
            if not np.isfinite(held).all():
                raise InputError(f"`{name}` must be finite.")
        for name in ("cluster_ids", "comp_ids"):
            if (np.diff(getattr(self, name)) <= 0).any():
                raise InputError(f"`{name}` must be sorted and differ: sort all that goes with it.")
        if not species:
            raise InputError("a back-off needs at least one species.")
        for name, least in (("sigma2", "> 0"), ("lambda_slopes", "> 0"), ("tau_b", ">= 0"),
                            ("tau_comp", ">= 0"), ("t0", "finite")):  # fmt: skip
            number = getattr(self, name)
            good = {"> 0": number > 0, ">= 0": number >= 0, "finite": True}[least]
            if not (good and np.isfinite(number)):
                raise InputError(f"`{name}` must be {least}, not {number}.")

    def predict(
        self,
        peaks: Peaks,
        chemistry: Chemistry | None = None,
        *,
        center: Float[ndarray, " features"] | None = None,
        rotation: Float[ndarray, "features features"] | None = None,
    ) -> Times:
        """Times of the peaks from the levels above pairs, as if no pair of them had been seen.

        `center` and `rotation` are those of the coefficients that the back-off belongs to: the
        back-off does not hold them. Supercategories of unseen species are read from the peaks.
        """
        x = design_matrix(peaks, self.feature_names)
        x = x if center is None else x - center
        x = x if rotation is None else x @ rotation
        base, seen_species, species_variance = self._of_species(peaks, x)
        alpha, seen_compound, compound_variance = self._of_compounds(peaks, chemistry)
        slopes = self.sigma2 / self.lambda_slopes * np.square(x).sum(axis=1)
        variance = self.sigma2 + self.tau_b**2 + slopes + species_variance + compound_variance
        known = known_codes(
            pair=np.zeros(len(peaks), dtype=bool), species=seen_species, compound=seen_compound
        )
        support = np.zeros(len(peaks), dtype=np.int64)
        return Times(self.t0 + base + alpha, np.sqrt(variance), known, support)

    def _of_species(
        self, peaks: Peaks, x: Float[ndarray, "rows features"]
    ) -> tuple[Float[ndarray, " rows"], Bool[ndarray, " rows"], Float[ndarray, " rows"]]:
        """Offset plus slopes of each row's species, whether it was seen, the variance if not."""
        u = np.concatenate([np.ones((len(x), 1)), x], axis=1)
        effects = np.concatenate([self.mu_cluster[:, None], self.w_cluster], axis=1)
        effects = effects.astype(np.float64)
        at = find_places(self.cluster_ids, peaks.species)
        seen = at >= 0
        base, variance = np.zeros(len(x)), np.zeros(len(x))
        base[seen] = (u[seen] * effects[at[seen]]).sum(axis=1)
        for parent in np.unique(peaks.supercategory[~seen]):
            rows = np.flatnonzero(~seen & (peaks.supercategory == parent))
            siblings = effects[self.cluster_supercat_id == parent]
            family = siblings if len(siblings) else effects
            base[rows] = u[rows] @ family.mean(axis=0)
            spread = family if len(family) > 1 else effects
            apart = u[rows] @ (spread - spread.mean(axis=0)).T
            freedom = max(len(spread) - 1, 1)
            variance[rows] = np.square(apart).sum(axis=1) / freedom * (1 + 1 / len(family))
        return base, seen, variance

    def _of_compounds(
        self, peaks: Peaks, chemistry: Chemistry | None
    ) -> tuple[Float[ndarray, " rows"], Bool[ndarray, " rows"], Float[ndarray, " rows"]]:
        """Offset of each row's compound, whether it was seen, the variance if not."""
        compounds, inverse = np.unique(peaks.compound, return_inverse=True)
        at = find_places(self.comp_ids, compounds)
        seen = at >= 0
        alpha, variance = np.zeros(len(compounds)), np.zeros(len(compounds))
        alpha[seen] = self.alpha_comp[at[seen]]
        spread = float(np.mean(np.square(self.alpha_comp))) if len(self.alpha_comp) else 0.0
        variance[~seen] = max(self.tau_comp**2, spread)
        if chemistry is not None and self.alpha_theta.size:
            if len(chemistry.names) != self.alpha_theta.size:
                raise InputError(
                    f"the chemistry has {len(chemistry.names)} descriptors and the back-off was "
                    f"fitted with {self.alpha_theta.size}: pass those of the fit."
                )
            order = np.argsort(chemistry.compound)
            place = find_places(chemistry.compound[order], compounds)
            told = ~seen & (place >= 0)
            z = chemistry.values[order[place[told]]]
            alpha[told] = (z - self.alpha_z_center) @ self.alpha_theta
            variance[told] = self.tau_comp**2
        return alpha[inverse], seen[inverse], variance[inverse]


def backed_off(
    coefficients: CoeffSummaries,
    backoff: BackoffSummaries,
    peaks: Peaks,
    chemistry: Chemistry | None = None,
) -> Times:
    """Times of all peaks: by the coefficients of their group where it has some, else backed off."""
    if coefficients.feature_names != backoff.feature_names:
        raise InputError(
            f"the coefficients have {len(coefficients.feature_names)} covariates and the back-off "
            f"{len(backoff.feature_names)}, and they differ: both must be of one fit."
        )
    own, seen = coefficients.predict(peaks, unseen="skip")
    rest = backoff.predict(
        peaks.select(~seen),
        chemistry,
        center=coefficients.feature_center,
        rotation=coefficients.feature_rotation,
    )
    merged = {}
    for name in ("mean", "sd", "known", "support"):
        merged[name] = np.empty(len(peaks), dtype=getattr(own, name).dtype)
        merged[name][seen] = getattr(own, name)
        merged[name][~seen] = getattr(rest, name)
    return Times(**merged)
