"""Small tables that tests of this room read."""

import numpy as np
import polars as pl


def small_frame(rows=40, seed=0):
    rng = np.random.default_rng(seed)
    species = rng.integers(0, 4, rows)
    run = rng.integers(0, 6, rows)
    return pl.DataFrame(
        {
            "sampleset_id": 10 + run // 2,
            "worksheet_id": 1 + run % 2,
            "task_id": 100 - run,
            "species": species,
            "species_cluster": species // 2,
            "comp_id": rng.integers(0, 7, rows),
            "compound": rng.integers(-1, 3, rows),
            "compound_class": rng.choice([0.0, 3.0, np.nan], rows),
            "IS2": rng.normal(size=rows).astype(np.float32),
            "IS10": rng.normal(size=rows).astype(np.float32),
            "RS1": rng.normal(size=rows).astype(np.float32),
            "ES_a": rng.normal(size=rows).astype(np.float32),
            "rt": rng.uniform(1, 9, rows),
        }
    )
