"""From an extract to harmonized variables: a wide CSV file, a long OMOP table and FHIR resources, beside a plain pandas read.

Each measurement runs in a process of its own, so that its peak memory is its own.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from table import Row, agree, yes_no

TITLE = "Harmonization"
FULL = {"csv": 200_000, "omop": 5_000_000, "fhir": 100_000}
QUICK = {"csv": 20_000, "omop": 200_000, "fhir": 10_000}
GOALS = {"csv": (10.0, 2.0), "omop": (10.0, 1.0), "fhir": (5.0, None)}
UNITS = {
    "csv": "rows x 60 columns of CSV, read and harmonized",
    "omop": "rows of an OMOP measurement table, read and harmonized",
    "fhir": "FHIR resources (ndjson), read and harmonized",
}
CONCEPTS = {"hb": 3000963, "plt": 3024929, "anc": 3017732}


def run(quick: bool, sizes: dict[str, int] | None = None) -> list[Row]:
    """Seconds and peak memory of each source, its result compared with the numbers that were written."""
    return [_measure(kind, size, quick) for kind, size in (sizes or (QUICK if quick else FULL)).items()]


def _measure(kind: str, size: int, quick: bool) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        # The peak of a process counts what its parent held when it started, so that the files too are written by a child.
        truth = _child(kind, Path(folder), str(size))
        ours, plain = (_child(kind, Path(folder), who) for who in ("ours", "pandas"))
    same = agree(f"{kind}, mean of what was written", abs(ours["mean"] / truth["mean"] - 1), 1e-9)
    seconds, gibibytes = GOALS[kind]
    goal = f"{seconds:g} s" + (f", {gibibytes:g} GiB" if gibibytes else "") + f" at {FULL[kind]:,}"
    met = "" if quick else yes_no(ours["seconds"] <= seconds and ours["peak_gib"] <= (gibibytes or np.inf))
    note = (
        f"peak memory {ours['peak_gib']:.2f} GiB, pandas {plain['peak_gib']:.2f} GiB (interpreter and imports included)"
    )
    return Row(
        f"{size:,} {UNITS[kind]}",
        ours["seconds"],
        "pandas, reading the file only",
        plain["seconds"],
        plain["seconds"] / ours["seconds"],
        goal,
        met,
        same,
        note,
    )


def _child(kind: str, folder: Path, who: str) -> dict:
    done = subprocess.run(
        [sys.executable, __file__, kind, str(folder), who], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{kind}, {who}: {done.stderr.strip().splitlines()[-1:]}")
    return json.loads(done.stdout)


def _write_csv(folder: Path, size: int) -> float:
    """60 columns: 20 numbers, 30 flags, 5 categories, 3 dates, time and status; German decimal commas, some cells missing."""
    rng = np.random.default_rng(size)
    columns = {"id": [f"P{at:07d}" for at in range(size)]}
    for at in range(20):
        values = np.round(rng.normal(10, 1, size), 1)
        texts = pd.Series(values).map("{:.1f}".format).str.replace(".", ",", regex=False)
        columns[f"x{at}"] = texts.where(rng.random(size) > (0.05 if at else 0), "k.A.")
        if at == 0:
            truth = values.mean()
    for at in range(30):
        columns[f"g{at}"] = np.array(["nein", "ja", ""], dtype=object)[rng.choice(3, size, p=[0.8, 0.15, 0.05])]
    for at in range(5):
        columns[f"c{at}"] = np.array(["A", "B", "C"], dtype=object)[rng.integers(0, 3, size)]
    start = np.datetime64("2010-01-01") + rng.integers(0, 3000, size)
    days = rng.integers(1, 3000, size)
    for name, values in {"start": start, "end": start + days, "birth": start - 20000}.items():
        columns[name] = pd.Series(values).dt.strftime("%d.%m.%Y")
    columns["dead"] = np.array(["nein", "ja"], dtype=object)[rng.integers(0, 2, size)]
    pd.DataFrame(columns).to_csv(folder / "data.csv", sep=";", index=False)
    return float(truth)


def _write_omop(folder: Path, size: int) -> float:
    rng = np.random.default_rng(size)
    persons = max(size // 100, 10)
    (folder / "cdm").mkdir()
    person = {"person_id": np.arange(persons), "gender_concept_id": rng.choice([8507, 8532], persons)}
    pd.DataFrame(person | {"year_of_birth": 1950, "month_of_birth": 1, "day_of_birth": 1}).to_csv(
        folder / "cdm" / "person.csv", index=False
    )
    others = np.arange(4_000_000, 4_000_017)
    concept = rng.choice([*CONCEPTS.values(), *others], size)
    who, day = rng.integers(0, persons, size), rng.integers(0, 3000, size)
    value = np.round(rng.normal(10, 1, size), 2)
    table = pd.DataFrame(
        {
            "measurement_id": np.arange(size),
            "person_id": who,
            "measurement_concept_id": concept,
            "measurement_date": (np.datetime64("2010-01-01") + day).astype(str),
            "operator_concept_id": "",
            "value_as_number": value,
            "value_as_concept_id": "",
            "unit_concept_id": 0,
            "unit_source_value": np.where(concept == CONCEPTS["hb"], "g/dL", "10*9/L"),
            "value_source_value": value,
        }
    )
    first = table[table["measurement_concept_id"] == CONCEPTS["hb"]].drop_duplicates(
        ["person_id", "measurement_date"], keep=False
    )
    table = pd.concat([table[table["measurement_concept_id"] != CONCEPTS["hb"]], first]).sort_values("measurement_id")
    table.to_csv(folder / "cdm" / "measurement.csv", index=False)
    return float(first.sort_values("measurement_date").groupby("person_id")["value_as_number"].first().mean())


def _write_fhir(folder: Path, size: int) -> float:
    rng = np.random.default_rng(size)
    patients = size // 10
    values = np.round(rng.normal(10, 1, size - patients), 1)
    with (folder / "data.ndjson").open("w") as file:
        for at in range(patients):
            patient = {"resourceType": "Patient", "id": f"p{at}", "gender": "female" if at % 2 else "male"}
            file.write(json.dumps(patient | {"name": [{"family": "Alder"}], "birthDate": "1950-01-01"}) + "\n")
        for at, value in enumerate(values):
            code = {"coding": [{"system": "http://loinc.org", "code": ("718-7", "777-3", "751-8")[at // patients % 3]}]}
            observation = {
                "resourceType": "Observation",
                "id": f"o{at}",
                "status": "final",
                "code": code,
                "subject": {"reference": f"Patient/p{at % patients}"},
                "effectiveDateTime": f"20{10 + at // patients:02d}-03-01",
                "valueQuantity": {
                    "value": float(value),
                    "unit": "g/dL" if code["coding"][0]["code"] == "718-7" else "10*9/L",
                },
            }
            file.write(json.dumps(observation) + "\n")
    return float(values[:patients].mean())


WRITERS = {"csv": _write_csv, "omop": _write_omop, "fhir": _write_fhir}


def _ours(kind: str, folder: Path) -> float:
    from hemapilots.harmonize.engine import harmonize
    from hemapilots.harmonize.reading.units import load_factors
    from hemapilots.ingest.readers import ingest
    from hemapilots.paths import RESOURCES

    mapping, use_case = _study(kind)
    table, _, _ = harmonize(
        ingest(folder, mapping), use_case, mapping, load_factors(RESOURCES / "units" / "factors.csv")
    )
    return float(table["x0" if kind == "csv" else "hb"].mean())


def _study(kind: str) -> tuple[dict, dict]:
    """A mapping and a use case for each source."""
    from hemapilots.config.mapping import Mapping
    from hemapilots.config.use_case import UseCase

    number = {"label": "x", "type": "number", "unit": "g/dL", "hard": [-1e6, 1e6], "known_at": "index"}
    count = number | {"unit": "10*9/L"}
    outcome = {"label": "x", "known_at": "outcome"}
    variables = {"os_years": outcome | {"type": "number", "unit": "a"}, "os_status": outcome | {"type": "flag"}}
    dates = {name: outcome | {"type": "date"} for name in ("start", "end", "died")}
    variables |= dates
    if kind == "csv":
        numbers, flags, codes = (
            {f"{letter}{at}": None for at in range(n)} for letter, n in (("x", 20), ("g", 30), ("c", 5))
        )
        flag, code = (
            {"label": "g", "type": "flag", "known_at": "index"},
            {"label": "c", "type": "category", "known_at": "index"},
        )
        variables |= dict.fromkeys(numbers, number) | dict.fromkeys(flags, flag)
        variables |= dict.fromkeys(codes, code | {"levels": ["A", "B", "C"]})
        columns = {name: {"column": name, "unit": "g/L" if name == "x19" else "g/dL"} for name in numbers}
        columns |= {name: {"column": name, "values": {"nein": 0, "ja": 1}} for name in flags}
        columns |= {name: {"column": name, "values": {"A": "A", "B": "B", "C": "C"}} for name in codes}
        columns |= {name: {"column": name} for name in ("start", "end")} | {
            "os_status": {"column": "dead", "values": {"nein": 0, "ja": 1}}
        }
        file = {"path": "data.csv", "delimiter": ";", "decimal": ",", "date_format": ["DD.MM.YYYY"]}
        mapping = {"patient_id": "id", "missing": ["k.A.", ""], "derived": {"os_years": "(end - start) / 365.25"}}
    else:
        variables |= {"hb": number, "plt": count, "anc": count}
        variables |= {"sex": {"label": "Sex", "type": "category", "levels": ["F", "M"], "known_at": "index"}}
        units = {"hb": "g/dL", "plt": "10*9/L", "anc": "10*9/L"}
        loinc = {"hb": "718-7", "plt": "777-3", "anc": "751-8"}
        selectors = {
            name: f"measurement[{CONCEPTS[name]}]" if kind == "omop" else f"Observation[{loinc[name]}]"
            for name in units
        }
        columns = {name: {"column": selectors[name], "unit": units[name]} for name in units}
        if kind == "omop":
            columns["sex"] = {"column": "person.gender_concept_id", "values": {"8507": "M", "8532": "F"}}
            mapping, file = {"reader": "omop", "patient_id": "person.person_id"}, {"path": "cdm"}
        else:
            columns["sex"] = {"column": "Patient.gender", "values": {"male": "M", "female": "F"}}
            mapping, file = {"reader": "fhir", "patient_id": "Patient.id"}, {"path": "data.ndjson"}
        # Of many values the one nearest to the index date counts: the first after birth.
        columns["start"] = {"column": "person.birth_date" if kind == "omop" else "Patient.birthDate"}
        # Outcomes are not what is measured here: everybody is observed for a year.
        mapping["derived"] = {"os_years": "case(missing(hb), 1, 1)", "os_status": "case(missing(hb), 0, 0)"}
    use_case = {"name": "bench", "title": "x", "index_date": "x", "variables": variables, "horizons": [1]}
    use_case |= {"endpoints": {"os": {"label": "x", "time": "os_years", "event": "os_status"}}}
    use_case |= {"primary_endpoint": "os", "predictor_sets": {}}
    use_case["follow_up"] = {"index": "start", "last_contact": "end", "outcomes": {}}
    mapping |= {"use_case": "bench", "files": {"data": file}, "variables": columns}
    shaped = Mapping.model_validate(mapping).model_dump(mode="json") | {"name": "bench"}
    return shaped, UseCase.model_validate(use_case).model_dump(mode="json")


def _pandas(kind: str, folder: Path) -> float:
    if kind == "fhir":
        return float(len(pd.read_json(folder / "data.ndjson", lines=True)))
    path = folder / ("data.csv" if kind == "csv" else "cdm/measurement.csv")
    return float(len(pd.read_csv(path, sep=";" if kind == "csv" else ",")))


def main(kind: str, folder: str, who: str) -> None:
    """One measurement: seconds and peak memory of this process. who: ours, pandas, or the size of the file to write."""
    start = time.perf_counter()
    if who.isdigit():
        mean = WRITERS[kind](Path(folder), int(who))
    else:
        mean = (_ours if who == "ours" else _pandas)(kind, Path(folder))
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps({"seconds": seconds, "peak_gib": peak, "mean": mean}))


if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "scripts")]
    main(*sys.argv[1:])
