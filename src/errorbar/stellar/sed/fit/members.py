"""Members of a blend for numbers: what each is fitted with, and how they are asked together."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from errorbar.core.errors import SettingsError
from errorbar.stellar.sed.fit.features import Features, FeatureScale
from errorbar.stellar.sed.fit.kernel import KernelSettings, Process, find_scales, fit_process
from errorbar.stellar.sed.fit.network import Networks, NetworkSettings, fit_networks
from errorbar.stellar.sed.fit.trees import Trees, TreeSettings, fit_trees

__all__ = ["MEMBERS", "MemberSettings", "Members", "fit_members", "kernel_scales"]

MEMBERS = ("trees", "networks", "process")

# What a row's own noise is at least, in units of the targets' spread: no label is believed blindly.
WEIGHT_FLOOR = 0.05


@dataclass(frozen=True, slots=True)
class MemberSettings:
    """Which members there are, and their settings; `folds` are those of the blend."""

    members: tuple[str, ...] = MEMBERS
    folds: int = 4
    trees: TreeSettings = field(default_factory=TreeSettings)
    networks: NetworkSettings = field(default_factory=NetworkSettings)
    process: KernelSettings = field(default_factory=KernelSettings)
    fold_networks: int = 1

    def __post_init__(self) -> None:
        unknown = [name for name in self.members if name not in MEMBERS]
        if unknown or not self.members or len(set(self.members)) < len(self.members):
            raise SettingsError(f"members={self.members} must be different ones of {MEMBERS}.")
        object.__setattr__(self, "members", tuple(name for name in MEMBERS if name in self.members))


@dataclass(frozen=True, slots=True, eq=False)
class Members:
    """Fitted members; trees and processes one for each target."""

    names: tuple[str, ...]
    trees: tuple[Trees, ...]
    networks: Networks | None
    processes: tuple[Process, ...]

    def predict(
        self, features: Features, scale: FeatureScale
    ) -> tuple[Float[ndarray, "rows members targets"], Float[ndarray, "rows targets"]]:
        """Every member's standardised targets, and the sd that networks claim (zero without)."""
        found, claimed = [], None
        for name in self.names:
            if name == "trees":
                X = features.for_trees()
                found.append(np.column_stack([each.predict(X) for each in self.trees]))
            elif name == "networks" and self.networks is not None:
                centre, claimed = self.networks.numbers(scale.for_networks(features))
                found.append(centre)
            else:
                X = scale.for_kernels(features)
                found.append(np.column_stack([each.predict(X) for each in self.processes]))
        if claimed is None:
            claimed = np.zeros(found[0].shape)
        return np.stack(found, axis=1), claimed


def kernel_scales(
    features: Features, scale: FeatureScale, y: ndarray, error: ndarray, settings: MemberSettings
) -> tuple[ndarray, ...]:
    """Scales of the Gaussian process of each target; none where it is no member."""
    if "process" not in settings.members:
        return ()
    X = scale.for_kernels(features)
    return tuple(
        find_scales(X, y[:, at], error[:, at], settings.process) for at in range(y.shape[1])
    )


def fit_members(
    features: Features,
    scale: FeatureScale,
    y: Float[ndarray, "rows targets"],
    error: Float[ndarray, "rows targets"],
    scales: tuple[ndarray, ...],
    settings: MemberSettings,
    networks: NetworkSettings,
) -> Members:
    """Members of standardised targets whose labels have these errors."""
    trees: tuple[Trees, ...] = ()
    processes: tuple[Process, ...] = ()
    nets = None
    if "trees" in settings.members:
        X = features.for_trees()
        weight = 1.0 / (error**2 + WEIGHT_FLOOR)
        trees = tuple(
            fit_trees(X, y[:, at], weight[:, at], settings=settings.trees)
            for at in range(y.shape[1])
        )
    if "networks" in settings.members:
        nets = fit_networks(
            scale.for_networks(features), y, error, hideable=scale.colours, settings=networks
        )
    if "process" in settings.members:
        X = scale.for_kernels(features)
        processes = tuple(
            fit_process(X, y[:, at], error[:, at], scales[at], settings.process)
            for at in range(y.shape[1])
        )
    return Members(settings.members, trees, nets, processes)
