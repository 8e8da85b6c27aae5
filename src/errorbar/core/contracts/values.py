"""One row of a table as a frozen value, checked at birth; its fields are the table's columns."""

from datetime import UTC, datetime
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

__all__ = [
    "Estimate",
    "Label",
    "LightCurve",
    "Row",
    "SedPoint",
    "Sha256",
    "Spectrum",
    "StarReference",
    "Text",
    "Time",
    "Value",
]


def _in_utc(time: datetime) -> datetime:
    return time.astimezone(UTC)


Text = Annotated[str, Field(min_length=1)]
Time = Annotated[AwareDatetime, AfterValidator(_in_utc)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class Value(BaseModel):
    """Frozen; unknown fields, NaN and infinities are refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True
    )


class Row(Value):
    """Where a row came from: see `Provenance`."""

    query: Text
    transport: Text
    content_sha256: Text
    recipe_sha256: Text | None = None
    created: Time


class _Observed(Row):
    star_id: Text
    obs_id: Text
    survey: Text
    release: Text
    ra: Annotated[float, Field(ge=0, lt=360)]
    dec: Annotated[float, Field(ge=-90, le=90)]
    epoch: Annotated[float, Field(ge=1800, le=2200)]


class StarReference(_Observed):
    """Where a star was in one survey: ICRS degrees at a Julian year, mas and mas/yr."""

    pm_ra: float | None = None
    pm_dec: float | None = None
    pm_ra_err: Positive | None = None
    pm_dec_err: Positive | None = None
    parallax: float | None = None
    parallax_err: Positive | None = None


class SedPoint(_Observed):
    """One brightness of a star in one band: a magnitude, or a flux in Jy.

    Where `limit` is `"upper"` the flux is at most `value` (the magnitude at least).
    """

    band: Text
    value: float
    err: Positive | None = None
    unit: Literal["flux", "mag"]
    system: Literal["AB", "Vega"] | None = None
    limit: Literal["none", "upper", "lower"] = "none"
    ebv: Annotated[float, Field(ge=0)] | None = None
    ebv_err: Positive | None = None
    parallax: float | None = None
    parallax_err: Positive | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.limit == "none" and self.err is None:
            raise ValueError("a detection needs an error bar")
        if self.unit == "mag" and self.system is None:
            raise ValueError("a magnitude needs its system, AB or Vega")
        return self


class Spectrum(_Observed):
    """A spectrum: wavelengths in Angstrom in vacuum, growing; `mask` is true where not to use."""

    wave: tuple[Positive, ...]
    flux: tuple[float, ...]
    ivar: tuple[Annotated[float, Field(ge=0)], ...]
    mask: tuple[bool, ...]
    resolution: Positive | None = None
    frame: Literal["observer", "barycentre", "rest"]
    v_bary: float | None = None
    unit: Text

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        _one_length(self, "wave", "flux", "ivar", "mask")
        if any(after <= before for before, after in pairwise(self.wave)):
            raise ValueError("wavelengths must grow")
        return self


class LightCurve(_Observed):
    """A light curve: times in days (BJD, TDB), in order, bands mixed; exposures in seconds."""

    time: tuple[float, ...]
    value: tuple[float, ...]
    err: tuple[Positive, ...]
    band: tuple[str, ...]
    quality: tuple[int, ...]
    exptime: tuple[Annotated[float, Field(ge=0)], ...]
    unit: Literal["flux", "mag"]

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        _one_length(self, "time", "value", "err", "band", "quality", "exptime")
        if any(after < before for before, after in pairwise(self.time)):
            raise ValueError("times must be in order")
        return self


class Label(Row):
    """What somebody says of a star: a class of a taxonomy (`name@version`), or a number."""

    star_id: Text
    quantity: Text
    value: Text | None = None
    number: float | None = None
    err: Positive | None = None
    unit: Text | None = None
    taxonomy: Text | None = None
    source: Text
    time: Time | None = None
    quality: Share | None = None
    candidate: bool = False

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.value is None) == (self.number is None):
            raise ValueError("a label is a class or a number, and not both")
        if self.value is not None and self.taxonomy is None:
            raise ValueError("a class needs its taxonomy, as name@version")
        return self


class Estimate(Value):
    """A number with the interval that holds the truth with probability `level`."""

    name: Text
    mean: float
    lower: float
    upper: float
    level: Annotated[float, Field(gt=0, lt=1)]
    unit: str | None = None

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        if self.lower > self.upper:
            raise ValueError(f"the lower end {self.lower:g} is above the upper {self.upper:g}")
        return self


def _one_length(value: Value, *names: str) -> None:
    lengths = {name: len(getattr(value, name)) for name in names}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise ValueError(f"all lists must have one length, not {told}")
