"""What a model owes to each site: the fit without it is that of the others, and its coefficients are told on one scale."""

import numpy as np
import pytest

from hemapilots.federation.influence import coefficient_change, without_each_site
from hemapilots.federation.training import train_federated
from hemapilots.models.files import read_model
from site_files import write_site
from test_refits import AGREED, PRIMARY, TRAIN

THREE = AGREED | {"sites": {"os": ["x", "y", "z"]}}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Sites x and y alike; at z the first column works the other way round."""
    root, rng = tmp_path_factory.mktemp("influence"), np.random.default_rng(3)
    for site, n, effect in (("x", 150, 1.0), ("y", 120, 1.0), ("z", 90, -1.0)):
        write_site(root / site, rng, n, effect, 2.0 if site == "x" else 1.0)
    folders = {site: root / site for site in "xyz"}
    train_federated(folders, "m", THREE, TRAIN, root / "models")
    return root, folders


def test_without_a_site_the_model_is_that_of_the_others(world):
    root, folders = world
    rows, predictions = without_each_site(folders, root / "models", THREE, TRAIN, PRIMARY)
    assert [row["site"] for row in rows] == [None, "x", "y", "z"] and len(predictions) == 4
    assert rows[0]["root_mean_square"] == pytest.approx(0, abs=1e-9)
    # Without the odd site the effect that it denies is larger, without one of the others smaller.
    assert rows[1]["coefficient_without"] < rows[3]["coefficient"] < rows[3]["coefficient_without"]
    assert rows[1]["column"] == rows[3]["column"] == "a"
    fixed = TRAIN | {"penalties": [float(chosen(root))]}
    train_federated(
        {site: folders[site] for site in "xy"}, "m", THREE | {"sites": {"os": ["x", "y"]}}, fixed, root / "two"
    )
    two, _ = read_model(root / "two", "os", "m", "federated/newton")
    expected = two["final_coefficients"][0] / two["final_scale"] * scale(root)
    assert rows[3]["coefficient_without"] == pytest.approx(expected[0], abs=1e-8)


def chosen(root):
    arrays, _ = read_model(root / "models", "os", "m", "federated/newton")
    return arrays["penalties"][arrays["final_chosen"]]


def scale(root):
    return read_model(root / "models", "os", "m", "federated/newton")[0]["final_scale"]


def test_every_patient_is_predicted_whatever_site_is_left_out(world):
    root, folders = world
    _, predictions = without_each_site(folders, root / "models", THREE, TRAIN, PRIMARY)
    for one in predictions:
        assert {site: len(frame) for site, frame in one.items()} == {"x": 300, "y": 240, "z": 180}
        assert all(np.isfinite(frame["risk"]).all() for frame in one.values())


def test_two_sites_have_no_federation_without_one(world):
    root, folders = world
    pair = THREE | {"sites": {"os": ["x", "y"]}}
    assert without_each_site(folders, root / "models", pair, TRAIN, PRIMARY) == ([], [])


def test_a_site_without_which_too_few_answer_is_not_left_out(world):
    """A site that sends nothing of use leaves two; without one of them there is no federation, without the silent one there is."""
    root, folders = world
    silent = TRAIN | {"faults": {"z": {"kind": "nan", "round": 1, "share": 1.0, "seed": 0}}}
    rows, predictions = without_each_site(folders, root / "models", THREE, silent, PRIMARY)
    assert [row["site"] for row in rows] == [None, "z"] and len(predictions) == 2


def test_of_a_network_no_coefficient_is_told():
    found = coefficient_change({"final_parameters": np.zeros(3)}, {"final_parameters": np.ones(3)}, ["a"])
    assert found == {"column": None, "coefficient": None, "coefficient_without": None, "root_mean_square": None}
