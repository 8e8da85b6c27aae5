"""The way from a table of an older contract to one of today's."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import polars as pl

from errorbar.core.contracts.columns import TableContract
from errorbar.core.errors import TableError

__all__ = ["UPGRADES", "Upgrade", "upgrade_table"]

Upgrade = Callable[[pl.DataFrame], pl.DataFrame]
"""Makes a table of one version out of one of the version before."""

# (contract, the version it starts from) and the step to the next one. All contracts are at their
# first version.
UPGRADES: Mapping[tuple[str, int], Upgrade] = MappingProxyType({})


def upgrade_table(
    frame: pl.DataFrame,
    contract: TableContract,
    version: int,
    steps: Mapping[tuple[str, int], Upgrade] = UPGRADES,
) -> pl.DataFrame:
    """The frame, written under `version` of the contract, as one of today's; not checked."""
    if version > contract.version:
        raise TableError(
            f"the table is {contract.name}@{version} and this errorbar knows {contract.title}: "
            "read it with the errorbar that wrote it, or a newer one."
        )
    for step in range(version, contract.version):
        if (contract.name, step) not in steps:
            raise TableError(
                f"the table is {contract.name}@{version}, today's is {contract.title}, and nothing "
                f"leads from version {step} to {step + 1}."
            )
        frame = steps[contract.name, step](frame)
    return frame
