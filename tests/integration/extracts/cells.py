"""A clean table as the tables of text that a site would deliver: its mapping read backwards, with the site's habits."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from hemapilots.synthesis.inverse import as_dates, as_numbers, date_format, form_of, raw_codes

__all__ = ["Habits", "Tables", "deliver"]

# How gene cells are written where the mapping lists no values: each means the same in every language.
GENE_WORDS = {1.0: ("mut", "pos", "p.R882H", "c.2645G>A", "positive"), 0.0: ("wt", "WT", "neg", "unmutated", "0")}
PROTEINS = ("p.R175H", "p.Y220C", "p.G245S", "p.R273C")
# Selectors of formats whose measurements are dated one by one.
MEASURED = ("Observation[", "measurement[", "observation[")
# Further genes of a panel, which no use case asks for.
BYSTANDERS = ("CALR", "ETV6-RUNX1", "TERT")


@dataclass
class Habits:
    """How a site writes, beyond its mapping.

    units: variable -> the units of its unit column, taken in turn; blanks: what may stand around a cell; marks: flags of
    the laboratory behind a number; decoys: columns that no mapping names; absent: more ways to write that a number is unknown;
    aliases: gene -> the name that the laboratory uses.
    """

    units: dict[str, tuple[str, ...]] = field(default_factory=dict)
    blanks: tuple[str, ...] = ("",)
    marks: tuple[str, ...] = ("",)
    decoys: tuple[str, ...] = ("Nachname", "MRN")
    absent: tuple[str, ...] = ()
    aliases: dict[str, str] = field(default_factory=dict)


@dataclass
class Tables:
    """files: name -> table of text, one column per selector of the mapping, None for no cell.

    table_of: variable -> the name of its table; rows: name -> the rows that hold the true values, per patient; days: name ->
    the days of these rows.
    """

    files: dict[str, pd.DataFrame]
    mapping: dict
    table_of: dict[str, str]
    rows: dict[str, np.ndarray]
    days: dict[str, np.ndarray]

    def put(self, variable: str, patient: int, text: str, part: str = "column") -> None:
        """Writes a text over the cell that is the patient's value; part: or over its `unit_column`, `uln_column` or `date`."""
        alias = self.table_of[variable]
        self.files[alias].loc[int(self.rows[alias][patient]), self.mapping["variables"][variable][part]] = text

    def clear_others(self, variable: str, patient: int) -> None:
        """Leaves the patient's value as the only one: no other day can stand in for it."""
        alias = self.table_of[variable]
        table, key = self.files[alias], self.files[alias].columns[0]
        row = int(self.rows[alias][patient])
        others = (table[key] == table.loc[row, key]) & (table.index != row)
        table.loc[others, self.mapping["variables"][variable]["column"]] = None


def deliver(clean: pd.DataFrame, mapping: dict, use_case: dict, factors, habits: Habits, seed: int) -> Tables:
    """The tables of all files of the mapping."""
    return _Writer(clean, mapping, use_case, factors, habits, seed).tables()


