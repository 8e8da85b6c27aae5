"""Spectra whose basis, noise and outliers are known: what is found of them, by which method.

A toy is made, a grid of ranks and scales is fitted to one half of it, and everything found is held
against the truth in the other half, beside principal components and robust ones. `run_toy`
computes; `draw_toy` of the module `figures` only draws. The numbers of the study stand in
`config.toml` beside this module.
"""

from errorbar.hmf.studies.toy.compute import read_config, run_toy

__all__ = ["read_config", "run_toy"]
