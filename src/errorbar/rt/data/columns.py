"""What the columns of a table of peaks are called, and which of them one reading takes."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from errorbar.core.errors import SettingsError, TableError

__all__ = ["Layout", "feature_columns", "plan_layout", "poly2_names", "poly2_sources"]

RUN = ("sampleset_id", "worksheet_id", "task_id")
IDS = ("species", "species_cluster", "comp_id")
# Known for some tables only; -1 stands for what is not known.
LABELS = ("compound", "compound_class")
RT = "rt"
# Columns of times of standards start so.
STANDARDS = ("IS", "RS", "ES_")

_DERIVED = re.compile(r"poly2_(sq|int)\((.+)\)")


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns one reading takes of a table, found once from its header.

    `features` are the covariates in the model's order, those derived of others included; `raw` are
    the columns that they are computed from. `minute` is one minute in the unit of `rt` and of the
    standards' columns. `gaps` says that missing covariates stay missing.
    """

    features: tuple[str, ...]
    raw: tuple[str, ...]
    labels: tuple[str, ...]
    runs: bool
    times: bool
    minute: float
    drop_missing: bool
    gaps: bool

    @property
    def columns(self) -> list[str]:
        """Every column that is read."""
        run = RUN if self.runs else ()
        rt = (RT,) if self.times else ()
        return [*run, *IDS, *self.labels, *rt, *self.raw]


def plan_layout(
    names: Sequence[str],
    where: str,
    *,
    include_rs: bool = True,
    include_es: bool = False,
    features: Sequence[str] | None = None,
    runs: bool = True,
    times: bool = True,
    unit: Literal["minutes", "seconds"] = "minutes",
    drop_missing: bool = False,
    gaps: bool = False,
) -> Layout:
    """Which columns of a table with these `names` to read; refuses a table that lacks some."""
    if unit not in ("minutes", "seconds"):
        raise SettingsError(f"unit={unit!r} must be minutes or seconds.")
    wanted = [*(RUN if runs else ()), *IDS, *((RT,) if times else ())]
    if features is None:
        chosen = feature_columns(names, include_rs=include_rs, include_es=include_es)
    else:
        chosen = tuple(features)
    if len(set(chosen)) < len(chosen):
        raise SettingsError("`features` names a column twice: each once, in the model's order.")
    raw = tuple(dict.fromkeys(source for name in chosen for source in poly2_sources(name)))
    _check_present(names, [*wanted, *raw], where, runs=runs)
    if features is None and not any(name.startswith("IS") for name in chosen):
        raise TableError(
            f"{where} has no internal standards, columns whose names start with `IS`: name its "
            "covariates with features=[...], or say features=[] for a model without them."
        )
    return Layout(
        features=chosen,
        raw=raw,
        labels=tuple(name for name in LABELS if name in names),
        runs=runs,
        times=times,
        minute=60.0 if unit == "seconds" else 1.0,
        drop_missing=drop_missing,
        gaps=gaps,
    )


def feature_columns(
    names: Sequence[str], *, include_rs: bool = True, include_es: bool = False
) -> tuple[str, ...]:
    """Covariates among columns: IS*, then RS*, then ES_*, each sorted as strings (IS10 < IS2)."""
    kinds = ["IS", *(["RS"] if include_rs else []), *(["ES_"] if include_es else [])]
    return tuple(name for kind in kinds for name in sorted(names) if name.startswith(kind))


def poly2_names(features: Sequence[str]) -> tuple[str, ...]:
    """Names of the squares, then of the products of pairs, of the IS* and RS* among `features`."""
    raw = [name for name in features if name.startswith(("IS", "RS"))]
    squares = tuple(f"poly2_sq({name})" for name in raw)
    return squares + tuple(f"poly2_int({one},{other})" for one, other in combinations(raw, 2))


def poly2_sources(name: str) -> tuple[str, ...]:
    """The columns a covariate is the product of: itself, one twice, or two."""
    found = _DERIVED.fullmatch(name)
    if found is None:
        return (name,)
    kind, inside = found.groups()
    if kind == "sq":
        return (inside, inside)
    parts = tuple(inside.split(","))
    if len(parts) != 2:
        raise TableError(
            f"`{name}` must name two columns, none of them with a comma: rename such columns."
        )
    return parts


def _check_present(names: Sequence[str], wanted: Sequence[str], where: str, *, runs: bool) -> None:
    missing = [name for name in wanted if name not in names]
    if not missing:
        return
    told = []
    for name in missing:
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.7)
        told.append(f"`{name}`" + (f" (perhaps `{near[0]}`?)" if near else ""))
    hint = ""
    if len(names) == 1 and ";" in names[0]:
        hint += " Its columns are parted by semicolons: save it with commas, or as Parquet."
    if "comp_id" in missing:
        hint += " A table without comp_id cannot be trained on: add the library's compound ids."
    if runs and any(name in RUN for name in missing):
        hint += " Without run keys say runs=False, and each row is a run of its own."
    if RT in missing:
        hint += " Peaks still to be predicted are read with times=False."
    raise TableError(
        f"{where} lacks {len(missing)} column{'s' if len(missing) > 1 else ''}: "
        f"{', '.join(told)}. Names are looked up exactly.{hint}"
    )