class _Writer:
    def __init__(self, clean, mapping, use_case, factors, habits: Habits, seed: int):
        self.clean, self.mapping, self.use_case, self.factors, self.habits = clean, mapping, use_case, factors, habits
        self.rng, self.n = np.random.default_rng(seed), len(clean)
        self.first = next(iter(mapping["files"]))
        self.index = clean[use_case["follow_up"]["index"]].to_numpy()
        self.window = mapping.get("window") or use_case.get("window") or (-60, 30)

    def tables(self) -> Tables:
        tables = Tables({}, self.mapping, {}, {}, {})
        variants = (self.mapping.get("variants") or {}).get("file")
        for name, (file, specs, repeated) in self._groups().items():
            visits = self._visits(repeated)
            tables.files[name] = self._table(name, file, specs, visits)
            true = visits.loc[visits["kind"] == "true"].sort_values("patient").index.to_numpy()
            tables.rows[name], tables.days[name] = true, visits.loc[true, "day"].to_numpy()
            tables.table_of |= dict.fromkeys(specs, name)
        if variants:
            tables.files[variants] = self._variants()
        return tables

    def _groups(self) -> dict[str, tuple[dict, dict, bool]]:
        """Name of a table -> the form of its file, its variables, and whether it has many rows per patient."""
        groups: dict[str, tuple[dict, dict, bool]] = {}
        for name, spec in self.mapping["variables"].items():
            alias = spec.get("file") or self.first
            file = self.mapping["files"].get(alias) or {}
            repeated = bool(file.get("repeated"))
            dated = self.mapping["reader"] == "redcap" and spec.get("date")
            if not repeated and (dated or spec["column"].startswith(MEASURED)):
                alias, repeated = f"{alias} measured", True
            groups.setdefault(alias, (file, {}, repeated))[1][name] = spec
        return {self.first: groups.pop(self.first), **groups}

    def _visits(self, repeated: bool) -> pd.DataFrame:
        """Rows of a file: patient, day, and whether this is the true measurement, one further away, or one outside the window."""
        patients = np.arange(self.n)
        offset = self.rng.integers(-9, 10, self.n)
        visits = [pd.DataFrame({"patient": patients, "day": self.index + offset, "kind": "true"})]
        if not repeated:
            return visits[0]
        low, high = self.window
        for kind, days in (
            ("near", self.index + self.rng.choice([-1, 1], self.n) * self.rng.integers(11, min(-low, high), self.n)),
            ("outside", self.index + high + self.rng.integers(5, 400, self.n)),
            ("outside", self.index + low - self.rng.integers(5, 400, self.n)),
        ):
            some = self.rng.random(self.n) < 0.5
            visits.append(pd.DataFrame({"patient": patients, "day": days, "kind": kind})[some])
        visits.append(visits[0][self.rng.random(self.n) < 0.2].assign(kind="again"))
        joined = pd.concat(visits, ignore_index=True)
        return joined.iloc[self.rng.permutation(len(joined))].reset_index(drop=True)

    def _table(self, alias: str, file: dict, specs: dict, visits: pd.DataFrame) -> pd.DataFrame:
        patients, columns = visits["patient"].to_numpy(), {}
        columns[file.get("patient_id") or self.mapping["patient_id"]] = self.clean["patient_id"].to_numpy()[patients]
        for decoy in self.habits.decoys:
            columns[decoy] = np.array(
                [f"{decoy} {number}" for number in self.rng.permutation(len(visits))], dtype=object
            )
        panel = self.mapping.get("panel") or {}
        if panel.get("column") and (panel.get("file") or self.first) == alias:
            columns[panel["column"]] = self.clean["panel"].to_numpy()[patients]
        names = list(specs)
        for name in [names[place] for place in self.rng.permutation(len(names))]:
            columns |= self._variable(name, specs[name], file, visits)
        if any(spec["column"].startswith(MEASURED) for spec in specs.values()):
            columns["sampled"] = as_dates(visits["day"].to_numpy())
        if file.get("date"):
            columns[file["date"]] = as_dates(visits["day"].to_numpy(), (file.get("date_format") or ["YYYY-MM-DD"])[0])
        return pd.DataFrame(columns, dtype=object)

    def _variable(self, name: str, spec: dict, file: dict, visits: pd.DataFrame) -> dict[str, np.ndarray]:
        values = self._values(name, visits)
        columns, definition = {}, self.use_case["variables"][name]
        if definition["type"] == "number" and not spec.get("values"):
            columns = self._number(name, spec, definition, values)
            texts = columns[spec["column"]]
        elif definition["type"] == "date":
            texts = as_dates(values.to_numpy(), date_format(spec, self.mapping))
        elif definition["type"] == "karyotype":
            texts = values.to_numpy(dtype=object)
        else:
            texts = self._words(name, spec, definition, values)
        if spec.get("date"):
            columns[spec["date"]] = as_dates(visits["day"].to_numpy(), date_format(spec, self.mapping))
        columns[spec["column"]] = self._around(texts, definition["type"])
        return columns

    def _values(self, name: str, visits: pd.DataFrame) -> pd.Series:
        """True values, those of other patients on other days; where the true one is unknown no other day in the window knows it."""
        clean, kind = self.clean[name], visits["kind"].to_numpy()
        own = clean.iloc[visits["patient"]].reset_index(drop=True)
        other = (
            clean.iloc[self.rng.permutation(self.n)]
            .reset_index(drop=True)
            .iloc[visits["patient"]]
            .reset_index(drop=True)
        )
        values = own.where(np.isin(kind, ("true", "again")), other)
        return values.mask((kind == "near") & own.isna().to_numpy())

    def _number(self, name: str, spec: dict, definition: dict, values: pd.Series) -> dict[str, np.ndarray]:
        numbers, columns, n = values.to_numpy(dtype=float), {}, len(values)
        units = np.full(n, spec.get("unit") or definition["unit"], dtype=object)
        beside = spec.get("unit_column") or (f"{spec['column']} unit" if spec["column"].startswith(MEASURED) else None)
        if beside and name in self.habits.units:
            choices = self.habits.units[name]
            units = np.array([choices[place] for place in self.rng.integers(0, len(choices), n)], dtype=object)
        if beside:
            columns[beside] = units
        uln = self._limits(spec, n, columns)
        target = definition["unit"]
        if uln is not None and target == "1":
            numbers, target = numbers * uln, spec["unit"]
        scaled = np.array(
            [self._back(name, unit, target, number) for unit, number in zip(units, numbers, strict=True)], dtype=float
        )
        texts = as_numbers(scaled, spec, self.mapping)
        marks = self.habits.marks
        texts = [None if text is None else text + marks[self.rng.integers(0, len(marks))] for text in texts]
        columns[spec["column"]] = np.array(texts, dtype=object)
        return columns

    def _back(self, name: str, unit: str, target: str, number: float) -> float:
        from hemapilots.harmonize.reading.units import conversion

        made = conversion(name, unit, target, self.factors, name)
        return (number - made.offset) / made.scale

    def _limits(self, spec: dict, n: int, columns: dict) -> np.ndarray | None:
        if spec.get("uln_column"):
            limits = np.array([214.0, 225.0, 246.0, 250.0])[self.rng.integers(0, 4, n)]
            decimal = form_of(spec, self.mapping, "decimal") or "."
            columns[spec["uln_column"]] = np.array(
                [f"{limit:.1f}".replace(".", decimal) for limit in limits], dtype=object
            )
            return limits
        return None if spec.get("uln") is None else np.full(n, float(spec["uln"]))

    def _words(self, name: str, spec: dict, definition: dict, values: pd.Series) -> np.ndarray:
        if definition.get("gene") and definition["type"] == "flag" and not spec.get("values"):
            codes = GENE_WORDS
        else:
            codes = raw_codes(name, spec, definition, self.mapping)
        file = self.mapping["files"].get(spec.get("file") or self.first) or {}
        codes = {value: _writable(words, file.get("encoding") or "utf-8") for value, words in codes.items()}
        texts = [None if pd.isna(value) else codes[value][self.rng.integers(0, len(codes[value]))] for value in values]
        return np.array(texts, dtype=object)

    def _around(self, texts: np.ndarray, kind: str) -> np.ndarray:
        """Unknown cells get a code for missing, others blanks."""
        codes = [code for code in self.mapping.get("missing") or {} if code] or [""]
        if kind == "number":
            codes += [*self.habits.absent, *(f"{code:g}" for code in self.mapping.get("sentinels") or ())]
        out = np.empty(len(texts), dtype=object)
        for place, text in enumerate(texts):
            if text is None:
                out[place] = codes[self.rng.integers(0, len(codes))]
            else:
                out[place] = str(text) + self.habits.blanks[self.rng.integers(0, len(self.habits.blanks))]
        return out

    def _variants(self) -> pd.DataFrame:
        """One row per variant, and some of genes that nobody asked for."""
        declared, rows = self.mapping["variants"], []
        unit = 100 if declared.get("vaf_unit") == "%" else 1
        decimal = self.mapping["files"][declared["file"]].get("decimal") or "."
        ids = self.clean["patient_id"].to_numpy()
        genes = {spec["gene"] for spec in self.use_case["variables"].values() if spec.get("gene")}
        for gene in sorted(genes):
            counts, fractions = self._mutations(gene)
            for patient in np.flatnonzero(counts > 0):
                for number in range(int(counts[patient])):
                    share = 0.05 if number else fractions[patient]
                    rows.append((ids[patient], self.habits.aliases.get(gene, gene), PROTEINS[number], share))
        rows += [(ids[place], BYSTANDERS[place % 3], "p.V1L", 0.4) for place in range(0, self.n, 4)]
        order = self.rng.permutation(len(rows))
        texts = [f"{share * unit:.6g}".replace(".", decimal) for *_, share in rows]
        columns = {
            self.mapping["files"][declared["file"]].get("patient_id") or self.mapping["patient_id"]: [
                row[0] for row in rows
            ],
            declared["gene"]: [row[1] for row in rows],
            declared["protein"]: [row[2] for row in rows],
            declared["vaf"]: texts,
        }
        if declared.get("classification"):
            columns[declared["classification"]] = [declared["oncogenic"][0]] * len(rows)
        return pd.DataFrame(columns, dtype=object).iloc[order].reset_index(drop=True)

    def _mutations(self, gene: str) -> tuple[np.ndarray, np.ndarray]:
        """How many variants of a gene each patient has and the highest fraction."""
        counts, fractions = np.zeros(self.n), np.full(self.n, 0.3)
        for name, spec in self.use_case["variables"].items():
            if spec.get("gene") != gene:
                continue
            values = np.nan_to_num(self.clean[name].to_numpy(dtype=float))
            if spec["of_variants"] == "max_vaf":
                fractions = np.where(values > 0, values, fractions)
            else:
                counts = np.maximum(counts, values)
        return counts, fractions


def _writable(words: tuple[str, ...], encoding: str) -> list[str]:
    """The words that an encoding has letters for."""
    return [word for word in words if word.encode(encoding, "ignore").decode(encoding) == word]
