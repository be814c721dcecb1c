"""1,000 corrupt cells in an extract of 200 x 40: each stands in the issues table, none becomes a value, no other cell is touched."""

import hashlib

import numpy as np
import pandas as pd

from extracts import clean
from hemapilots.config.mapping import Mapping
from hemapilots.config.use_case import UseCase
from hemapilots.harmonize.engine import harmonize
from hemapilots.harmonize.reading.units import load_factors
from hemapilots.ingest.readers import ingest
from hemapilots.paths import RESOURCES
from hemapilots.synthesis.extracts.write import make_tables, write_tables

ROWS, CORRUPT, SEED = 200, 1000, 11
NUMBERS = {
    "hb": ("g/dL", 4, 18), "plt": ("10*9/L", 5, 900), "wbc": ("10*9/L", 1, 90), "anc": ("10*9/L", 0.1, 40),
    "creatinine": ("mg/dL", 0.3, 12), "albumin": ("g/dL", 1.5, 6), "calcium": ("mg/dL", 6, 15), "b2m": ("mg/L", 0.6, 60),
    "ferritin": ("ng/mL", 5, 9000), "ldh": ("U/L", 60, 3000), "bilirubin_total": ("mg/dL", 0.2, 30), "mcv": ("fL", 50, 140),
    "sbp": ("mm[Hg]", 70, 220), "weight": ("kg", 30, 150), "height": ("cm", 120, 210), "bm_blast": ("%", 0, 95),
    "pb_blast": ("%", 0, 95), "hbf": ("%", 0, 95), "m_protein": ("g/L", 1, 100), "trv": ("m/s", 1, 5),
}  # fmt: skip
FLAGS = ("smoker", "relapsed", "transfused", "febrile")
CATEGORIES = {"sex": ["F", "M"], "stage": ["I", "II", "III"], "arm": ["a", "b", "c"], "type": ["primary", "secondary"]}
DATES = ("birth", "diagnosis", "treatment", "sample")
GENES = ("TET2", "ASXL1", "SF3B1", "TP53", "NPM1")
# Texts that no rule understands in a column with a decimal point and no thousands mark.
BROKEN = {
    "number": (
        "abc", "12..5", "1,2,3", "--5", "9.8.7", "12 parsecs", "10+", "1e999", "5 5", "0x1F", "½", "=A1+B2", "12;5", "O.5",
        "l2", "1O", "9,8", "9.8e", "+-3", "TRUE", "-7", "987654321.5", "3/4", "9.8 / 10.1", "~", "∞", "1_0", "8?", "(9.8", "pos",
    ),
    "flag": ("maybe", "2", "-1", "0.5", "01x", "yes no", "10", "ﬀ", "t/f", "1;0"),
    "category": ("xyz", "M/F", "I-II", "Ⅳ", "1.5", "primary?", "a,b", "IIIA", "F.M", "0000"),
    "date": (
        "2019-13-04", "31.02.2018", "2019-02-30", "yesterday", "12/2019/05", "20190231", "43586", "2019-1-", "2O19-01-01",
        "99.99.9999", "2019-00-10", "2018-06-31T08:00", "1.1.19.", "12th of never",
    ),
    "gene": ("maybe", "xx", "3?", "p.", "mut/wt", "VUS", "unclear", "del?", "2-Mar", "TET2?"),
    "karyotype": ("46,XZ", "garbage", "47,,+8", "XX46", "46,XX,del(", "46,XX,", "?,XY", "46,XX,zzz(5)", "4 6 X", "99"),
}  # fmt: skip


def use_case() -> dict:
    index, later = {"known_at": "index"}, {"known_at": "outcome"}
    variables = {
        name: {"label": name, "type": "number", "unit": unit, "hard": [0, 10 * high], **index}
        for name, (unit, _, high) in NUMBERS.items()
    }
    variables |= {name: {"label": name, "type": "flag", **index} for name in FLAGS}
    variables |= {
        name: {"label": name, "type": "category", "levels": levels, **index} for name, levels in CATEGORIES.items()
    }
    variables |= {name: {"label": name, "type": "date", **index} for name in DATES}
    variables |= {name.lower(): {"label": name, "type": "flag", "gene": name, **index} for name in GENES}
    variables["karyotype"] = {"label": "Karyotype", "type": "karyotype", **index}
    variables["os_years"] = {"label": "Time", "type": "number", "unit": "a", **later}
    variables["os_status"] = {"label": "Died", "type": "flag", **later}
    whole = {
        "name": "corrupt",
        "title": "Corrupt",
        "index_date": "diagnosis",
        "variables": variables,
        "endpoints": {"os": {"label": "Survival", "time": "os_years", "event": "os_status"}},
        "primary_endpoint": "os",
        "horizons": [1],
        "predictor_sets": {},
    }
    return UseCase.model_validate(whole).model_dump(mode="json")


