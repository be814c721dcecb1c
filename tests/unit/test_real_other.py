"""The cohorts that Python packages carry: districts as sites, competing deaths, and concordance as it is known."""

import pytest

from hemapilots.harmonize.split import split
from real_cohorts import harmonized


@pytest.fixture(scope="module")
def leukaemia(tmp_path_factory):
    return harmonized("aml-leuksurv", tmp_path_factory.mktemp("leuksurv"))


@pytest.fixture(scope="module")
def gammopathy(tmp_path_factory):
    return harmonized("mgus-mgus2", tmp_path_factory.mktemp("mgus2"))


def test_districts_are_the_sites(leukaemia):
    table, issues, _, study = leukaemia
    sites = split(table, issues, study["split"])
    sizes = {name: len(records) for name, (records, _) in sites.items()}
    assert len(sizes) == 24 and sum(sizes.values()) == 1043
    assert (min(sizes.values()), max(sizes.values())) == (12, 102)
    assert table["os_event"].sum() == 879 and study["evaluate"]["split"] is False


def test_deaths_without_progression_compete(gammopathy):
    counts = gammopathy[2]["endpoints"]
    assert (counts["progression"]["events"], counts["progression"]["competing"]) == (115, 860)
    assert counts["os"]["events"] == 963 and counts["progression"]["patients"] == 1384
