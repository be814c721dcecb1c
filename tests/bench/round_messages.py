"""Message handling of one simulated federated round: the whole round minus the time spent inside the model at the sites."""

import time
from types import SimpleNamespace

import numpy as np

from federations import NEWTON, grid_of, plan_of, site_data
from hemapilots.federation import client, server
from hemapilots.federation.agreement import agree_preprocessing
from hemapilots.federation.messages import instruct
from hemapilots.federation.strategies import make_strategy
from hemapilots.federation.strategies.newton import Newton
from hemapilots.models import cox
from table import Row, agree, yes_no

TITLE = "Message handling of a federated round"
SITES, COLUMNS, GOAL = 3, 40, 0.003


def run(quick: bool, patients: int = 200, columns: int = COLUMNS, repeats: int | None = None) -> list[Row]:
    """Three sites; the coefficients must equal those of the same arithmetic without any message."""
    sites = [site_data([4, k], patients, columns, "daily") for k in range(SITES)]
    measured = [handled(sites) for _ in range(repeats or (5 if quick else 20))]
    coefficients, _, rounds = measured[0]
    agreement = agree(
        "rounds with and without messages", float(np.abs(coefficients - without_messages(sites)).max()), 1e-12
    )
    ours = min(seconds for _, seconds, _ in measured)
    return [
        Row(
            f"one Newton round, {SITES} sites, {columns} columns, site arithmetic excluded",
            ours,
            "Flower's simulation on Ray",
            goal=f"{GOAL * 1000:g} ms",
            met=yes_no(ours < GOAL),
            agreement=agreement,
            note=f"best mean of {rounds} rounds over {len(measured)} fits; server's step, gate, ledger included; Ray: not measured here",
        )
    ]


def handled(sites: list) -> tuple[np.ndarray, float, int]:
    """Coefficients, seconds of a round outside the sites' arithmetic, and rounds."""
    inside = [0.0]

    def update(state, data, config):
        start = time.perf_counter()
        answer = cox.update(state, data, config)
        inside[0] += time.perf_counter() - start
        return answer

    plan = plan_of(sites[0])
    for data in sites:
        data.forget()
    original = client.model_of
    client.model_of = {"cox": SimpleNamespace(update=update)}.get
    try:
        grid = grid_of(sites, gate="report")
    finally:
        client.model_of = original
    preprocessing = agree_preprocessing(grid, plan)
    strategy = make_strategy(grid, plan, NEWTON, preprocessing)
    arrays = instruct({"coefficients": np.zeros((1, len(plan.columns)))}, {})["arrays"]
    inside[0], rounds = 0.0, 0
    start = time.perf_counter()
    while not strategy.converged:
        rounds += 1
        arrays = server.run_round(grid, strategy, rounds, arrays, server.train_config(plan, NEWTON))
    seconds = time.perf_counter() - start - inside[0]
    return strategy.coefficients[0], seconds / rounds, rounds


def without_messages(sites: list) -> np.ndarray:
    """The same Newton steps by direct calls."""
    plan = plan_of(sites[0])
    preprocessing = agree_preprocessing(grid_of(sites), plan)
    strategy = Newton(plan.fit_penalty, (preprocessing.scale > 0)[plan.fit_set], plan.ties, NEWTON["tolerance"])
    state = {"preprocessing": preprocessing, "sets": plan.sets, "fit_set": plan.fit_set}
    while not strategy.converged:
        config = {"task": "newton_statistics", "ties": plan.ties}
        parts = [cox.update(state | {"coefficients": strategy.trial}, data, config) for data in sites]
        total = {name: sum(part[name] for part in parts) for name in parts[0]}
        strategy.advance(total["loglik"], total["gradient"], total["information"])
    return strategy.coefficients[0]
