"""What is told of the recurrent events of a site, or of all patients together where rows may be pooled."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from hemapilots.evaluation.recurrent.andersen_gill import andersen_gill
from hemapilots.evaluation.recurrent.mean_function import mean_function
from hemapilots.evaluation.recurrent.negative_binomial import negative_binomial
from hemapilots.evaluation.recurrent.sample import Sample, sample_of
from hemapilots.evaluation.recurrent.told import told_times

__all__ = ["ALL", "RECURRENT_COLUMNS", "recurrent_table"]

RECURRENT_COLUMNS = [
    "site", "outcome", "group", "measure", "method", "time", "estimate", "error", "n", "events", "at_risk", "years",
]  # fmt: skip
ALL = "all"
_COUNTS = ("n", "events", "at_risk", "years")


def recurrent_table(
    where: str, sites: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]], spec: Mapping[str, Any]
) -> pd.DataFrame:
    """Rows of RECURRENT_COLUMNS for a site, or for several together (then `where` is "all" and each is a stratum).

    sites: by name events and harmonized table. measure: `mcf` (mean number of episodes by `time`, of a group), `rate` (episodes
    a year of observation) and `rate_ratio` (logarithm, of a level to the first one of its variable). group: `all` or
    <variable>=<level>. Nothing is told of a level of which fewer than `minimum_cell` patients, or patients with an episode, are
    there; of the levels of a variable at a site no counts where those not told of could be had by subtraction.
    """
    rows: list[dict] = []
    for outcome, wanted in spec["recurrent"].items():
        found = [sample_of(events, harmonized, outcome) for events, harmonized in sites.values()]
        found = [one for one in found if len(one[0].end)]
        if found:
            # Where rows are pooled, all of it may be seen.
            told = _Outcome(found, wanted, spec, smallest=1 if where == ALL else int(spec["minimum_cell"]))
            rows += [{"site": where, "outcome": outcome} | row for row in told.rows()]
    return pd.DataFrame(rows, columns=RECURRENT_COLUMNS)


class _Outcome:
    """One recurrent outcome of one or several strata, joined."""

    def __init__(self, found: list[tuple[Sample, pd.DataFrame]], wanted: Mapping, spec: Mapping, smallest: int):
        samples, patients = [one[0] for one in found], [one[1] for one in found]
        shift = np.cumsum([0, *(len(sample.end) for sample in samples)])
        self.sample = Sample(
            np.concatenate([sample.end for sample in samples]),
            np.concatenate([sample.died for sample in samples]),
            np.concatenate([sample.patient + first for sample, first in zip(samples, shift[:-1], strict=True)]),
            np.concatenate([sample.time for sample in samples]),
        )
        self.stratum = np.repeat(np.arange(len(samples)), np.diff(shift))
        self.patients = pd.concat(patients, ignore_index=True)
        self.wanted, self.minimum, self.smallest = wanted, int(spec["minimum_cell"]), smallest
        grid = np.array([0.0, *spec["grid"]])
        self.edges = np.union1d(grid[grid <= max(wanted["horizons"])], wanted["horizons"])

    def rows(self) -> Iterator[dict[str, Any]]:
        """All rows of the outcome."""
        everybody = np.ones(len(self.sample.end), dtype=bool)
        if self._enough(everybody):
            yield from self._of_group(ALL, everybody)
        for variable, levels in self.wanted["levels"].items():
            yield from self._of_variable(variable, levels)

    def _of_variable(self, variable: str, levels: list) -> Iterator[dict[str, Any]]:
        known = self.patients[variable].to_numpy()
        masks = {level: known == level for level in levels}
        told = {level: mask for level, mask in masks.items() if self._enough(mask)}
        rest = ~np.logical_or.reduce([np.zeros(len(known), dtype=bool), *told.values()])
        having = np.count_nonzero(self.sample.counts[rest])
        hidden = any(0 < number < self.smallest for number in (rest.sum(), having))
        nothing = dict.fromkeys(_COUNTS, np.nan) if hidden else {}
        names = {level: f"{variable}={level:g}" if isinstance(level, int) else f"{variable}={level}" for level in told}
        for level, mask in told.items():
            for row in self._of_group(names[level], mask):
                yield row | nothing
        if levels[0] in told and len(told) > 1:
            for row in self._ratios(told, levels[0], names):
                yield row | nothing

    def _enough(self, mask: np.ndarray) -> bool:
        having = np.count_nonzero(self.sample.counts[mask])
        return mask.sum() >= self.minimum and having >= self.minimum

    def _of_group(self, name: str, mask: np.ndarray) -> Iterator[dict[str, Any]]:
        part = self.sample.part(mask)
        size = {"n": len(part.end), "events": len(part.time), "years": part.end.sum()}
        yield {"group": name, "measure": "rate", "estimate": len(part.time) / part.end.sum()} | size
        times = told_times(part, self.edges, self.wanted["horizons"], self.smallest)
        for time, mean, error in zip(times, *mean_function(part, times), strict=True):
            left = np.count_nonzero(part.end > time)
            row = {"group": name, "measure": "mcf", "method": "ghosh_lin", "time": time, "n": len(part.end)}
            yield row | {"estimate": mean, "error": error, "at_risk": left}

    def _ratios(self, told: Mapping[Any, np.ndarray], first, names: Mapping[Any, str]) -> Iterator[dict[str, Any]]:
        """Every level to the first one, by both models; strata have an intercept, or a baseline, each."""
        chosen = np.logical_or.reduce(list(told.values()))
        # A stratum without an episode says nothing of a ratio.
        episodes = np.bincount(self.stratum[chosen], self.sample.counts[chosen], minlength=self.stratum.max() + 1)
        chosen &= episodes[self.stratum] > 0
        others = [level for level in told if level != first]
        x = np.column_stack([told[level][chosen] for level in others]).astype(float)
        part, stratum = self.sample.part(chosen), self.stratum[chosen]
        strata = [stratum == place for place in np.unique(stratum)]
        ag = andersen_gill([part.part(one) for one in strata], [x[one] for one in strata])
        design = np.column_stack([*strata, x]).astype(float)
        b, covariance, _ = negative_binomial(part.counts, part.end, design)
        nb = b[len(strata) :], covariance[len(strata) :, len(strata) :]
        for method, (found, variance) in (("negative_binomial", nb), ("andersen_gill", ag)):
            for place, level in enumerate(others):
                both = self.sample.part(told[level] | told[first])
                size = {"n": len(both.end), "events": len(both.time), "years": both.end.sum()}
                row = {"group": names[level], "measure": "rate_ratio", "method": method, "estimate": found[place]}
                yield row | {"error": np.sqrt(variance[place, place])} | size
