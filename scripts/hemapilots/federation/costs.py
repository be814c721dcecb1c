"""What each federation cost: rounds, exchanges, bytes and time, from the sites' ledgers and the models' cards."""

import pandas as pd

__all__ = ["COLUMNS", "DEPLOYED_SECONDS", "costs"]

# Seconds of one exchange between a SuperLink and its SuperNodes on one machine, measured with Flower 1.41 and three sites.
DEPLOYED_SECONDS = 6.2
COLUMNS = [
    "model", "regime", "rounds", "exchanges", "bytes", "seconds", "seconds_per_exchange", "deployed_seconds", "unconverged_fits",
    "absences",
]  # fmt: skip


def costs(ledgers: dict[str, pd.DataFrame], cards: dict[tuple[str, str, str], dict]) -> pd.DataFrame:
    """Rows of `COLUMNS` per federated model of `cards` (endpoint, model, regime), comparators left out.

    An exchange is a question to the sites and their answers, be it a round of training or not: the most messages that any site wrote.
    bytes: what left all sites. seconds: from the first message of the simulated federation to its last, the sites one after another.
    deployed_seconds: the exchanges at 6.2 s each, arithmetic not counted.
    """
    rows = []
    for (endpoint, model, regime), card in cards.items():
        stages = [f"{regime} {model} {endpoint}", f"{regime} {model} {endpoint} competing"]
        parts = {site: ledger[ledger["stage"].isin(stages)] for site, ledger in ledgers.items()}
        every = pd.concat(parts.values())
        if not regime.startswith("federated/") or every.empty:
            continue
        exchanges, when = max(map(len, parts.values())), pd.to_datetime(every["when"], format="ISO8601")
        seconds = (when.max() - when.min()).total_seconds()
        rows.append(
            {"model": model, "regime": regime, "rounds": card["rounds"], "exchanges": exchanges}
            | {"bytes": int(every["bytes"].sum()), "seconds": seconds, "seconds_per_exchange": seconds / exchanges}
            | {"deployed_seconds": exchanges * DEPLOYED_SECONDS, "unconverged_fits": card["unconverged_fits"]}
            | {"absences": sum(one["times"] for one in card.get("absences", []))}
        )
    return pd.DataFrame(rows, columns=COLUMNS)
