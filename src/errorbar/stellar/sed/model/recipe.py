"""How photometry is made ready: one frozen value, the same in training and in serving."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from errorbar.core.errors import ArtifactError, SettingsError
from errorbar.stellar.sed.data import find_band
from errorbar.stellar.sed.model.extinction import LAWS

__all__ = ["SedRecipe"]

FORMAT = 1


@dataclass(frozen=True, slots=True)
class SedRecipe:
    """What is done to photometry before a model sees it.

    `error_floor` (mag) is added in quadrature to every band's error: what surveys' zero points
    and passbands are off by. Dust is taken off by `law` at `rv` for a star of `source_teff`; where
    no reddening is known it is `blind_ebv` give or take `blind_ebv_err`, and the star is flagged.
    `parallax_offset_mas` is added to parallaxes (Gaia DR2 +0.029, DR3 about +0.03, Hipparcos 0).
    Luminosities and apparent brightness are those of `luminosity_band`; with `brightness=False` no
    model sees how bright a star appears. A flux that is not positive becomes a limit of three
    sigma. Stars with fewer than `least_bands` detected bands are flagged.
    """

    bands: tuple[str, ...]
    luminosity_band: str
    error_floor: float = 0.0
    deredden: bool = True
    law: str = "G23"
    rv: float = 3.1
    source_teff: float = 5500.0
    blind_ebv: float = 0.0
    blind_ebv_err: float = 0.5
    parallax_offset_mas: float = 0.0
    brightness: bool = True
    least_bands: int = 2

    def __post_init__(self) -> None:
        object.__setattr__(self, "bands", tuple(self.bands))
        for name in self.bands:
            find_band(name)
        if len(set(self.bands)) < len(self.bands):
            raise SettingsError(f"bands {self.bands} must be different.")
        if self.luminosity_band not in self.bands:
            raise SettingsError(
                f"luminosity_band={self.luminosity_band!r} is not among {', '.join(self.bands)}."
            )
        if self.law not in LAWS:
            raise SettingsError(f"law={self.law!r} is not one of {', '.join(LAWS)}.")
        for name, least in (("error_floor", 0.0), ("rv", 2.0), ("source_teff", 1000.0)):
            if not getattr(self, name) >= least:
                raise SettingsError(f"{name}={getattr(self, name)} must be {least:g} or more.")
        if not self.blind_ebv_err > 0:
            raise SettingsError(f"blind_ebv_err={self.blind_ebv_err} must be positive.")

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON."""
        return {"type": "SedRecipe", "format": FORMAT, **asdict(self), "bands": list(self.bands)}

    @classmethod
    def from_dict(cls, payload: Mapping[str, Any]) -> "SedRecipe":
        """The recipe that wrote the payload."""
        if payload.get("type") != "SedRecipe" or payload.get("format") != FORMAT:
            raise ArtifactError(
                f"the payload is of type {payload.get('type')!r} and format "
                f"{payload.get('format')!r}; SedRecipe of format {FORMAT} is needed."
            )
        rest = {name: value for name, value in payload.items() if name not in ("type", "format")}
        unknown = sorted(set(rest) ^ set(cls.__dataclass_fields__))
        if unknown:
            raise ArtifactError(f"a recipe has other parts than {', '.join(unknown)} suggests.")
        return cls(**{**rest, "bands": tuple(rest["bands"])})

    def canonical(self) -> str:
        """The one way to write this recipe: sorted JSON without spaces."""
        return json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"), allow_nan=False)

    @property
    def hash(self) -> str:
        """SHA-256 of `canonical`, which predictions carry."""
        return hashlib.sha256(self.canonical().encode()).hexdigest()
