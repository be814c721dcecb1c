"""What becomes of patients and of their events on the way into each endpoint, from what each site released."""

from hemapilots.report.words import count

__all__ = ["event_flow"]

_COUNTS = tuple(f"{part}_{what}" for part in ("patients", "events") for what in ("in", "lost", "out"))
_OUTCOME = "a missing, contradictory or untimely outcome"


def event_flow(quality: dict[str, dict], names: dict[str, str]) -> dict:
    """rows: per endpoint and site the patients who came in and the lines that lost somebody; hidden: per endpoint, or endpoints alike,
    the steps that are not shown, in words. names: endpoint -> label."""
    rows, hidden = [], {}
    for endpoint, label in names.items():
        unknown = {}
        for site, record in quality.items():
            lines = record["endpoints"].get(endpoint, {}).get("lines") or []
            came = [line for line in lines[:1] if line["patients_in"] is not None]
            told = [*came, *(line for line in lines[1:] if _tells(line))]
            rows += [
                {"endpoint": label, "site": site, "label": line["label"]}
                | {name: count(line[name]) for name in _COUNTS}
                for line in told
            ]
            steps = _hidden_steps(lines[1:])
            if steps:
                unknown.setdefault(steps, []).append(site)
        if unknown:
            words = "; ".join(f"{steps} at {_together(sites)}" for steps, sites in unknown.items())
            hidden.setdefault(words, []).append(label)
    return {"rows": rows, "hidden": [{"endpoints": _together(of), "steps": steps} for steps, of in hidden.items()]}


def _tells(line: dict) -> bool:
    """Whether a line says how many were lost; one that lost nobody says nothing."""
    return bool(line["patients_lost"] or line["events_lost"])


def _hidden_steps(lines: list[dict]) -> str:
    """The steps of which neither loss is shown, in words: by name, those of the outcome as a whole."""
    dark = [line for line in lines if None in (line["patients_lost"], line["events_lost"]) and not _tells(line)]
    if dark and len(dark) == len(lines):
        return "every step"
    names = [f"“{line['label']}”" for line in dark if line["step"] != "endpoint"]
    return _together([*names, *([_OUTCOME] if len(names) < len(dark) else [])])


def _together(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
