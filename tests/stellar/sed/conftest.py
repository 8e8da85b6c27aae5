"""Small fits that several tests look at."""

import pytest

from errorbar.stellar.labels import GIANT_DWARF
from errorbar.stellar.sed import (
    KernelSettings,
    MemberSettings,
    NetworkSettings,
    SEDClassifier,
    SedRecipe,
    SEDRegressor,
    StarSettings,
    TreeSettings,
    make_stars,
)

SMALL = MemberSettings(
    trees=TreeSettings(trees=60, rate=0.1, leaves=12),
    networks=NetworkSettings(members=1, width=32, layers=2, steps=500, batch=64),
    process=KernelSettings(scale_rows=250, steps=10),
    folds=3,
)


@pytest.fixture(scope="session")
def stars():
    return make_stars(StarSettings(count=1000), seed=1)


@pytest.fixture(scope="session")
def others():
    return make_stars(StarSettings(count=1500), seed=2)


@pytest.fixture(scope="session")
def recipe(stars):
    return SedRecipe(stars.photometry.bands, "gaiadr3-G")


@pytest.fixture(scope="session")
def regressor(stars, recipe):
    return SEDRegressor(recipe, settings=SMALL).fit(stars.photometry, stars.labels, stars.errors)


@pytest.fixture(scope="session")
def classifier(stars, recipe):
    settings = MemberSettings(
        members=("trees", "networks"), trees=SMALL.trees, networks=SMALL.networks, folds=3
    )
    return SEDClassifier(GIANT_DWARF, recipe, settings=settings).fit(stars.photometry, stars.kind)
