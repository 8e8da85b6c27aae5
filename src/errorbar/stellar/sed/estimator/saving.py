"""Fitted models as arrays and a manifest, and back with the same bits."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy import ndarray

from errorbar.core.calibrate import IntervalConformal
from errorbar.stellar.sed.fit.features import FeatureScale
from errorbar.stellar.sed.fit.kernel import KernelSettings, Process
from errorbar.stellar.sed.fit.members import Members, MemberSettings
from errorbar.stellar.sed.fit.network import Networks, NetworkSettings
from errorbar.stellar.sed.fit.numbers import NumbersFit
from errorbar.stellar.sed.fit.trees import Trees, TreeSettings
from errorbar.stellar.sed.model.colours import ColourModel
from errorbar.stellar.sed.model.extinction import ExtinctionTable

__all__ = [
    "common_arrays",
    "common_parts",
    "hash_parts",
    "network_arrays",
    "numbers_from",
    "numbers_parts",
    "read_networks",
    "read_settings",
    "read_trees",
    "tree_arrays",
    "write_settings",
]

Parts = tuple[dict[str, ndarray], dict[str, Any]]


def numbers_parts(fit: NumbersFit, table: ExtinctionTable) -> Parts:
    """Arrays and plain values of a fit of numbers."""
    arrays = common_arrays(fit.colours, fit.scale, table)
    arrays |= {"middle": fit.middle, "width": fit.width, "weights": fit.weights}
    arrays |= {"floors": fit.floors}
    arrays |= tree_arrays("trees", fit.members.trees) | tree_arrays("spreads", fit.spreads)
    arrays |= network_arrays(fit.members.networks)
    for at, each in enumerate(fit.members.processes):
        arrays |= {f"process{at}.scales": each.scales, f"process{at}.pull": each.pull}
    if fit.members.processes:
        # The same rows for every target.
        arrays["process.inputs"] = fit.members.processes[0].inputs
    plain = {
        "members": list(fit.members.names),
        "colours": fit.scale.colours,
        "margins": [each.to_dict() for each in fit.margins],
    }
    return arrays, plain


def numbers_from(
    arrays: Mapping[str, ndarray], plain: Mapping[str, Any]
) -> tuple[NumbersFit, ExtinctionTable]:
    """The fit that made the parts."""
    colours, scale, table = common_parts(arrays, plain)
    targets = len(arrays["middle"])
    names = tuple(plain["members"])
    trees = read_trees(arrays, "trees", targets) if "trees" in names else ()
    processes = tuple(
        Process(arrays[f"process{t}.scales"], arrays["process.inputs"], arrays[f"process{t}.pull"])
        for t in range(targets if "process" in names else 0)
    )
    fit = NumbersFit(
        colours=colours,
        scale=scale,
        middle=arrays["middle"],
        width=arrays["width"],
        members=Members(names, trees, read_networks(arrays), processes),
        weights=arrays["weights"],
        spreads=read_trees(arrays, "spreads", targets),
        floors=arrays["floors"],
        margins=tuple(IntervalConformal.from_dict(each) for each in plain["margins"]),
    )
    return fit, table


def common_arrays(
    colours: ColourModel, scale: FeatureScale, table: ExtinctionTable
) -> dict[str, ndarray]:
    """Arrays that every model of photometry has."""
    return {
        "colours.mean": colours.mean,
        "colours.spread": colours.spread,
        "scale.centre": scale.centre,
        "scale.width": scale.width,
        "dust.weight": table.weight,
        "dust.curve": table.curve,
    }


def common_parts(
    arrays: Mapping[str, ndarray], plain: Mapping[str, Any]
) -> tuple[ColourModel, FeatureScale, ExtinctionTable]:
    """What `common_arrays` wrote."""
    return (
        ColourModel(arrays["colours.mean"], arrays["colours.spread"]),
        FeatureScale(arrays["scale.centre"], arrays["scale.width"], int(plain["colours"])),
        ExtinctionTable(arrays["dust.weight"], arrays["dust.curve"]),
    )


def tree_arrays(name: str, trees: tuple[Trees, ...]) -> dict[str, ndarray]:
    """The texts of trees as bytes."""
    return {f"{name}{at}": each.to_bytes() for at, each in enumerate(trees)}


def read_trees(arrays: Mapping[str, ndarray], name: str, count: int) -> tuple[Trees, ...]:
    """What `tree_arrays` wrote."""
    return tuple(Trees.from_bytes(arrays[f"{name}{at}"]) for at in range(count))


def network_arrays(networks: Networks | None) -> dict[str, ndarray]:
    """Weights and biases by name."""
    if networks is None:
        return {}
    return {f"networks.{name}": each for name, each in networks.to_arrays().items()}


def read_networks(arrays: Mapping[str, ndarray]) -> Networks | None:
    """What `network_arrays` wrote."""
    held = {
        name.removeprefix("networks."): each
        for name, each in arrays.items()
        if name.startswith("networks.")
    }
    return Networks.from_arrays(held) if held else None


def write_settings(settings: MemberSettings) -> dict[str, Any]:
    """Settings as plain JSON."""
    return {**asdict(settings), "members": list(settings.members)}


def read_settings(payload: Mapping[str, Any]) -> MemberSettings:
    """Settings from plain JSON."""
    return MemberSettings(
        members=tuple(payload["members"]),
        folds=payload["folds"],
        trees=TreeSettings(**payload["trees"]),
        networks=NetworkSettings(**payload["networks"]),
        process=KernelSettings(**payload["process"]),
        fold_networks=payload["fold_networks"],
    )


def hash_parts(arrays: Mapping[str, ndarray], plain: Mapping[str, Any]) -> str:
    """A hash of everything a model is, whether it was saved or not."""
    digest = hashlib.sha256(json.dumps(plain, sort_keys=True).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"\n{name} {array.dtype} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
