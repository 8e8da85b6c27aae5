"""A measurement: values with what was quoted below and above them."""

from dataclasses import dataclass
from typing import Literal, Self, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from errorbar.core.errors import MeasurementError, SettingsError
from errorbar.core.maths.asymmetric import mean_bar, split_normal_mean, split_normal_sd

__all__ = ["BarRule", "Measurement"]

BarRule = Literal["mean", "split-normal"]


@dataclass(frozen=True, slots=True, eq=False)
class Measurement:
    """`value` with one-sigma distances `down` below it and `up` above it.

    All three share one shape. Distances are positive, never signed: `from_bars` takes what a
    catalogue prints.
    """

    value: NDArray[np.float64]
    down: NDArray[np.float64]
    up: NDArray[np.float64]

    def __post_init__(self) -> None:
        for name in ("value", "down", "up"):
            column = np.array(getattr(self, name), dtype=np.float64, ndmin=1)
            column.setflags(write=False)
            object.__setattr__(self, name, column)
        if not self.value.shape == self.down.shape == self.up.shape:
            raise MeasurementError(
                f"value {self.value.shape}, down {self.down.shape} and up {self.up.shape} "
                "must have one shape; `Measurement.from_bars` broadcasts a constant error."
            )
        _check_rows(
            "value",
            self.value,
            np.isfinite(self.value),
            "must be finite",
            "Drop or mask these rows first: a missing value has no error bar.",
        )
        for name in ("down", "up"):
            bars = getattr(self, name)
            _check_rows(
                name,
                bars,
                (bars > 0) & np.isfinite(bars),
                "must be positive and finite",
                "A lower bar read from a catalogue is often signed: `Measurement.from_bars` takes "
                "its absolute value. A bar of zero claims perfect knowledge, and a missing bar "
                "is not a small one: drop such rows or say what their errors are.",
            )

    @classmethod
    def from_bars(cls, value: ArrayLike, lower: ArrayLike, upper: ArrayLike | None = None) -> Self:
        """From a catalogue's columns: the lower bar may be signed, a constant bar is broadcast.

        With no `upper` the errors are symmetric. A negative upper bar is refused, because it
        usually means that the two columns were swapped.
        """
        down = np.abs(np.asarray(lower, dtype=np.float64))
        up = down if upper is None else np.asarray(upper, dtype=np.float64)
        try:
            value, down, up = np.broadcast_arrays(np.asarray(value, dtype=np.float64), down, up)
        except ValueError as error:
            raise MeasurementError(
                f"value {np.shape(value)}, lower {np.shape(down)} and upper {np.shape(up)} do not "
                "fit one another: give one bar for each value, or one for all of them."
            ) from error
        return cls(value, down, up)

    def __len__(self) -> int:
        return len(self.value)

    def moments(self, method: BarRule = "mean") -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The mean and the standard deviation that stand for each value and its two bars.

        `"mean"` keeps the value and averages the bars. `"split-normal"` reads the value as the
        mode of a split normal, whose mean lies towards the longer bar.
        """
        if method == "mean":
            return self.value, mean_bar(self.down, self.up)
        if method == "split-normal":
            return (
                split_normal_mean(self.value, self.down, self.up),
                split_normal_sd(self.down, self.up),
            )
        raise SettingsError(
            f"method={method!r} is not a rule for two bars; "
            f"choose one of {', '.join(get_args(BarRule))}."
        )

    def sigma(self, method: BarRule = "mean") -> NDArray[np.float64]:
        """The one symmetric error a fit uses; the mean of the two bars unless told otherwise."""
        return self.moments(method)[1]

    def weight(self, method: BarRule = "mean") -> NDArray[np.float64]:
        """The inverse variance of each row."""
        return self.sigma(method) ** -2


def _check_rows(
    name: str, values: NDArray[np.float64], good: NDArray[np.bool_], rule: str, way_out: str
) -> None:
    bad = np.argwhere(~good)
    if not len(bad):
        return
    first = tuple(int(i) for i in bad[0])
    raise MeasurementError(
        f"`{name}` {rule}; {len(bad)} rows are not, first at row "
        f"{first[0] if len(first) == 1 else first} (value {values[first]}). {way_out}"
    )
