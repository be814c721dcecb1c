"""The flow of records and events, and the endpoints, as they may leave a site."""

from hemapilots.harmonize.suppression import hide, hide_and_tell, is_small

__all__ = ["endpoint", "flow_steps", "reconciliation"]

_PATIENTS = ("patients_in", "patients_out", "patients_lost")
_EVENTS = ("events_in", "events_out", "events_lost")


def flow_steps(steps: list[dict], minimum: int, generator) -> list[dict]:
    """Steps without the records before the last small loss: with them it could be subtracted."""
    small = [place for place, step in enumerate(steps) if is_small(step["lost"], minimum)]
    last_small = small[-1] if small else -1
    shown = []
    for place, step in enumerate(steps):
        into, out = step["records_in"], step["records_out"]
        into = None if place <= last_small or is_small(into, minimum) else into
        out = None if place < last_small or is_small(out, minimum) else out
        unknown = {"unknown": step["unknown"], "known": step["records_out"] - step["unknown"]}
        unknown = hide(unknown, minimum, generator)
        counts = {
            "records_in": into,
            "records_out": out,
            "lost": None if is_small(step["lost"], minimum) else step["lost"],
            "unknown": unknown["unknown"],
        }
        shown.append({**step, **counts, "suppressed": any(count is None for count in counts.values())})
    return shown


def endpoint(counts: dict, minimum: int, generator) -> dict:
    """patients = events + competing + censored, and patients + unknown = records.

    The number of patients with a known outcome is shown whenever it is not small: every figure of the site rests on it and says so.
    How many have none follows from it, and is no statement about what happened to them.
    """
    small = is_small(counts["patients"], minimum)
    parts = {name: counts[name] for name in ("events", "competing", "censored")}
    # Where the whole is hidden, showing all the parts would give it away.
    parts = dict.fromkeys(parts) if small else hide(parts, minimum, generator)
    # The times kept as half a day are part of the patients, and no shown count is their complement.
    zero = {"zero_time": counts["zero_time"], "later": counts["patients"] - counts["zero_time"]}
    zero, few = hide_and_tell(zero, minimum, generator)
    zero_time = None if small and counts["zero_time"] else zero["zero_time"]
    shown = {
        "label": counts["label"],
        "patients": None if small else counts["patients"],
        **parts,
        "unknown": None if is_small(counts["unknown"], minimum) else counts["unknown"],
        "zero_time": zero_time,
    }
    shown["lines"] = _lines(counts.get("lines") or [], shown, minimum, generator)
    hidden = any(value is None for value in shown.values())
    return shown | {"few": [] if small else [name for name in few if name == "zero_time"], "suppressed": hidden}


def _lines(lines: list[dict], shown: dict, minimum: int, generator) -> list[dict]:
    """The flow of one endpoint. What the outcome takes out adds up to the records without one, which is known: it is hidden as a
    whole. A step's events are hidden where its patients are, since they are among them, and what came before a hidden loss is
    hidden with it."""
    own = [place for place, line in enumerate(lines) if line["step"] == "endpoint"]
    losses = hide({place: lines[place]["patients_lost"] for place in own}, minimum, generator)
    patients = [
        losses.get(place, None if is_small(line["patients_lost"], minimum) else line["patients_lost"])
        for place, line in enumerate(lines)
    ]
    events = [
        None
        if known is None or shown["events"] is None or is_small(line["events_lost"], minimum)
        else line["events_lost"]
        for known, line in zip(patients, lines, strict=True)
    ]
    out = []
    for place, line in enumerate(lines):
        counts = {key: line[key] for key in ("step", "label", "reason")}
        for names, lost in ((_PATIENTS, patients), (_EVENTS, events)):
            last = max((at for at, loss in enumerate(lost) if loss is None), default=-1)
            into, kept = line[names[0]], line[names[1]]
            counts[names[0]] = None if place <= last or is_small(into, minimum) else into
            counts[names[1]] = None if place < last or is_small(kept, minimum) else kept
            counts[names[2]] = lost[place]
        if shown["events"] is None:
            counts |= dict.fromkeys(_EVENTS)
        if shown["patients"] is None:
            counts |= dict.fromkeys(_PATIENTS)
        out.append(counts)
    return out


def reconciliation(counts: dict, shown: dict, minimum: int) -> dict:
    """Deaths delivered against deaths counted. shown: the endpoint as released; what is hidden there is hidden here."""
    losses = {(line["label"], line["reason"]): line["events_lost"] for line in shown["lines"]}
    lines = []
    for line in counts["lines"]:
        lost = losses.get((line["label"], line["reason"]), 0)
        count = None if lost is None or is_small(abs(line["count"]), minimum) else line["count"]
        lines.append(line | {"count": count})
    counted = shown["events"]
    hidden = counted is None or any(line["count"] is None for line in lines) or is_small(counts["delivered"], minimum)
    if counted is None:
        lines = [line | {"count": None} for line in lines]
    return {
        "label": counts["label"],
        "delivered": None if hidden else counts["delivered"],
        "counted": counted,
        "lines": lines,
    }