def clean_table(variables: dict) -> pd.DataFrame:
    rng = np.random.default_rng(SEED)
    table = {"patient_id": [f"p{number}" for number in range(ROWS)]}
    for name, spec in variables.items():
        match spec["type"]:
            case "number":
                _, low, high = NUMBERS.get(name, ("a", 0.1, 9))
                table[name] = np.round(rng.uniform(low, high, ROWS), 2)
            case "flag":
                table[name] = (rng.random(ROWS) < 0.4).astype(float)
            case "category":
                table[name] = np.array(spec["levels"], dtype=object)[rng.integers(0, len(spec["levels"]), ROWS)]
            case "date":
                table[name] = rng.integers(9000, 18000, ROWS).astype(float)
            case "karyotype":
                texts = [text.format(s="XX") for text, *_ in clean.KARYOTYPES]
                table[name] = np.array(texts, dtype=object)[rng.integers(0, len(texts), ROWS)]
    return pd.DataFrame(table)


def kind_of(spec: dict) -> str:
    return "gene" if spec["gene"] else spec["type"]


def test_a_thousand_corrupt_cells_are_all_found_and_none_is_coerced(tmp_path):
    study = use_case()
    variables = study["variables"]
    mapping = Mapping.model_validate(
        {
            "use_case": "corrupt",
            "patient_id": "id",
            "files": {"main": {"path": "main.csv", "decimal": ".", "date_format": ["YYYY-MM-DD"]}},
            "variables": {
                name: {"column": name}
                | ({"unit": spec["unit"]} if spec["unit"] else {})
                | ({"values": {level: level for level in spec["levels"]}} if spec["levels"] else {})
                for name, spec in variables.items()
            },
        }
    ).model_dump(mode="json") | {"name": "corrupt"}
    table, rng = clean_table(variables), np.random.default_rng(SEED + 1)
    assert table.shape == (ROWS, 41)
    factors = load_factors(RESOURCES / "units" / "factors.csv")
    tables, _ = make_tables(table, mapping, study, factors, seed=SEED)
    names = [name for name in variables if not name.startswith("os_")]
    planted: dict[tuple[int, str], str] = {}
    for place in rng.permutation(ROWS * len(names))[:CORRUPT]:
        row, name = int(place) // len(names), names[int(place) % len(names)]
        choices = BROKEN[kind_of(variables[name])]
        planted[row, name] = choices[rng.integers(0, len(choices))]
        tables.put(name, row, planted[row, name])
    write_tables(tables, tmp_path)
    harmonized, issues, _ = harmonize(ingest(tmp_path, mapping), study, mapping, factors)

    listed = issues[issues["row"].notna() & (issues["status"] == "null")]
    hashes = dict(zip(zip(listed["row"], listed["variable"], strict=True), listed["raw_hash"], strict=True))
    lost = sorted(set(planted.items()) - {(cell, planted[cell]) for cell in planted if cell in hashes}, key=str)
    assert len(planted) == CORRUPT and lost == []
    assert {cell: digest(planted[cell]) for cell in planted} == {cell: hashes[cell] for cell in planted}
    assert set(hashes) == set(planted)
    assert not (listed["reason"] == "missing").any()
    # The cells that were left alone are as they were, the others unknown.
    assert len(harmonized) == ROWS
    for name in [name for name in variables if name in harmonized]:
        wanted = table[name].copy()
        wanted[[row for row, other in planted if other == name]] = None if wanted.dtype == object else np.nan
        assert harmonized[name].equals(wanted.rename(name)), name


def digest(cell: str) -> str:
    return hashlib.sha256(cell.encode()).hexdigest()[:16]
