r"""The pooled model of retention times, as settings.

A row of species $c$ (in supercategory $s$) and compound $k$ with run covariates $x$ has

$$ y = b_g + x^\top w_g + u_r + e, \qquad e \sim N(0, \sigma_k^2), \quad g = (c, k), $$

and the pair's coefficients $\beta_g = (b_g, w_g)$ scatter about what their species, their compound
and their chemistry say,

$$ \beta_g \sim N(M_k v_c + L a_k,\; \mathrm{diag}(\tau_b^2, \sigma_k^2 / \lambda)), \quad
   v_c \sim N(v_s, \cdot), \quad v_s \sim N(v_0, \cdot), \quad
   a_k \sim N(\theta^\top z_k + c_{j(k)}, \tau_\mathrm{comp}^2). $$

$v_c$ holds the species' offset, its drift response (the slope head) and, where asked for, its own
chemistry (`head_dims` descriptors) and a response to the leading directions of drift that depends
on chemistry (`gate_rank`). With `stretch` a species responds to its compounds' general offsets
by a factor of its own, $(1 + \rho_c) a_k$; factors and the linear model are found in
turn. $a_k$ is the compound's offset and, with `compound_slopes`, its own response. All of it is
linear and Gaussian once the scales are given.
"""

from dataclasses import dataclass
from typing import Literal

from errorbar.core.errors import SettingsError

__all__ = ["REFERENCE_PENALTY", "PoolModel"]

# The penalty of slopes that the reference code fixes, `lambda_slopes`.
REFERENCE_PENALTY = 3e-4

SlopeHead = Literal["cluster_supercat", "none"]
Level = Literal["species", "cluster", "both"]


@dataclass(frozen=True, slots=True)
class PoolModel:
    """Which parts the pooled model has.

    `penalty` is `"learned"`, `"reference"` (3e-4) or a number: slopes have the variance
    $\\sigma^2 / \\lambda$ about their head. It is one number, one for each feature or one for each
    supercategory (`penalty_by`). With `slope_variance="free"` slopes have a variance of their own
    instead. `noise` is one for all, or each compound's own. `freedom` makes the noise a Student-t.
    Peaks of one pair in one run share their error and are fitted as one (`replicates="merged"`)
    where the table is in memory. `head_level` says where species × chemistry lives: with species,
    with their supercategory ("cluster"), or both. `priors` are half-normal: `"reference"` in
    minutes as the reference code has them, `"data"` as wide as the data.
    """

    slope_head: SlopeHead = "cluster_supercat"
    penalty: float | Literal["learned", "reference"] = "learned"
    penalty_by: Literal["all", "feature", "supercategory"] = "all"
    slope_variance: Literal["tied", "free"] = "tied"
    compound_slopes: bool = False
    classes: bool = False
    theta: Literal["unit", "learned"] = "learned"
    head_dims: int = 0
    head_level: Level = "both"
    gate_rank: int = 0
    stretch: bool = False
    noise: Literal["shared", "compound"] = "shared"
    run_effect: bool = False
    freedom: float | Literal["normal", "learned"] = "normal"
    replicates: Literal["merged", "separate"] = "merged"
    priors: Literal["reference", "data"] = "data"

    def __post_init__(self) -> None:
        choices = {
            "slope_head": ("cluster_supercat", "none"),
            "penalty_by": ("all", "feature", "supercategory"),
            "slope_variance": ("tied", "free"),
            "theta": ("unit", "learned"),
            "head_level": ("species", "cluster", "both"),
            "noise": ("shared", "compound"),
            "priors": ("reference", "data"),
            "replicates": ("merged", "separate"),
        }
        for name, known in choices.items():
            if (value := getattr(self, name)) not in known:
                raise SettingsError(f"{name}={value!r} must be one of {', '.join(known)}.")
        if isinstance(self.penalty, str):
            if self.penalty not in ("learned", "reference"):
                raise SettingsError(
                    f"penalty={self.penalty!r} must be learned, reference or a positive number."
                )
        elif not self.penalty > 0:
            raise SettingsError(f"penalty={self.penalty:g} must be positive.")
        if isinstance(self.freedom, str):
            if self.freedom not in ("normal", "learned"):
                raise SettingsError(
                    f"freedom={self.freedom!r} must be normal, learned or a number above 1."
                )
        elif not self.freedom > 1:
            raise SettingsError(f"freedom={self.freedom:g} must be above 1.")
        if self.stretch and (self.run_effect or self.compound_slopes):
            raise SettingsError(
                "stretch=True goes with neither run_effect nor compound_slopes: it is for tables "
                "of many systems, one time for each compound."
            )
        for name in ("head_dims", "gate_rank"):
            if getattr(self, name) < 0:
                raise SettingsError(f"{name}={getattr(self, name)} cannot be negative.")

    @property
    def fixed_penalty(self) -> float | None:
        """The penalty, if it is not learned."""
        if self.slope_variance == "free" or self.penalty == "learned":
            return None
        return REFERENCE_PENALTY if isinstance(self.penalty, str) else self.penalty
