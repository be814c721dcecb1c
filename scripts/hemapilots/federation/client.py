"""A site's Flower ClientApp: the only code that sees rows during training."""

import numpy as np
from flwr.app import Context, Error, Message
from flwr.clientapp import ClientApp
from flwr.clientapp.typing import ClientAppCallable, Mod

from hemapilots.federation.messages import examples_in, instruct, is_plain, pack, unpack
from hemapilots.federation.release import Exit, NotFinite, Refusal, Support
from hemapilots.models import preprocessing as prep
from hemapilots.models.data import Preprocessing, TrainingData
from hemapilots.models.preprocessing import GuardedCounts
from hemapilots.models.registry import model_of
from hemapilots.models.training_sets import column_support
from hemapilots.support import MINIMUM_SUPPORT

# Codes of error replies: what the gate refuses stops a run; an answer that is of no use does not.
REFUSED, UNUSABLE = 451, 452


def client_app(kind: str, data: TrainingData, exit_: Exit, *mods: Mod) -> ClientApp:
    """The app of one site for one endpoint and predictor set; `kind` names the model; mods stand between it and the exit."""
    app = ClientApp(mods=[way_out(exit_), *mods])
    model, medians = model_of(kind), GuardedCounts(MINIMUM_SUPPORT if exit_.gate == "enforce" else 0)

    def answer(message: Message, context: Context) -> Message:
        """What the task asks for, not yet released."""
        config, arrays = _read(message)
        if config["task"] == "moments":
            found = prep.observed_moments(data, arrays["sets"])
        elif config["task"] == "median_counts":
            found = {"counts": medians.count(data, arrays["sets"], arrays["columns"], arrays["thresholds"])}
        elif config["task"] == "agreed":
            context.state["agreed"] = message.content["arrays"]
            data.forget()
            found = {"ready": np.ones(1)}
        else:
            found = _remembering(model.update(_state(arrays, context), data, config), context)
        return Message(pack({"examples": np.array([data.time.size])} | found), reply_to=message)

    for category in (app.query, app.train, app.evaluate):
        category()(answer)
    return app


def way_out(exit_: Exit):
    """A Flower mod: the reply is made anew from what the site's exit releases; a refusal becomes an error reply with rule and field."""

    def mod(message: Message, context: Context, call_next: ClientAppCallable) -> Message:
        config = message.content["config"]
        reply = call_next(message, context)
        payload = unpack(reply.content["arrays"])
        payload["examples"] = examples_in(reply)
        asked = unpack(message.content["arrays"])
        try:
            released = exit_.release(str(config["task"]), payload, int(config.get("server-round", 0)), _sizes(asked))
        except Refusal as refusal:
            code = UNUSABLE if isinstance(refusal, NotFinite) else REFUSED
            return Message(Error(code, str(refusal)), reply_to=message)
        # What passes as it is need not be copied once more, where the exit has read the very bytes that would be sent.
        written = {
            name: array
            for name, array in reply.content["arrays"].items()
            if released[name] is payload[name] and is_plain(array)
        }
        return Message(pack(released, written), reply_to=message)

    return mod


def _sizes(asked: dict[str, np.ndarray]) -> dict[str, int]:
    """The dimensions that a request fixes for its reply."""
    sizes = {}
    if "sets" in asked:
        sizes["S"] = len(asked["sets"])
    if "columns" in asked:
        sizes["c"] = len(asked["columns"])
    if "pair_set" in asked:
        sizes["P"] = len(asked["pair_set"])
    if "quota" in asked:
        sizes["F"] = len(asked["quota"])
    if "parameters" in asked:
        sizes["F"], sizes["m"] = asked["parameters"].shape
    if "coefficients" in asked:
        sizes["F"], sizes["p"] = asked["coefficients"].shape
        sizes["t"] = sizes["p"] * (sizes["p"] + 1) // 2
    return sizes


def support_of(data: TrainingData, sets: np.ndarray, columns: list[str]) -> Support:
    """The smallest support over the training sets: patients, events, and per column its own."""
    rows = [data.members(training_set) for training_set in sets]
    least = np.min([column_support(data.x[members], data.flags) for members in rows], axis=0)
    events = min(int((data.event[members] == 1).sum()) for members in rows)
    return Support(min(map(len, rows)), events, dict(zip(columns, least.tolist(), strict=True)))


def _remembering(found: dict[str, np.ndarray], context: Context) -> dict[str, np.ndarray]:
    """What a site answers; its own control variate, where it has one, also stays with it for the next round."""
    if "control" in found:
        context.state["own"] = instruct({"own_control": found["control"]}, {})["arrays"]
    return found


def _read(message: Message) -> tuple[dict, dict[str, np.ndarray]]:
    return dict(message.content["config"]), unpack(message.content["arrays"])


def _state(arrays: dict[str, np.ndarray], context: Context) -> dict:
    """What the model works on: this round's arrays over what was agreed before."""
    agreed = unpack(context.state["agreed"]) if "agreed" in context.state else {}
    names = ("fill", "location", "scale", "patients", "events")
    state = {name: value for name, value in agreed.items() if name not in names}
    if "control" in arrays:
        state["own_control"] = np.zeros(arrays["control"].shape)
        state |= unpack(context.state["own"]) if "own" in context.state else {}
    if agreed:
        state["preprocessing"] = Preprocessing(*(agreed[name] for name in names))
    if "active" in arrays:
        active = arrays.pop("active")
        state |= {name: state[name][active] for name in ("fit_set", "penalties")}
    return state | arrays
