"""Models by kind; a module is loaded only where one of its kind is trained or applied, because some bring heavy libraries.

What a module answers to (pure functions over arrays; a state is a dictionary of arrays with one row per fit):
`initial(plan, preprocessing)` the state before training; `update(state, data, config)` a site's answer to `config["task"]`;
among the tasks `likelihoods`, the log-likelihood of a fit on the rows of a training set; of one fitted state `risk(state, x, settings)`
where PROPORTIONAL, so that survival follows from it and a baseline hazard, and `survival(state, x, times, settings)` where not.
ALONE names the strategy of a federation of one client, STEPS the task that Flower's own strategies ask for, CONTROLLED_STEPS
the one of SCAFFOLD.
"""

from types import ModuleType

from hemapilots.errors import HemaPilotsError

# Kinds that follow the cumulative incidence itself: no hazard of the competing event is trained beside them.
SUBDISTRIBUTION = ("fine_gray",)


def model_of(kind: str) -> ModuleType:
    """The module of a kind of model."""
    if kind == "cox":
        from hemapilots.models import cox as model
    elif kind == "deepsurv":
        from hemapilots.models import deepsurv as model
    elif kind == "discrete_hazard":
        from hemapilots.models import discrete_hazard as model
    elif kind == "forest":
        from hemapilots.models import forest as model
    elif kind == "fine_gray":
        from hemapilots.models import fine_gray as model
    elif kind == "boosting":
        from hemapilots.models import boosting as model
    elif kind == "savae":
        from hemapilots.models import savae as model
    else:
        raise HemaPilotsError(f"no model of kind '{kind}'; see `models` in config/README.md")
    return model
