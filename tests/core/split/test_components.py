"""Identifiers that are one star."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errorbar.core.errors import SplitError
from errorbar.core.split import components, split_groups

ids = st.integers(0, 30).map(lambda at: f"{'gaia' if at % 2 else 'tic'}:{at:02d}")


def slowly(links):
    """Merging sets until nothing changes."""
    parts = [set(link) for link in links]
    merged = True
    while merged:
        merged = False
        for one in parts:
            for other in parts:
                if one is not other and one & other:
                    one |= other
                    parts.remove(other)
                    merged = True
                    break
            if merged:
                break
    return {member: min(part) for part in parts for member in part}


@given(st.lists(st.tuples(ids, ids), min_size=1, max_size=40), st.randoms())
def test_stars_are_the_connected_parts_in_whatever_order(links, random):
    left, right = zip(*links)
    made = components(left, right)
    assert dict(zip(made.ids.tolist(), made.star.tolist())) == slowly(links)
    mixed = [link if random.random() < 0.5 else link[::-1] for link in links]
    random.shuffle(mixed)
    again = components(*zip(*mixed))
    np.testing.assert_array_equal(again.star, made.star)


def test_a_star_is_named_by_its_first_member_and_those_alone_stay_so():
    made = components(["tic:5", "ogle:9"], ["gaia:3", "tic:5"], alone=["tic:1", "gaia:3"])
    np.testing.assert_array_equal(
        made.stars_of(["ogle:9", "tic:1", "tic:5"]), ["gaia:3", "tic:1", "gaia:3"]
    )
    np.testing.assert_array_equal(made.members("gaia:3"), ["gaia:3", "ogle:9", "tic:5"])
    with pytest.raises(SplitError, match="first at row 0 .*without a link as `alone`"):
        made.stars_of(["tic:2"])


def test_ambiguous_stars_are_named_and_kept_together():
    made = components(["gaia:1", "gaia:2", "gaia:4"], ["tic:7", "tic:7", "tic:8"])
    np.testing.assert_array_equal(made.ambiguous(), ["gaia:1"])
    assert len(set(made.stars_of(["gaia:1", "gaia:2", "tic:7"]).tolist())) == 1


def test_numbers_are_identifiers_too():
    made = components([5, 9], [3, 5])
    np.testing.assert_array_equal(made.stars_of([9, 3]), [3, 3])
    with pytest.raises(SplitError, match="use text"):
        made.ambiguous()


def test_stars_are_groups_of_a_split():
    rng = np.random.default_rng(0)
    left = [f"gaia:{at}" for at in range(500)]
    right = [f"tic:{at}" for at in rng.permutation(500)]
    made = components(left, right)
    roles = split_groups(made.stars_of([*left, *right])).names()
    np.testing.assert_array_equal(roles[:500], roles[500:])


def test_links_that_are_none_are_refused():
    with pytest.raises(SplitError, match="`right` has 1 rows and the table 2"):
        components(["a", "b"], ["c"])
    with pytest.raises(SplitError, match=r"`right` has no id in 1 of 2 rows, first at row 1"):
        components(["a", "b"], ["c", None])
    with pytest.raises(SplitError, match="write all as text"):
        components(["a"], [1])
