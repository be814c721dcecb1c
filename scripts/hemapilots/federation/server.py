"""Drives one federation: preprocessing, the strategy's rounds, the choice of penalty, and what the final model needs."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from flwr.app import ConfigRecord, Context, Message, MessageType
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg, Strategy

from hemapilots.federation.messages import instruct, unpack
from hemapilots.federation.strategies.newton import Newton, SharedNewton, summed
from hemapilots.models import preprocessing as prep
from hemapilots.models.data import Preprocessing
from hemapilots.models.training_sets import NO_FOLD, training_sets


@dataclass(frozen=True)
class Plan:
    """What is trained: columns (p) and which are 0/1, resampling, penalties (L,), ties, the protocol's time grid.

    own_penalty (S,), where given, is the one penalty of each training set, chosen before; `penalties` then has length 1.
    """

    columns: list[str]
    flags: np.ndarray
    replicates: int
    folds: int
    penalties: np.ndarray
    ties: str
    grid: np.ndarray
    own_penalty: np.ndarray | None = None

    @property
    def sets(self) -> np.ndarray:
        """Training sets (S, 3); pairs of folds are needed only where there is a penalty to choose."""
        return training_sets(self.replicates, self.folds, tune=len(self.penalties) > 1)

    @property
    def fit_set(self) -> np.ndarray:
        """Training set of each fit (S * L,)."""
        return np.repeat(np.arange(len(self.sets)), len(self.penalties))

    @property
    def fit_penalty(self) -> np.ndarray:
        """Penalty of each fit (S * L,)."""
        return np.tile(self.penalties, len(self.sets)) if self.own_penalty is None else self.own_penalty


@dataclass
class Fitted:
    """coefficients (S, L, p) on standardised columns; criterion (S, L) cross-validated log-likelihood; chosen (S,) index of the penalty."""

    plan: Plan
    preprocessing: Preprocessing
    coefficients: np.ndarray
    chosen: np.ndarray
    criterion: np.ndarray
    rounds: int
    unconverged: int
    standard_errors: np.ndarray | None = None
    loglik: float = float("nan")
    baseline: np.ndarray | None = None


def server_app(plan: Plan, strategy: dict, keep: Callable[[Fitted], None], release_baseline: bool = False) -> ServerApp:
    """The Flower ServerApp that trains the plan and hands what it fitted to `keep`; the same app serves a deployed federation."""
    app = ServerApp()

    @app.main()
    def main(grid: Grid, context: Context) -> None:
        keep(train(grid, plan, strategy, release_baseline))

    return app


def train(grid: Grid, plan: Plan, strategy: dict, release_baseline: bool = False) -> Fitted:
    """Train every fit of the plan by the strategy's dictionary (`name` and its options) over the grid's sites."""
    preprocessing = agree_preprocessing(grid, plan)
    fitting = make_strategy(grid, plan, strategy, preprocessing)
    arrays = instruct({"coefficients": np.zeros((plan.fit_set.size, len(plan.columns)))}, {})["arrays"]
    rounds = 0
    for rounds in range(1, strategy["rounds"] + 1):
        arrays = run_round(grid, fitting, rounds, arrays, train_config(plan, strategy))
        if getattr(fitting, "converged", False):
            break
    coefficients = unpack(arrays)["coefficients"]
    criterion, chosen = choose_penalties(grid, plan, coefficients)
    shape = (len(plan.sets), len(plan.penalties), len(plan.columns))
    fitted = Fitted(plan, preprocessing, coefficients.reshape(shape), chosen, criterion, rounds, 0)
    if isinstance(fitting, Newton):
        fitted.unconverged = int(fitting.running.sum())
        fitted.standard_errors = fitting.standard_errors(chosen[0])
        fitted.loglik = float(fitting.loglik[chosen[0]])
    if release_baseline:
        fitted.baseline = ask_baselines(grid, plan, fitted)
    return fitted


def make_strategy(grid: Grid, plan: Plan, options: dict, preprocessing: Preprocessing) -> Strategy:
    """The strategy by its name: newton (baseline site or shared), or Flower's own."""
    if options["name"] == "newton":
        usable = (preprocessing.scale > 0)[plan.fit_set]
        common = dict(penalties=plan.fit_penalty, usable=usable, ties=plan.ties, tolerance=options["tolerance"])
        if options["baseline"] == "site":
            return Newton(**common)
        times = ask(grid, {}, {"task": "death_counts"})
        times = np.unique(np.concatenate([answer["times"] for answer in times]))
        agree_on(grid, plan, preprocessing, {"times": times})
        return SharedNewton(**common, times=times)
    everybody = len(list(grid.get_node_ids()))
    return FedAvg(fraction_evaluate=0.0, min_train_nodes=everybody, min_available_nodes=everybody)


