"""The first exchange of a regime: imputation and scaling, agreed between sites."""

import numpy as np
from flwr.serverapp import Grid

from hemapilots.federation.asking import send, summed
from hemapilots.federation.plan import Plan
from hemapilots.models import preprocessing as prep
from hemapilots.models.data import Preprocessing


def agree_preprocessing(grid: Grid, plan: Plan) -> Preprocessing:
    """What the sites agree on; anew where a site was lost meanwhile, so that all of it stands on the same sites."""
    while True:
        sites = list(grid.get_node_ids())
        agreed = _agreed(grid, plan)
        if list(grid.get_node_ids()) == sites:
            return agreed


def _agreed(grid: Grid, plan: Plan) -> Preprocessing:
    """Moments, medians of columns with missing values, and the agreement sent to every site."""
    moments = summed(send(grid, {"sets": plan.sets}, {"task": "moments"}))
    mean, sd = prep.mean_and_sd(moments)
    median = mean.copy()
    incomplete = (moments["observed"] < moments["patients"][:, None]).any(axis=0)
    columns = np.flatnonzero(incomplete & ~plan.flags)
    if columns.size:
        search = prep.MedianSearch(moments["observed"][:, columns], mean[:, columns], sd[:, columns])
        for _ in range(prep.BISECTIONS):
            payload = {"sets": plan.sets, "columns": columns, "thresholds": search.thresholds}
            search.narrow(summed(send(grid, payload, {"task": "median_counts"}))["counts"])
        median[:, columns] = search.high
    preprocessing = prep.agree(moments, plan.flags, median)
    agree_on(grid, plan, preprocessing, {})
    return preprocessing


def agree_on(grid: Grid, plan: Plan, preprocessing: Preprocessing, more: dict) -> None:
    """Send every site what does not change between rounds."""
    agreed = {name: getattr(preprocessing, name) for name in ("fill", "location", "scale", "patients", "events")}
    agreed |= {"sets": plan.sets, "fit_set": plan.fit_set, "penalties": plan.fit_penalty} | more
    list(send(grid, agreed, {"task": "agreed"}))
