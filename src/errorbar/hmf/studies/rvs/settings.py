"""What a run of the study is asked for."""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, get_args

from errorbar.core.errors import SettingsError
from errorbar.hmf.grid import BEST
from errorbar.hmf.studies.rvs.files import DatasetNames
from errorbar.hmf.summary.objects import Statistic

__all__ = ["RvsSettings", "read_settings", "settings_of"]


@dataclass(frozen=True, slots=True)
class RvsSettings:
    """How stars are chosen, models fitted, and outliers judged.

    - `ranks`, `scales`: the models of the grid; `choose_by` the score that chooses one;
    - `test_share`: of the spectra of a bin, kept from the fits; `seed` draws them, each star's side
      following from its identifier, so that it is on one side in every bin;
    - `clip`: pixels cut off each end; `names`: what the HDF5 files call their datasets;
    - `parallax_over_error`, `zero_point_mas`: see `place_stars`;
    - `statistic`, `false_alarm`: see `calibrate_objects`;
    - `fewest`: spectra below which a bin is passed over;
    - `shown`: panels of a gallery; `kept`: spectra whose pixels an analysis keeps, the oddest.
    """

    ranks: tuple[int, ...] = (5, 10)
    scales: tuple[float, ...] = (3.0, 5.0)
    choose_by: str = "kl"
    test_share: float = 0.5
    seed: int = 0
    clip: int = 40
    parallax_over_error: float = 10.0
    zero_point_mas: float = 0.0
    statistic: Statistic = "low"
    false_alarm: float = 1e-4
    fewest: int = 200
    shown: int = 12
    kept: int = 500
    names: DatasetNames = field(default_factory=DatasetNames)

    def __post_init__(self) -> None:
        if not (self.ranks and self.scales):
            raise SettingsError("ranks and scales must name one model at least.")
        if self.choose_by not in BEST:
            raise SettingsError(
                f"choose_by={self.choose_by!r} chooses no model; choose one of {', '.join(BEST)}."
            )
        if self.statistic not in get_args(Statistic):
            raise SettingsError(
                f"statistic={self.statistic!r} is unknown; choose one of "
                f"{', '.join(get_args(Statistic))}."
            )
        if not 0 < self.test_share < 1:
            raise SettingsError(f"test_share={self.test_share:g} must lie between 0 and 1.")
        for name, least in (("clip", 0), ("fewest", 50), ("shown", 1), ("kept", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise SettingsError(f"{name}={getattr(self, name)} must be at least {least}.")

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        held = asdict(self)
        return {**held, "ranks": list(self.ranks), "scales": list(self.scales)}


def settings_of(given: Mapping[str, Any]) -> RvsSettings:
    """Settings from plain values; what is left out has its usual value."""
    known = {each.name for each in fields(RvsSettings)}
    unknown = sorted(set(given) - known)
    if unknown:
        raise SettingsError(
            f"{', '.join(unknown)} is no setting of this study; it has {', '.join(sorted(known))}."
        )
    held = dict(given)
    for name, kind in (("ranks", int), ("scales", float)):
        if name in held:
            held[name] = _numbers(name, held[name], kind)
    for name in ("test_share", "parallax_over_error", "zero_point_mas", "false_alarm"):
        if name in held:
            (held[name],) = _numbers(name, [held[name]], float)
    for name in ("seed", "clip", "fewest", "shown", "kept"):
        if name in held:
            (held[name],) = _numbers(name, [held[name]], int)
    if "names" in held:
        try:
            held["names"] = DatasetNames(**held["names"])
        except TypeError as error:
            raise SettingsError(
                f"names={held['names']!r} must say what the file calls source_id, flux, flux_error "
                "and wavelength."
            ) from error
    return RvsSettings(**held)


def read_settings(path: str | Path) -> RvsSettings:
    """The section `[study]` of a TOML file, and the datasets' `[names]`."""
    path = Path(path)
    if not path.is_file():
        raise SettingsError(f"there is no file {path}: check the path of the settings.")
    try:
        held = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not TOML ({error}).") from error
    study = held.get("study")
    if not isinstance(study, dict):
        raise SettingsError(f"{path} has no section [study]; it has {', '.join(held) or 'none'}.")
    return settings_of(study | ({"names": held["names"]} if "names" in held else {}))


def _numbers(name: str, given: Any, kind: type) -> tuple[Any, ...]:
    values = list(given) if isinstance(given, list | tuple) else [given]
    for value in values:
        right = isinstance(value, int | float) and not isinstance(value, bool)
        if not right or (kind is int and value != int(value)):
            words = "whole numbers" if kind is int else "numbers"
            raise SettingsError(f"{name}={given!r} must be {words}.")
    return tuple(kind(value) for value in values)
