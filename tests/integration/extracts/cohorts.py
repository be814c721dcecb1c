"""Clean patients of each use case that a source could really have: the rules of the disease, and what the source can know."""

import numpy as np
import pandas as pd

from extracts import clean

__all__ = ["delivered", "draw"]

# Features that stand on their own in a panel: a panel of their gene looks at those with True.
_WITH_GENE = {"FLT3_ITD": ("FLT3", True), "FLT3_TKD": ("FLT3", True), "MLL_PTD": ("KMT2A", False)}


def draw(use_case: dict, mapping: dict, n: int, seed: int) -> pd.DataFrame:
    """n clean patients of a source; column `panel` where the mapping has one."""
    table = clean.draw(use_case, n, seed)
    RULES[use_case["name"]](table, use_case, mapping, seed)
    if "lost" not in str(mapping["variables"].get("vital_status")) and mapping["reader"] in ("fhir", "omop"):
        # These formats do not say who was lost.
        table["vital_status"] = table["vital_status"].replace("lost", "alive")
    if mapping.get("variants") or mapping.get("panel"):
        _genes(table, use_case, mapping, seed)
    _end_follow_up(table, use_case, mapping)
    return table


def _end_follow_up(table: pd.DataFrame, use_case: dict, mapping: dict) -> None:
    """Patients are censored at a date that ends follow-up, where the source delivers it."""
    index = table[use_case["follow_up"]["index"]]
    for entry in use_case["follow_up"]["outcomes"].values():
        for name in {*entry["censored_at"]} & {*mapping["variables"]}:
            end = _years(table[name] - index)
            over = end < table[entry["time"]]
            table.loc[over, entry["time"]], table.loc[over, entry["status"]] = end[over], 0.0


def delivered(use_case: dict, mapping: dict) -> set[str]:
    """The variables that a source gives, by a column or otherwise."""
    variables = use_case["variables"]
    names = {*mapping["variables"], *mapping["derived"]}
    for entry in use_case["follow_up"]["outcomes"].values():
        if {*entry["events"], *entry["competing"]} <= names and (not entry["known"] or entry["known"] in names):
            names |= {entry["time"], entry["status"]}
    if any(variables[name]["type"] == "karyotype" for name in mapping["variables"]):
        names |= {name for name, spec in variables.items() if spec["karyotype"]}
    if mapping["variants"]:
        names |= {name for name, spec in variables.items() if spec["gene"]}
    return names


def _years(days: pd.Series) -> pd.Series:
    return days / clean.DAYS_PER_YEAR


def _mds(table: pd.DataFrame, use_case: dict, mapping: dict, seed: int) -> None:
    table["age"] = _years(table["diagnosis_date"] - table["birth_date"])
    table["sex"] = table["sex"].fillna("F")
    table["consent"] = 1.0
    clean.karyotypes(table, use_case, seed)
    # More leukocytes than neutrophils and monocytes.
    table["wbc"] = np.round(table["wbc"] / 2 + 6.3, 3)
    table["anc"] = np.round(table["anc"].clip(upper=6), 3)
    table["mono"] = np.round(table["mono"].clip(upper=6), 3)
    rng = np.random.default_rng(seed)
    table["transplant_date"] = np.where(rng.random(len(table)) < 0.3, table["diagnosis_date"] + 150, np.nan)
    table["treatment_date"] = np.where(rng.random(len(table)) < 0.6, table["diagnosis_date"] + 60, np.nan)
    # One or two mutations of TP53, with the highest fraction beside them.
    number = rng.choice([0.0, 0.0, 0.0, 1.0, 2.0], len(table))
    table["tp53_nmut"], table["tp53"] = number, (number > 0).astype(float)
    table["tp53_maxvaf"] = np.where(number > 0, np.round(rng.uniform(0.1, 0.9, len(table)), 3), 0.0)


def _mm(table: pd.DataFrame, use_case: dict, mapping: dict, seed: int) -> None:
    rng = np.random.default_rng(seed)
    table["age"] = _years(table["treatment_date"] - table["birth_date"])
    table["diagnosis_date"] = table["treatment_date"] - rng.integers(1, 60, len(table))
    table["asct"] = (rng.random(len(table)) < 0.4).astype(float)
    table["asct_date"] = np.where(
        table["asct"] == 1, table["treatment_date"] + rng.integers(120, 200, len(table)), np.nan
    )
    table["sex"] = table["sex"].fillna("F")
    table["consent"], table["diagnosis"], table["fish_selected"] = 1.0, "active", 1.0
    table["ecog"] = rng.integers(0, 4, len(table)).astype(float)
    table["flc_ratio"] = np.round(table["flc_kappa"] / table["flc_lambda"], 3)
    # At most one translocation.
    kind = rng.integers(0, 8, len(table))
    for place, name in enumerate(("t414", "t1416", "t1420", "t1114")):
        table[name] = table[name].where(table[name].isna(), (kind == place).astype(float))
    table["del17p"] = np.where(table["del17p_percent"].isna(), np.nan, (table["del17p_percent"] >= 20).astype(float))
    stages = clean.derive({name: table[name].to_numpy() for name in table}, use_case)["iss_computed"]
    table["iss"] = stages
    table["ldh_stated"] = np.where(table["ldh_uln"].isna(), table["ldh_stated"], (table["ldh_uln"] > 1).astype(float))


