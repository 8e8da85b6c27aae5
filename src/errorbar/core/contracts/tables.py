"""The contracts of tables about stars, from references to predictions.

Missing is null and never NaN. Every row says where it came from: the query, the transport, the
hash of the bytes, the hash of the recipe that made it of them, and when it was made. Angles are
ICRS.
"""

from types import MappingProxyType

import polars as pl

from errorbar.core.contracts.columns import Column, Rule, TableContract
from errorbar.core.errors import TableError

__all__ = [
    "CONTRACTS",
    "LABELS",
    "LIGHT_CURVES",
    "PREDICTIONS",
    "SEDS",
    "SPECTRA",
    "STARS",
    "find_contract",
]

ORIGIN = (
    Column("query", "text", "what was asked of the archive"),
    Column("transport", "text", "how it was asked: tap, https, file, synthetic"),
    Column("content_sha256", "text", "hash of the bytes the row was read from"),
    Column("recipe_sha256", "text", "hash of the recipe that made the row", empty=True),
    Column("created", "time", "when the row was made; a correction is made later"),
)

OBJECT = (
    Column("star_id", "text", "the star, one name in all surveys"),
    Column("obs_id", "text", "the observation, unique in its survey and release"),
    Column("survey", "text", "who observed"),
    Column("release", "text", "the release the row was taken from"),
    Column("ra", "number", "right ascension at `epoch`", "deg", least=0, below=360),
    Column("dec", "number", "declination at `epoch`", "deg", least=-90, most=90),
    Column("epoch", "number", "Julian year of the position", "yr", least=1800, most=2200),
)

PLACE = (
    Column("parallax", "number", "may be negative, as measured", "mas", optional=True),
    Column("parallax_err", "number", "one sigma", "mas", optional=True, above=0),
)

MOTION = (
    Column("pm_ra", "number", "proper motion in ra, times cos dec", "mas/yr", optional=True),
    Column("pm_dec", "number", "proper motion in dec", "mas/yr", optional=True),
    Column("pm_ra_err", "number", "one sigma", "mas/yr", optional=True, above=0),
    Column("pm_dec_err", "number", "one sigma", "mas/yr", optional=True, above=0),
    *PLACE,
)

# Two rows of one observation are a row and its correction.
OBSERVATION = ("survey", "release", "obs_id", "created")

UNITS = ("flux", "mag")

STARS = TableContract(
    "stars",
    1,
    "where a star was, in one survey",
    (*OBJECT, *MOTION, *ORIGIN),
    key=OBSERVATION,
)


def _limit_without_bar() -> pl.Expr:
    return (pl.col("limit") == "none") & pl.col("err").is_null()


def _magnitude_without_system() -> pl.Expr:
    return (pl.col("unit") == "mag") & pl.col("system").is_null()


SEDS = TableContract(
    "seds",
    1,
    "one brightness in one band; a star has as many rows as it was measured",
    (
        *OBJECT,
        Column("band", "text", "the filter's id, as gaiadr3-G or sdss2010-g"),
        Column("value", "number", "magnitude or flux; of a limit, the limit"),
        Column("err", "number", "one sigma, null for a limit without one", empty=True, above=0),
        Column("unit", "text", "flux is in Jy", choices=UNITS),
        Column("system", "text", "of a magnitude", empty=True, choices=("AB", "Vega")),
        Column(
            "limit",
            "text",
            "upper: the flux is at most this, and the magnitude at least",
            choices=("none", "upper", "lower"),
        ),
        Column("ebv", "number", "reddening E(B-V)", "mag", optional=True, least=0),
        Column("ebv_err", "number", "one sigma", "mag", optional=True, above=0),
        *PLACE,
        *ORIGIN,
    ),
    key=(*OBSERVATION, "band"),
    rules=(
        Rule("err", _limit_without_bar, "a detection needs an error bar"),
        Rule("system", _magnitude_without_system, "a magnitude needs its system, AB or Vega"),
    ),
)


def _lengths_differ(first: str, *others: str) -> pl.Expr:
    return pl.any_horizontal(pl.col(first).list.len() != pl.col(name).list.len() for name in others)


def _goes_back(name: str, *, ties: bool) -> pl.Expr:
    step = pl.col(name).list.diff(null_behavior="drop").list.min()
    return (step < 0) if ties else (step <= 0)


SPECTRA = TableContract(
    "spectra",
    1,
    "one spectrum a row",
    (
        *OBJECT,
        Column("wave", "numbers", "wavelengths in vacuum, growing", "Angstrom", above=0),
        Column("flux", "numbers", "zero where masked"),
        Column("ivar", "numbers", "inverse variances; zero where nothing is known", least=0),
        Column("mask", "truths", "true where a pixel must not be used"),
        Column("resolution", "number", "R, wavelength over width", empty=True, above=0),
        Column("frame", "text", "of `wave`", choices=("observer", "barycentre", "rest")),
        Column("v_bary", "number", "barycentric velocity", "km/s", empty=True),
        Column("unit", "text", "of `flux`, as 1e-17 erg/(s cm2 Angstrom) or relative"),
        *ORIGIN,
    ),
    key=OBSERVATION,
    rules=(
        Rule(
            "wave",
            lambda: _lengths_differ("wave", "flux", "ivar", "mask"),
            "wave, flux, ivar and mask must have one length",
        ),
        Rule("wave", lambda: _goes_back("wave", ties=False), "wavelengths must grow"),
    ),
)

