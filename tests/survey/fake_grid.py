"""A grid of surveys and its tables of fits, made quickly: errors follow their closed forms."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from errorbar.survey.data import SurveyData

SLOPE, STAR_SLOPE = -1.09, -0.25
SCATTER, STAR_SCATTER, RHO = 0.49, 0.22, 0.4
NOISE, STAR_NOISE = 0.2, 0.08
CUTS = {"S1": 0.0, "S2": 0.25, "S3": 0.5, "S4": 0.75}


@dataclass(frozen=True, eq=False)
class FakeSurvey:
    survey_id: int
    class_label: str
    df: pl.DataFrame

    @property
    def n(self):
        return len(self.df)

    @property
    def leverage(self):
        x = self.df["logM"].to_numpy()
        return float(np.sqrt(np.sum((x - x.mean()) ** 2)))

    def data(self):
        rows = np.full(self.n, 1.0)
        return SurveyData(
            x=self.df["logM"].to_numpy(),
            y=self.df["log(X_H2O)"].to_numpy(),
            sigma=NOISE * rows,
            star=self.df["Star Metallicity"].to_numpy(),
            star_sigma=STAR_NOISE * rows,
        )


def fake_catalogue(seed=1, planets=600):
    """Two families of planets, Neptunes and Jupiters, on a line with scatter and noise."""
    rng = np.random.default_rng(seed)
    heavy = rng.uniform(size=planets) < 0.6
    x = np.where(heavy, rng.normal(0.0, 0.35, planets), rng.normal(-1.5, 0.4, planets))
    common, own = rng.normal(size=(2, planets))
    y = SLOPE * x - 0.95 + SCATTER * common + NOISE * rng.normal(size=planets)
    star = STAR_SLOPE * x + STAR_SCATTER * (RHO * common + np.sqrt(1 - RHO**2) * own)
    return pl.DataFrame(
        {
            "logM": x,
            "log(X_H2O)": y,
            "Star Metallicity": star + STAR_NOISE * rng.normal(size=planets),
        }
    )


def fake_surveys(sizes=(10, 20, 30, 40, 50, 70, 90, 100), repeats=20, classes=tuple(CUTS), seed=1):
    catalogue = fake_catalogue(seed)
    rng = np.random.default_rng(seed)
    surveys = []
    for label in classes:
        cut = catalogue["logM"].quantile(CUTS[label], "linear")
        members = catalogue.filter(pl.col("logM") >= cut)
        for size in sizes:
            for _ in range(repeats):
                rows = rng.choice(len(members), size, replace=False)
                surveys.append(FakeSurvey(len(surveys) + 1, label, members[rows]))
    return surveys


def fake_fits(surveys, model="single", seed=2):
    """A table of the reference's columns whose errors scatter by 5 % about the closed forms."""
    rng = np.random.default_rng(seed)
    return pl.DataFrame([_fake_row(survey, model, rng) for survey in surveys])


def fake_full_fits(surveys, model="single", seed=2):
    """The same table with the columns this package adds."""
    table = fake_fits(surveys, model, seed)
    suffixes = ("_p", "_s") if model == "joint" else ("",)
    centre = np.array([survey.data().centre for survey in surveys])
    added = {
        "std_logM": table["L_logM"] / np.sqrt(table["N"].to_numpy()),
        "centre_logM": centre,
        "pivot_logM": -0.6,
        "level": 0.68,
    }
    for suffix in suffixes:
        slope = "beta_p" if model == "mass-star" else f"beta{suffix}"
        away = -0.6 - centre
        added[f"alpha{suffix}_pivot_mean"] = (
            table[f"alpha{suffix}_mean"] + table[f"{slope}_mean"] * away
        )
        added[f"alpha{suffix}_pivot_sd"] = np.hypot(
            table[f"alpha{suffix}_sd"], table[f"{slope}_sd"] * away
        )
    return table.with_columns(**added).with_columns(
        log_evidence=pl.lit(-12.0),
        prior=pl.lit("intercept=reference, slope=ptp"),
        method=pl.lit("exact"),
        rhat_max=pl.lit(None, dtype=pl.Float64),
        ess_min=pl.lit(None, dtype=pl.Float64),
        divergences=pl.lit(None, dtype=pl.Int64),
        status=pl.lit("ok"),
    )


def _fake_row(survey, model, rng):
    n, leverage = survey.n, survey.leverage
    row = {
        "survey_id": survey.survey_id,
        "class_label": survey.class_label,
        "N": n,
        "L_met": abs(SLOPE) * leverage,
        "L_logM": leverage,
    }
    centre = float(survey.df["logM"].mean())
    planet = _trio(SLOPE, -0.95 + SLOPE * centre, SCATTER, NOISE, n, leverage)
    star = _trio(STAR_SLOPE, STAR_SLOPE * centre, STAR_SCATTER, STAR_NOISE, n, leverage)
    if model == "single":
        parts = dict(zip(("beta", "alpha", "sigma"), planet, strict=True))
    elif model == "joint":
        parts = dict(zip(("beta_p", "alpha_p", "sigma_p"), planet, strict=True))
        parts |= dict(zip(("beta_s", "alpha_s", "sigma_s"), star, strict=True))
        parts["rho"] = (RHO, 0.9 / np.sqrt(n))
    else:
        parts = dict(zip(("beta_p", "alpha", "sigma"), planet, strict=True))
        parts["beta_s"] = (0.8, 2.2 / np.sqrt(n))
    for name, (truth, error) in parts.items():
        sd = error * np.exp(0.05 * rng.normal())
        mean = truth + sd * rng.normal()
        if name.startswith("sigma"):
            mean = abs(mean)
        row |= {
            f"{name}_mean": mean,
            f"{name}_sd": sd,
            f"{name}_hdi16": mean - sd,
            f"{name}_hdi84": mean + sd,
        }
    return row


def _trio(slope, intercept, scatter, noise, n, leverage):
    total = np.hypot(scatter, noise)
    return (
        (slope, total / leverage),
        (intercept, 0.85 * total / np.sqrt(n)),
        (scatter, total**2 / (scatter * np.sqrt(2 * n))),
    )
