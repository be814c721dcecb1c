"""Profiles of sites: what is drawn once per site, and that the plain one is the plain law."""

import numpy as np
import pytest

from hemapilots.errors import HemaPilotsError
from hemapilots.synthesis.sites import PLAIN, profile_in_turn, site_constants

RECIPE = {
    "name": "toy",
    "sites": {
        "plain": {"frailty": 0, "panel": "full"},
        "profiles": {"old": {"frailty": {"distribution": "normal", "mean": 0, "sd": 0.15}}, "small": {"panel": "some"}},
    },
}


def test_constants_are_those_of_the_profile_else_the_plain_ones():
    assert site_constants(RECIPE, PLAIN, 3, 1) == {"profile": "plain", "frailty": 0, "panel": "full"}
    assert site_constants(RECIPE, "small", 3, 1) == {"profile": "small", "frailty": 0, "panel": "some"}
    with pytest.raises(HemaPilotsError, match='no profile "large" of sites; use one of plain, old, small'):
        site_constants(RECIPE, "large", 3, 1)
    assert site_constants({"name": "none"}, PLAIN, 0, 1) == {"profile": "plain"}


def test_a_distribution_is_drawn_once_per_site():
    drawn = [site_constants(RECIPE, "old", index, 20)["frailty"] for index in range(2000)]
    assert np.std(drawn) == pytest.approx(0.15, rel=0.05) and np.mean(drawn) == pytest.approx(0, abs=0.015)
    assert drawn[:5] == [site_constants(RECIPE, "old", index, 20)["frailty"] for index in range(5)]


def test_profiles_are_taken_in_turn():
    assert [profile_in_turn(RECIPE, index) for index in range(3)] == ["old", "small", "old"]
    assert profile_in_turn({"name": "none"}, 1) == PLAIN
