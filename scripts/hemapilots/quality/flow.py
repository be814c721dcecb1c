"""The flow of records and events, and the endpoints, as they may leave a site."""

from hemapilots.harmonize.suppression import Draw, hide, hide_and_tell, is_small

__all__ = ["endpoint", "flow_steps", "reconciliation"]

_PATIENTS = ("patients_in", "patients_out", "patients_lost")
_EVENTS = ("events_in", "events_out", "events_lost")


def flow_steps(steps: list[dict], minimum: int, draw: Draw) -> list[dict]:
    """Steps without the records before the last small loss: with them it could be subtracted."""
    small = [place for place, step in enumerate(steps) if is_small(step["lost"], minimum)]
    last_small = small[-1] if small else -1
    shown = []
    for place, step in enumerate(steps):
        into, out = step["records_in"], step["records_out"]
        into = None if place <= last_small or is_small(into, minimum) else into
        out = None if place < last_small or is_small(out, minimum) else out
        unknown = {"unknown": step["unknown"], "known": step["records_out"] - step["unknown"]}
        unknown = hide(unknown, minimum, draw.of(step["step"]))
        counts = {
            "records_in": into,
            "records_out": out,
            "lost": None if is_small(step["lost"], minimum) else step["lost"],
            "unknown": unknown["unknown"],
        }
        shown.append({**step, **counts, "suppressed": any(count is None for count in counts.values())})
    return shown


def endpoint(counts: dict, minimum: int, draw: Draw, rounded: bool = False) -> dict:
    """patients = events + competing + censored, and patients + unknown = records, which are shown.

    So a small number of either hides the other, and one of the parts, or their sum would tell. rounded: a number of patients that
    is not small stays, since what is left of rounded records is no count.
    """
    whole, few = hide_and_tell({name: counts[name] for name in ("patients", "unknown")}, minimum, draw.of("known"))
    if rounded and counts["patients"] >= minimum:
        whole["patients"] = counts["patients"]
    parts = {name: counts[name] for name in ("events", "competing", "censored")}
    if is_small(counts["patients"], minimum):
        parts = dict.fromkeys(parts)
    elif whole["patients"] is None:
        joint = hide({**parts, "unknown": counts["unknown"]}, minimum, draw.of("parts"), forced=("unknown",))
        parts = {name: joint[name] for name in parts}
    else:
        parts = hide(parts, minimum, draw.of("parts"))
    # The times kept as half a day are part of the patients: whether they may be shown says how many patients there are.
    zero = {"zero_time": counts["zero_time"], "later": counts["patients"] - counts["zero_time"]}
    zero, few_zero = hide_and_tell(zero, minimum, draw.of("zero_time"))
    zero_time = None if whole["patients"] is None else zero["zero_time"]
    few += [name for name in few_zero if name == "zero_time" and whole["patients"] is not None]
    shown = {"label": counts["label"], "patients": whole["patients"], **parts, "unknown": whole["unknown"]}
    shown |= {"zero_time": zero_time, "delivered": counts.get("delivered", True)}
    shown["lines"] = _lines(counts.get("lines") or [], shown, minimum, draw.of("lines"))
    hidden = any(value is None for value in shown.values())
    return shown | {"few": few, "suppressed": hidden}


def _lines(lines: list[dict], shown: dict, minimum: int, draw: Draw) -> list[dict]:
    """The flow of one endpoint. What the outcome takes out adds up to the records without one, which is known: it is hidden as a
    whole. What came before a hidden loss is hidden with it."""
    own = {_key(line): line["patients_lost"] for line in lines if line["step"] == "endpoint"}
    losses = hide(own, minimum, draw)
    patients = [
        losses.get(_key(line), None if is_small(line["patients_lost"], minimum) else line["patients_lost"])
        for line in lines
    ]
    events = [
        None if known is None or shown["events"] is None else _events_lost(line, minimum, draw)
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


def _key(line: dict) -> tuple:
    return line["step"], line["label"], line["reason"]


def _events_lost(line: dict, minimum: int, draw: Draw) -> int | None:
    """The events among the patients whom a line loses. Where those with or without an event are few, among the lost or among
    those who came in, it is hidden, and with it what the events were before."""
    if is_small(line["events_lost"], minimum) or is_small(line["patients_in"] - line["events_in"], minimum):
        return None
    if line["patients_lost"]:
        lost = {"events": line["events_lost"], "none": line["patients_lost"] - line["events_lost"]}
        return hide(lost, minimum, draw)["events"]
    return line["events_lost"]


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
