"""A site's Flower ClientApp: the only code that sees rows during training."""

import numpy as np
from flwr.app import Context, Error, Message
from flwr.clientapp import ClientApp
from flwr.clientapp.typing import ClientAppCallable

from hemapilots.federation.messages import pack, unpack
from hemapilots.federation.release import Exit, Refusal, Support
from hemapilots.models import cox
from hemapilots.models import preprocessing as prep
from hemapilots.models.data import Preprocessing, TrainingData
from hemapilots.models.training_sets import column_support

MODELS = {"cox": cox}
REFUSED = 451


def client_app(kind: str, data: TrainingData, exit_: Exit) -> ClientApp:
    """The app of one site for one endpoint and predictor set; `kind` names the model."""
    app = ClientApp(mods=[way_out(exit_)])
    model = MODELS[kind]

    @app.query()
    def query(message: Message, context: Context) -> Message:
        """Moments, median counts, the agreed preprocessing, baselines."""
        config, arrays = _read(message)
        if config["task"] == "moments":
            answer = prep.observed_moments(data, arrays["sets"])
        elif config["task"] == "median_counts":
            minimum = 0 if exit_.gate == "off" else config["minimum"]
            answer = {
                "counts": prep.counts_up_to(data, arrays["sets"], arrays["columns"], arrays["thresholds"], minimum)
            }
        elif config["task"] == "agreed":
            context.state["agreed"] = message.content["arrays"]
            data.forget()
            answer = {"ready": np.ones(1)}
        else:
            answer = model.update(_state(arrays, context), data, config)
        return Message(pack(answer, data.time.size), reply_to=message)

    @app.train()
    def train(message: Message, context: Context) -> Message:
        """One step of the strategy."""
        config, arrays = _read(message)
        return Message(pack(model.update(_state(arrays, context), data, config), data.time.size), reply_to=message)

    @app.evaluate()
    def evaluate(message: Message, context: Context) -> Message:
        """Likelihoods by which penalties are chosen."""
        config, arrays = _read(message)
        return Message(pack(model.update(_state(arrays, context), data, config), data.time.size), reply_to=message)

    return app


def way_out(exit_: Exit):
    """A Flower mod: whatever the app answers passes the site's exit; a refusal becomes an error reply with rule and field."""

    def mod(message: Message, context: Context, call_next: ClientAppCallable) -> Message:
        config = message.content["config"]
        reply = call_next(message, context)
        try:
            exit_.release(str(config["task"]), unpack(reply.content["arrays"]), int(config.get("server-round", 0)))
        except Refusal as refusal:
            return Message(Error(REFUSED, str(refusal)), reply_to=message)
        return reply

    return mod


def support_of(data: TrainingData, sets: np.ndarray, columns: list[str]) -> Support:
    """The smallest support over the training sets: patients, events, and per column its own."""
    rows = [data.members(training_set) for training_set in sets]
    least = np.min([column_support(data.x[members], data.flags) for members in rows], axis=0)
    events = min(int((data.event[members] == 1).sum()) for members in rows)
    return Support(min(map(len, rows)), events, dict(zip(columns, least.tolist(), strict=True)))


def _read(message: Message) -> tuple[dict, dict[str, np.ndarray]]:
    return dict(message.content["config"]), unpack(message.content["arrays"])


def _state(arrays: dict[str, np.ndarray], context: Context) -> dict:
    """What the model works on: this round's arrays over what was agreed before."""
    agreed = unpack(context.state["agreed"]) if "agreed" in context.state else {}
    names = ("fill", "location", "scale", "patients", "events")
    state = {name: value for name, value in agreed.items() if name not in names}
    if agreed:
        state["preprocessing"] = Preprocessing(*(agreed[name] for name in names))
    if "active" in arrays:
        active = arrays.pop("active")
        state |= {name: state[name][active] for name in ("fit_set", "penalties")}
    return state | arrays