LIGHT_CURVES = TableContract(
    "light_curves",
    1,
    "one light curve a row, bands mixed",
    (
        *OBJECT,
        Column("time", "numbers", "BJD in TDB, in order", "d"),
        Column("value", "numbers", "magnitude or flux"),
        Column("err", "numbers", "one sigma", above=0),
        Column("band", "texts", "the filter's id of each point"),
        Column("quality", "wholes", "the survey's flags of each point, 0 where good"),
        Column("exptime", "numbers", "exposure of each point", "s", least=0),
        Column("unit", "text", "of `value`; flux may be relative", choices=UNITS),
        *ORIGIN,
    ),
    key=OBSERVATION,
    rules=(
        Rule(
            "time",
            lambda: _lengths_differ("time", "value", "err", "band", "quality", "exptime"),
            "all lists of a light curve must have one length",
        ),
        Rule("time", lambda: _goes_back("time", ties=True), "times must be in order"),
    ),
)


def _one_of_two() -> pl.Expr:
    return pl.col("value").is_null() == pl.col("number").is_null()


def _class_without_taxonomy() -> pl.Expr:
    return pl.col("value").is_not_null() & pl.col("taxonomy").is_null()


LABELS = TableContract(
    "labels",
    1,
    "what somebody says of a star: a class, or a number",
    (
        Column("star_id", "text", "the star, one name in all surveys"),
        Column("quantity", "text", "what is said: class, teff, logg, feh"),
        Column("value", "text", "the class", empty=True),
        Column("number", "number", "the number", empty=True),
        Column("err", "number", "one sigma of the number", empty=True, above=0),
        Column("unit", "text", "of the number", empty=True),
        Column("taxonomy", "text", "of the class, as otypes@2022", empty=True),
        Column("source", "text", "who says so, a survey or a paper"),
        Column("time", "time", "when it was said", empty=True),
        Column("quality", "number", "how much it can be trusted", empty=True, least=0, most=1),
        Column("candidate", "truth", "said with reserve"),
        *ORIGIN,
    ),
    rules=(
        Rule("value", _one_of_two, "a label is a class or a number, and not both"),
        Rule("taxonomy", _class_without_taxonomy, "a class needs its taxonomy, as name@version"),
    ),
)


def _not_shares() -> pl.Expr:
    # A system that predicts numbers alone has no classes.
    total = pl.col("probabilities").list.sum()
    return (pl.col("probabilities").list.len() > 0) & ((total - 1).abs() > 1e-6)


def _strangers() -> pl.Expr:
    return pl.col("set").list.set_difference("class_names").list.len() > 0


def _set_without_alpha() -> pl.Expr:
    return (pl.col("set").list.len() > 0) & pl.col("alpha").is_null()


PREDICTIONS = TableContract(
    "predictions",
    1,
    "what a model says of an object: classes, a set that holds the class, numbers with intervals",
    (
        Column("object_id", "text", "the star, or what else a row of the system stands for"),
        Column("obs_id", "text", "the observation, if it is of one", empty=True),
        Column("taxonomy", "text", "of the classes, as otypes@2022", empty=True),
        Column("class_names", "texts", "the classes, in the order of `probabilities`"),
        Column("probabilities", "numbers", "of the classes, summing to one", least=0, most=1),
        Column("set", "texts", "holds the class with probability 1 - alpha or more"),
        Column("alpha", "number", "of the set", empty=True, above=0, below=1),
        Column("parameters", "estimates", "numbers with intervals"),
        Column("calibrated", "truth", "whether calibration vouches for this answer"),
        Column("ood_score", "number", "distance from what was learnt", empty=True),
        Column("flags", "texts", "what the reader must know, as out_of_domain"),
        Column("modalities", "texts", "what was used: sed, spectrum, light_curve"),
        Column("model", "text", "name@version"),
        Column("model_sha256", "text", "hash of the artifact"),
        Column("recipe_sha256", "text", "hash of the recipe that prepared the input"),
        Column("content_sha256", "text", "hash of the input", empty=True),
        Column("created", "time", "when it was predicted"),
    ),
    rules=(
        Rule(
            "probabilities",
            lambda: _lengths_differ("class_names", "probabilities"),
            "every class needs one probability",
        ),
        Rule("probabilities", _not_shares, "probabilities must sum to one"),
        Rule("set", _strangers, "a set may hold only names in class_names"),
        Rule("alpha", _set_without_alpha, "a set needs its alpha"),
    ),
)

CONTRACTS = MappingProxyType(
    {each.name: each for each in (STARS, SEDS, SPECTRA, LIGHT_CURVES, LABELS, PREDICTIONS)}
)


def find_contract(name: str) -> TableContract:
    """A contract by its name."""
    if name not in CONTRACTS:
        raise TableError(f"there is no contract {name!r}; choose one of {', '.join(CONTRACTS)}.")
    return CONTRACTS[name]
