"""One good row of every contract, and random tables of it."""

from datetime import UTC, datetime

import polars as pl
from hypothesis import strategies as st

from errorbar.core.contracts import (
    CONTRACTS,
    Estimate,
    Label,
    LightCurve,
    Prediction,
    SedPoint,
    Spectrum,
    StarReference,
    from_values,
)

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
HASH = "0" * 64

ORIGIN = {"query": "SELECT 1", "transport": "tap", "content_sha256": HASH, "created": NOW}
OBJECT = {
    "star_id": "gaia:1",
    "obs_id": "1",
    "survey": "gaia",
    "release": "dr3",
    "ra": 1.5,
    "dec": -2.5,
    "epoch": 2016.0,
}

STAR = StarReference(**ORIGIN, **OBJECT, pm_ra=1.0, parallax=-0.1, parallax_err=0.2)
POINT = SedPoint(
    **ORIGIN, **OBJECT, band="gaiadr3-G", value=15.0, err=0.01, unit="mag", system="Vega"
)
SPECTRUM = Spectrum(
    **ORIGIN,
    **OBJECT,
    wave=(5000.0, 5001.0),
    flux=(1.0, 0.0),
    ivar=(4.0, 0.0),
    mask=(False, True),
    frame="rest",
    unit="relative",
)
CURVE = LightCurve(
    **ORIGIN,
    **OBJECT,
    time=(2450000.5, 2450001.5),
    value=(15.0, 15.1),
    err=(0.1, 0.1),
    band=("g", "r"),
    quality=(0, 4),
    exptime=(30.0, 30.0),
    unit="mag",
)
LABEL = Label(
    **ORIGIN, star_id="gaia:1", quantity="class", value="RR*", taxonomy="otypes@2022", source="x"
)
PREDICTION = Prediction(
    object_id="gaia:1",
    taxonomy="otypes@2022",
    class_names=("RR*", "Ce*"),
    probabilities=(0.9, 0.1),
    set=("RR*",),
    alpha=0.1,
    parameters=(Estimate(name="teff", mean=6000, lower=5900, upper=6200, level=0.9, unit="K"),),
    calibrated=True,
    ood_score=0.1,
    flags=("field_edge",),
    modalities=("sed",),
    model="sed@1",
    model_sha256=HASH,
    recipe_sha256=HASH,
    created=NOW,
)

VALUES = {
    "stars": STAR,
    "seds": POINT,
    "spectra": SPECTRUM,
    "light_curves": CURVE,
    "labels": LABEL,
    "predictions": PREDICTION,
}

FRAMES = {name: from_values([value], type(value)) for name, value in VALUES.items()}

text = st.text(
    st.characters(min_codepoint=1, exclude_categories=["Cs"]), min_size=1, max_size=20
).filter(bool)
number = st.floats(allow_nan=False, allow_infinity=False)


def rows_of(name):
    """Random rows of a contract that its rules allow."""
    contract = CONTRACTS[name]
    good = FRAMES[name].row(0, named=True)

    def column(it):
        if it.choices or it.listed or it.name in ("value", "err", "number"):
            # What rules tie together stays as in the good row.
            return st.just(good[it.name])
        if it.kind == "text":
            found = text
        elif it.kind == "number":
            low = it.least if it.least is not None else it.above
            high = it.most if it.most is not None else it.below
            found = st.floats(
                low,
                high,
                allow_nan=False,
                allow_infinity=False,
                exclude_min=it.above is not None,
                exclude_max=it.below is not None,
            )
        elif it.kind == "time":
            found = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)).map(
                lambda time: time.replace(tzinfo=UTC)
            )
        else:
            found = st.booleans()
        tied = it.name in ("system", "taxonomy", "alpha")
        return st.one_of(st.none(), found) if it.may_be_null and not tied else found

    return st.fixed_dictionaries({each.name: column(each) for each in contract.columns})


def tables_of(name):
    """Random tables of a contract, from no row to a few."""
    contract = CONTRACTS[name]
    unique = (lambda row: tuple(row[part] for part in contract.key)) if contract.key else None
    return st.lists(rows_of(name), max_size=4, unique_by=unique).map(
        lambda rows: pl.DataFrame(rows, schema=FRAMES[name].schema, orient="row")
    )
