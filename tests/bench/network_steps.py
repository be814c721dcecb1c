"""Training steps of DeepSurv for all training sets at once, beside a plain torch loop that trains one set after the other."""

import numpy as np

from federations import site_data
from table import Row, agree, best_of, yes_no

TITLE = "DeepSurv, time per step"
GOAL, STEPS = 1.2, 20
SETTINGS = {
    "hidden": [16],
    "learning_rate": 0.05,
    "weight_decay": 0.1,
    "optimizer": "sgd",
    "local_steps": STEPS,
    "seed": 1,
}


def run(quick: bool, patients: int | None = None, columns: int = 60) -> list[Row]:
    """31 training sets (two replicates of five folds, with pairs) of one site; parameters must agree."""
    patients = patients or (400 if quick else 2000)
    state, data, config = prepared(patients, columns)
    from hemapilots.models import deepsurv

    ours, found = best_of(3, lambda: deepsurv.update(state, data, config)["parameters"])
    peers = [peer_set(state, data, fit) for fit in range(len(state["fit_set"]))]
    theirs, expected = best_of(3, lambda: np.array([plain_loop(*peer) for peer in peers]))
    agreement = agree("DeepSurv steps", float(np.abs(found - expected).max()), 1e-9)
    return [
        Row(
            f"{STEPS} full-batch steps of {len(peers)} networks, {patients:,} patients x {columns} columns",
            ours,
            "torch.nn and autograd, one training set after the other",
            theirs,
            theirs / ours,
            f"at most {GOAL:g} x the plain loop",
            "" if quick else yes_no(ours <= GOAL * theirs),
            agreement,
            "64-bit floats, one thread; both without preparing the rows",
        )
    ]


def prepared(patients: int, columns: int):
    """A site's state, rows and instructions after the agreement on scaling."""
    from hemapilots.federation.plan import Plan
    from hemapilots.models import deepsurv
    from hemapilots.models import preprocessing as prep

    data = site_data([9, 1], patients, columns, "continuous")
    data.folds = np.random.default_rng(3).integers(0, 5, (2, patients))
    names = [f"x{j}" for j in range(columns)]
    plan = Plan(
        names, data.flags, 2, 5, np.zeros(1), "efron", np.array([1.0]), None, "deepsurv", SETTINGS | {"patience": 1}
    )
    moments = prep.observed_moments(data, plan.sets)
    agreed = prep.agree(moments, data.flags, prep.mean_and_sd(moments)[0])
    state = {"sets": plan.sets, "fit_set": plan.fit_set, "preprocessing": agreed} | deepsurv.initial(plan, agreed)
    config = SETTINGS | {"ties": "efron"}
    deepsurv.update(state, data, config | {"task": "local_training"})
    return state, data, config | {"task": "local_training"}


def peer_set(state: dict, data, fit: int):
    """What the plain loop works on: start, standardised columns, whether each row died; rows by time, without ties."""
    import torch

    rows = data.members(state["sets"][state["fit_set"][fit]])
    z = state["preprocessing"].apply(data.x[rows], fit)
    return state["parameters"][fit], torch.from_numpy(z), torch.from_numpy(data.event[rows] == 1)


def plain_loop(start: np.ndarray, z, died) -> np.ndarray:
    """An ordinary torch model and loop; Cox loss by a cumulative log-sum-exp from the end."""
    import torch

    p, hidden = z.shape[1], SETTINGS["hidden"][0]
    model = torch.nn.Sequential(
        torch.nn.Linear(p, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, 1, bias=False)
    ).double()
    first, bias, last = np.split(start, [p * hidden, (p + 1) * hidden])
    with torch.no_grad():
        model[0].weight.copy_(torch.from_numpy(first.reshape(p, hidden).T.copy()))
        model[0].bias.copy_(torch.from_numpy(bias))
        model[2].weight.copy_(torch.from_numpy(last[None].copy()))
    for _ in range(STEPS):
        eta = model(z)[:, 0]
        at_risk = torch.logcumsumexp(eta.flip(0), 0).flip(0)
        loss = -(eta - at_risk)[died].sum() / len(z)
        loss = loss + SETTINGS["weight_decay"] / 2 * ((model[0].weight ** 2).sum() + (model[2].weight ** 2).sum())
        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= SETTINGS["learning_rate"] * parameter.grad
    parts = (model[0].weight.T.reshape(-1), model[0].bias, model[2].weight.reshape(-1))
    return torch.cat([part.detach() for part in parts]).numpy()