def train_config(plan: Plan, options: dict) -> ConfigRecord:
    """What Flower's own strategies pass on to the sites."""
    steps = {name: options[name] for name in ("local_steps", "learning_rate") if name in options}
    return ConfigRecord({"task": "descent", "ties": plan.ties, **steps})


def run_round(grid: Grid, strategy: Strategy, number: int, arrays, config: ConfigRecord):
    """One round: configure, send and receive, aggregate."""
    replies = list(grid.send_and_receive(strategy.configure_train(number, arrays, config, grid)))
    failed = [reply for reply in replies if reply.has_error()]
    if failed:
        summed(failed)
    return strategy.aggregate_train(number, replies)[0]


def agree_preprocessing(grid: Grid, plan: Plan) -> Preprocessing:
    """The first exchange of a regime: moments, medians of columns with missing values, and the agreement sent to every site."""
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


def choose_penalties(grid: Grid, plan: Plan, coefficients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cross-validated partial log-likelihood (S, L) of Verweij and van Houwelingen (1993) and the best penalty's index (S,).

    For a model that leaves out fold k: sum over folds j of l(without k; fit without j and k) - l(without j and k; same fit);
    for the final model: the same over single folds, summed over replicates. Pairs of folds are trained for this only and keep index 0.
    """
    sets, count = plan.sets, len(plan.penalties)
    criterion, chosen = np.zeros((len(sets), count)), np.zeros(len(sets), dtype=np.int64)
    if count == 1:
        return criterion, chosen
    inner = [(target, s) for target in range(len(sets)) for s in _inner_sets(sets, target)]
    target, source = (np.array(column) for column in zip(*inner, strict=True))
    pair_set = np.concatenate([np.repeat(target, count), np.repeat(source, count)])
    pair_fit = np.tile((source[:, None] * count + np.arange(count)).ravel(), 2)
    payload = {"coefficients": coefficients, "pair_set": pair_set, "pair_fit": pair_fit}
    loglik = summed(send(grid, payload, {"task": "likelihoods", "ties": plan.ties}, MessageType.EVALUATE))["loglik"]
    outer, own = loglik.reshape(2, target.size, count)
    np.add.at(criterion, target, outer - own)
    # On a tie the larger penalty wins: it shrinks more.
    best = count - 1 - np.argmax(criterion[:, ::-1], axis=1)
    return criterion, np.where(sets[:, 2] == NO_FOLD, best, 0)


def _inner_sets(sets: np.ndarray, target: int) -> list[int]:
    """The training sets that leave out one fold more than the target."""
    replicate, fold, second = sets[target]
    if second != NO_FOLD:
        return []
    if replicate == NO_FOLD:
        return np.flatnonzero((sets[:, 1] != NO_FOLD) & (sets[:, 2] == NO_FOLD)).tolist()
    same = (sets[:, 0] == replicate) & (sets[:, 2] != NO_FOLD)
    return np.flatnonzero(same & ((sets[:, 1] == fold) | (sets[:, 2] == fold))).tolist()


def ask_baselines(grid: Grid, plan: Plan, fitted: Fitted) -> np.ndarray:
    """Cumulative baseline hazards on the protocol's grid (S, T) of the chosen fits; only for a federation of one client."""
    kept = np.flatnonzero(plan.sets[:, 2] == NO_FOLD)
    fits = kept * len(plan.penalties) + fitted.chosen[kept]
    payload = {"coefficients": fitted.coefficients[kept, fitted.chosen[kept]], "active": fits}
    config = {"task": "baselines", "ties": plan.ties, "grid": plan.grid.tolist()}
    out = np.full((len(plan.sets), plan.grid.size), np.nan)
    out[kept] = summed(send(grid, payload, config))["baseline"]
    return out


def send(grid: Grid, arrays: dict, config: dict, message_type: str = MessageType.QUERY) -> list[Message]:
    """Ask every site; replies in order of site."""
    content = instruct(arrays, config)
    return list(grid.send_and_receive([Message(content, node, message_type) for node in grid.get_node_ids()]))


def ask(grid: Grid, arrays: dict, config: dict) -> list[dict[str, np.ndarray]]:
    """Ask every site and return each one's arrays."""
    replies = send(grid, arrays, config)
    summed([reply for reply in replies if reply.has_error()])
    return [unpack(reply.content["arrays"]) for reply in replies]