def _scd(table: pd.DataFrame, use_case: dict, mapping: dict, seed: int) -> None:
    rng, n = np.random.default_rng(seed), len(table)
    table["birth_date"] = table["enrolment_date"] - rng.integers(3 * 365, 16 * 365, n)
    table["age"] = _years(table["enrolment_date"] - table["birth_date"])
    table["sex"] = table["sex"].fillna("F")
    table["consent"], table["steady_state"], table["recently_transfused"] = 1.0, 1.0, 0.0
    table["curative_date"] = np.where(rng.random(n) < 0.1, table["enrolment_date"] + 300, np.nan)
    # What comes after a cure does not count, where the source tells of it: observation ends there.
    told = "curative_date" in mapping["variables"]
    ended = told & (table["os_years"] > _years(table["curative_date"] - table["enrolment_date"]))
    table.loc[ended, "os_years"] = _years(table["curative_date"] - table["enrolment_date"])[ended]
    table.loc[ended, "os_status"] = 0.0
    table["crisis_date"] = table["enrolment_date"] - rng.integers(900, 1500, n)
    table["transfusion_date"] = table["enrolment_date"] - rng.integers(900, 1500, n)
    table["transfusion"] = np.array(["none", "occasional"], dtype=object)[rng.integers(0, 2, n)]
    # Fractions add up to 100; HbC and HbA as the genotype has them.
    genotype = np.array(["SS", "S_beta0", "S_beta_plus", "S_beta", "SC"], dtype=object)[rng.integers(0, 5, n)]
    table["genotype"] = genotype
    with_c, plus = genotype == "SC", np.isin(genotype, ["S_beta_plus", "S_beta"])
    table["hbc"] = np.where(with_c, 45.0, 0.0)
    table["hba"] = np.where(plus, np.round(rng.uniform(12, 25, n), 1), 0.0)
    table["hba2"] = np.round(rng.uniform(2, 5, n), 1)
    table["hbf"] = np.round(rng.uniform(1, 8, n), 1)
    table["hbs"] = np.round(100 - table[["hbc", "hba", "hba2", "hbf"]].sum(axis=1), 1)
    table["tcd_method"] = np.array(["tamm"] * n, dtype=object)
    table.loc[np.isin(genotype, ["SC", "S_beta_plus"]), "tcd_tamm"] = np.nan
    table["wbc"] = np.round(table["wbc"] / 2 + 15, 3)
    table["anc"] = np.round(table["anc"].clip(upper=14), 3)
    table["acs_ever"] = np.where(table["acs_12m"] > 0, 1.0, table["acs_ever"])
    table["hydroxyurea"] = np.where(table["hydroxyurea_dose"] > 0, 1.0, table["hydroxyurea"])
    table["age_at_diagnosis"] = np.round(table["age"] * 0.5, 2)
    # A velocity is known where there is a jet.
    table["trv_jet"] = np.where(table["trv"].isna(), "no_jet", "jet").astype(object)


RULES = {"mds": _mds, "mm": _mm, "scd": _scd}


def _genes(table: pd.DataFrame, use_case: dict, mapping: dict, seed: int) -> None:
    """Genes of a table of variants: none is unknown but what the patient's panel does not hold."""
    rng, panel = np.random.default_rng(seed), mapping.get("panel")
    # One list of genes for all patients holds every gene of the use case.
    panel = panel if panel and panel.get("column") else None
    if panel:
        names = list(panel["genes"])
        table["panel"] = np.array(names, dtype=object)[rng.integers(0, len(names), len(table))]
    for name, spec in use_case["variables"].items():
        if not spec["gene"]:
            continue
        table[name] = table[name].fillna(0)
        if panel:
            gene, shared = _WITH_GENE.get(spec["gene"], (spec["gene"], True))
            holds = {
                panel: (shared and gene in genes) or spec["gene"] in genes for panel, genes in panel["genes"].items()
            }
            table.loc[~table["panel"].map(holds), name] = np.nan
    if "flt3_any" in table and "flt3_any" not in mapping["variables"]:
        table["flt3_any"] = table[["flt3_any", "flt3_itd", "flt3_tkd"]].max(axis=1, skipna=False)
