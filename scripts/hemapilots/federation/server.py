"""Drives one federation: preprocessing, the strategy's rounds, the choice of penalty or round, and what the final model needs."""

from collections.abc import Callable

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, Context
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import Strategy

from hemapilots.federation.agreement import agree_preprocessing
from hemapilots.federation.asking import send, summed
from hemapilots.federation.attendance import Attendance
from hemapilots.federation.choosing import EarlyStopping, choose_penalties
from hemapilots.federation.messages import instruct, unpack
from hemapilots.federation.plan import Fitted, Plan
from hemapilots.federation.proportionality import proportionality
from hemapilots.federation.strategies import make_strategy
from hemapilots.federation.strategies.lock_step import FLOWER
from hemapilots.models.data import Preprocessing
from hemapilots.models.training_sets import NO_FOLD

# Rounds at most of a strategy that ends by itself.
LONGEST = 1000


def server_app(plan: Plan, strategy: dict, keep: Callable[[Fitted], None], release_baseline: bool = False) -> ServerApp:
    """The Flower ServerApp that trains the plan and hands what it fitted to `keep`; the same app serves a deployed federation."""
    app = ServerApp()

    @app.main()
    def main(grid: Grid, context: Context) -> None:
        keep(train(grid, plan, strategy, release_baseline))

    return app


def train(
    grid: Grid, plan: Plan, strategy: dict, release_baseline: bool = False, test_proportionality: bool = True
) -> Fitted:
    """Train every fit of the plan by the strategy's dictionary (`name` and its options) over the grid's sites.

    Averages may do without a site in one round and have it in the next; what sums over sites keeps to one set of them.
    """
    grid = Attendance(grid, lasting=strategy["name"] not in FLOWER)
    preprocessing = agree_preprocessing(grid, plan)
    fitting = make_strategy(grid, plan, strategy, preprocessing)
    watch = EarlyStopping(grid, plan) if "patience" in plan.settings else None
    state, rounds = run_rounds(grid, plan, strategy, fitting, plan.model.initial(plan, preprocessing), watch)
    if watch:
        state = watch.state
    fitted = choose(grid, plan, preprocessing, state, rounds)
    fitted.rounds_kept = watch.round if watch else None
    if hasattr(fitting, "describe"):
        fitting.describe(fitted)
    if test_proportionality and plan.kind == "cox" and strategy["name"] == "newton":
        fitted.more["proportional_hazards"] = proportionality(grid, plan, fitted)
    if grid.absences:
        fitted.more["absences"] = grid.absences
    if release_baseline and plan.model.PROPORTIONAL:
        fitted.baseline = ask_baselines(grid, plan, fitted)
    return fitted


def run_rounds(
    grid: Grid,
    plan: Plan,
    options: dict,
    strategy: Strategy,
    initial: dict[str, np.ndarray],
    watch: EarlyStopping | None,
) -> tuple[dict[str, np.ndarray], int]:
    """Rounds until the strategy has converged, early stopping says so, or their number is reached; state (F, ...) and rounds run."""
    if options["name"] == "scaffold":
        initial = initial | {"control": np.zeros(next(iter(initial.values())).shape)}
    arrays, rounds, state = instruct(initial, {})["arrays"], 0, initial
    for rounds in range(1, options.get("rounds", LONGEST) + 1):
        arrays = run_round(grid, strategy, rounds, arrays, train_config(plan, options))
        state = {name: value for name, value in unpack(arrays).items() if name != "control"}
        if getattr(strategy, "converged", False) or (watch and watch.done(rounds, state)):
            break
    return state, rounds


def run_round(grid: Grid, strategy: Strategy, number: int, arrays: ArrayRecord, config: ConfigRecord) -> ArrayRecord:
    """One round: configure, send and receive, aggregate."""
    replies = list(grid.send_and_receive(strategy.configure_train(number, arrays, config, grid)))
    failed = [reply for reply in replies if reply.has_error()]
    if failed:
        summed(failed)
    return strategy.aggregate_train(number, replies)[0]


def train_config(plan: Plan, options: dict) -> ConfigRecord:
    """What Flower's own strategies pass on to the sites."""
    steps = {name: options[name] for name in ("local_steps", "learning_rate") if name in options}
    task = plan.model.CONTROLLED_STEPS if options["name"] == "scaffold" else plan.model.STEPS
    return ConfigRecord({"task": task, "ties": plan.ties, **steps, **plan.settings})


def choose(grid: Grid, plan: Plan, preprocessing: Preprocessing, state: dict[str, np.ndarray], rounds: int) -> Fitted:
    """What was fitted, its arrays by training set and penalty, with the penalty chosen for each set."""
    criterion, chosen = choose_penalties(grid, plan, state)
    shape = (len(plan.sets), len(plan.penalties))
    shaped = {name: value.reshape(shape + value.shape[1:]) for name, value in state.items()}
    return Fitted(plan, preprocessing, shaped, chosen, criterion, rounds)


def ask_baselines(grid: Grid, plan: Plan, fitted: Fitted) -> np.ndarray:
    """Cumulative baseline hazards on the protocol's grid (S, T) of the chosen fits; only for a federation of one client."""
    kept = np.flatnonzero(plan.sets[:, 2] == NO_FOLD)
    fits = kept * len(plan.penalties) + fitted.chosen[kept]
    payload = {name: value[kept, fitted.chosen[kept]] for name, value in fitted.state.items()} | {"active": fits}
    config = {"task": "baselines", "ties": plan.ties, "grid": plan.grid.tolist(), **plan.settings}
    out = np.full((len(plan.sets), plan.grid.size), np.nan)
    out[kept] = summed(send(grid, payload, config))["baseline"]
    return out
