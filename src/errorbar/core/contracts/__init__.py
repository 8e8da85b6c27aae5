"""What rooms, planes and systems may ask of one another: tables, values and protocols.

A table contract names the columns of a table, their kinds, units and ranges, and has a version;
`check_table` holds a frame to it and `to_arrow` and `to_parquet` take it elsewhere with nothing
lost. One row is a frozen value of the same fields. `System` is what a plane may ask of a system.
Each name is loaded from its room when it is first asked for.
"""

from typing import TYPE_CHECKING

from errorbar.core.contracts.pieces import PieceFunction, PieceValue, PieceValues
from errorbar.core.late import late

if TYPE_CHECKING:
    from errorbar.core.contracts.arrow import (
        arrow_schema,
        from_arrow,
        from_parquet,
        read_header,
        to_arrow,
        to_parquet,
    )
    from errorbar.core.contracts.cards import ModelCard, Prediction, Provenance, Recipe
    from errorbar.core.contracts.check import check_table, conform_table, frame_schema
    from errorbar.core.contracts.columns import Column, Kind, Rule, TableContract
    from errorbar.core.contracts.rows import from_values, to_values
    from errorbar.core.contracts.system import FittedArtifact, Json, System
    from errorbar.core.contracts.tables import (
        CONTRACTS,
        LABELS,
        LIGHT_CURVES,
        PREDICTIONS,
        SEDS,
        SPECTRA,
        STARS,
        find_contract,
    )
    from errorbar.core.contracts.upgrade import UPGRADES, Upgrade, upgrade_table
    from errorbar.core.contracts.values import (
        Estimate,
        Label,
        LightCurve,
        SedPoint,
        Spectrum,
        StarReference,
    )

__all__ = [
    "CONTRACTS",
    "LABELS",
    "LIGHT_CURVES",
    "PREDICTIONS",
    "SEDS",
    "SPECTRA",
    "STARS",
    "UPGRADES",
    "Column",
    "Estimate",
    "FittedArtifact",
    "Json",
    "Kind",
    "Label",
    "LightCurve",
    "ModelCard",
    "PieceFunction",
    "PieceValue",
    "PieceValues",
    "Prediction",
    "Provenance",
    "Recipe",
    "Rule",
    "SedPoint",
    "Spectrum",
    "StarReference",
    "System",
    "TableContract",
    "Upgrade",
    "arrow_schema",
    "check_table",
    "conform_table",
    "find_contract",
    "frame_schema",
    "from_arrow",
    "from_parquet",
    "from_values",
    "read_header",
    "to_arrow",
    "to_parquet",
    "to_values",
    "upgrade_table",
]

_ROOMS = {
    name: room
    for room, names in {
        "arrow": (
            "arrow_schema",
            "from_arrow",
            "from_parquet",
            "read_header",
            "to_arrow",
            "to_parquet",
        ),
        "cards": ("ModelCard", "Prediction", "Provenance", "Recipe"),
        "check": ("check_table", "conform_table", "frame_schema"),
        "columns": ("Column", "Kind", "Rule", "TableContract"),
        "rows": ("from_values", "to_values"),
        "system": ("FittedArtifact", "Json", "System"),
        "tables": (
            "CONTRACTS",
            "LABELS",
            "LIGHT_CURVES",
            "PREDICTIONS",
            "SEDS",
            "SPECTRA",
            "STARS",
            "find_contract",
        ),
        "upgrade": ("UPGRADES", "Upgrade", "upgrade_table"),
        "values": (
            "Estimate",
            "Label",
            "LightCurve",
            "SedPoint",
            "Spectrum",
            "StarReference",
        ),
    }.items()
    for name in names
}

__getattr__, __dir__ = late(__name__, _ROOMS)
