import hashlib
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import polars as pl
import pytest
from pydantic import ValidationError

from errorbar.core.contracts import (
    CONTRACTS,
    Estimate,
    ModelCard,
    Provenance,
    Recipe,
    SedPoint,
    StarReference,
    from_values,
    to_values,
)
from errorbar.core.errors import ContractError, TableError
from tests.core.contracts.examples import HASH, NOW, OBJECT, ORIGIN, STAR, VALUES


@pytest.mark.parametrize("name", sorted(VALUES))
def test_a_value_has_the_fields_of_its_table(name):
    assert set(type(VALUES[name]).model_fields) == set(CONTRACTS[name].names)


@pytest.mark.parametrize("name", sorted(VALUES))
def test_values_come_back_from_their_table_and_from_json(name):
    value = VALUES[name]
    kind = type(value)
    assert to_values(from_values([value], kind), kind) == [value]
    assert kind.model_validate_json(value.model_dump_json()) == value
    assert from_values([], kind).height == 0


@pytest.mark.parametrize("name", sorted(VALUES))
def test_a_value_cannot_be_changed(name):
    field = next(iter(type(VALUES[name]).model_fields))
    with pytest.raises(ValidationError, match="frozen"):
        setattr(VALUES[name], field, "other")


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("stars", {"ra": 360.0}, "less than 360"),
        ("stars", {"parallax": float("nan")}, "finite"),
        ("stars", {"created": datetime(2024, 1, 1)}, "timezone"),
        ("stars", {"colour": 1.0}, "Extra inputs"),
        ("seds", {"err": None}, "error bar"),
        ("seds", {"system": None}, "AB or Vega"),
        ("spectra", {"wave": (2.0, 1.0)}, "must grow"),
        ("spectra", {"wave": (2.0,)}, "wave 1, flux 2"),
        ("light_curves", {"time": (2.0, 1.0)}, "in order"),
        ("labels", {"number": 1.0}, "not both"),
        ("labels", {"taxonomy": None}, "taxonomy"),
        ("predictions", {"probabilities": (0.9, 0.2)}, "sum to one"),
        ("predictions", {"probabilities": (1.0,)}, "one probability"),
        ("predictions", {"set": ("Mira",)}, "'Mira', which is no class"),
        ("predictions", {"alpha": None}, "alpha"),
        ("predictions", {"model": "sed"}, "pattern"),
    ],
)
def test_what_a_table_refuses_a_value_refuses_too(name, change, says):
    value = VALUES[name]
    with pytest.raises(ValidationError, match=says):
        type(value).model_validate(value.model_dump() | change)


def test_an_interval_has_its_ends_in_order():
    with pytest.raises(ValidationError, match="lower end 2 is above the upper 1"):
        Estimate(name="teff", mean=1, lower=2, upper=1, level=0.9)


def test_a_limit_needs_no_error_bar():
    point = SedPoint(**ORIGIN, **OBJECT, band="W4", value=1.0, unit="flux", limit="upper")
    assert to_values(from_values([point], SedPoint), SedPoint) == [point]


def test_times_are_in_utc_whatever_zone_they_came_in():
    tokyo = NOW.astimezone(timezone(timedelta(hours=9)))
    told = Provenance(query="q", transport="tap", content_sha256=HASH, created=tokyo)
    assert told.created.tzinfo == UTC
    assert told.created == NOW


def test_provenance_is_what_every_row_has():
    told = Provenance(query="q", transport="tap", content_sha256=HASH, created=NOW)
    assert set(told.as_row()) < set(StarReference.model_fields)
    with pytest.raises(ValidationError, match="content_sha256"):
        Provenance(query="q", transport="tap", content_sha256="abc", created=NOW)


def test_a_recipe_has_one_hash_in_whatever_order_it_is_told():
    one = Recipe(system="sed", version=1, settings={"a": 1, "b": [1.5, None]})
    two = Recipe(system="sed", version=1, settings={"b": [1.5, None], "a": 1})
    assert one.sha256 == two.sha256
    assert one.sha256 != Recipe(system="sed", version=2, settings=one.settings).sha256
    text = b'{"settings":{"a":1,"b":[1.5,null]},"system":"sed","version":1}'
    assert one.sha256 == hashlib.sha256(text).hexdigest()
    with pytest.raises(ValidationError):
        Recipe(system="sed", version=1, settings={"a": float("nan")})


def test_a_model_card_names_itself_as_predictions_do():
    card = ModelCard(
        name="sed",
        version="3",
        system="stellar",
        about="types of stars",
        recipe_sha256=HASH,
        model_sha256=HASH,
        created=NOW,
    )
    assert card.title == "sed@3"
    assert ModelCard.model_validate_json(card.model_dump_json()) == card


def test_a_row_that_no_value_would_have_is_named():
    frame = from_values([VALUES["predictions"]], type(VALUES["predictions"]))
    bad = frame.with_columns(pl.lit("nothing").alias("model_sha256"))
    with pytest.raises(ContractError, match=r"row 0 is no Prediction: `model_sha256`"):
        to_values(bad, type(VALUES["predictions"]))


def test_only_values_of_one_table_make_a_table():
    with pytest.raises(TableError, match="value 1 is a Label"):
        from_values([STAR, VALUES["labels"]], StarReference)
    with pytest.raises(TableError, match="not a row of a table"):
        from_values([], Recipe)


def test_naming_a_contract_room_loads_neither_tables_nor_validation():
    code = (
        "import sys, errorbar.core.contracts as it; assert dir(it); it.PieceValue;"
        "print({'polars', 'pydantic', 'pyarrow'} & {*sys.modules})"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "set()"
