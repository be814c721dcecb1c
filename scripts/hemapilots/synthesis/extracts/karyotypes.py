"""Karyotypes as laboratories write them (ISCN), from the lesions and the category of the clean table.

resources/codes/karyotype_texts.yaml says how a lesion is written, how many changes there are and with what they are filled up.
"""

import re
from functools import lru_cache

import numpy as np
import yaml

from hemapilots.expressions import parse
from hemapilots.paths import RESOURCES
from hemapilots.synthesis.extracts.source import Source

__all__ = ["karyotype_texts"]

_CHROMOSOME = re.compile(r"[0-9]+")
_CELLS = 20


@lru_cache(maxsize=1)
def _rules() -> dict:
    return yaml.safe_load((RESOURCES / "codes" / "karyotype_texts.yaml").read_text(encoding="utf-8"))


def karyotype_texts(source: Source) -> np.ndarray:
    """One text per patient, None where nothing is known of the karyotype; each distinct karyotype is written once."""
    rules, n = _rules(), len(source.clean)
    conditions = [rule["when"] for rule in (*rules["changes"], rules["first"], rules["sexes"])]
    conditions += [rules["independent"], rules["number"]]
    facts = np.column_stack([np.broadcast_to(parse(text).evaluate(source.clean), (n,)) for text in conditions])
    chance = source.rng.integers(0, (len(rules["others"]), _CELLS - 8), (n, 2))
    known = ~np.isnan(facts[:, -1])
    distinct, which = np.unique(
        np.nan_to_num(np.hstack([facts, chance])[known]).astype(int), axis=0, return_inverse=True
    )
    texts = np.full(n, None, dtype=object)
    texts[known] = np.array([_written(rules, row.tolist()) for row in distinct], dtype=object)[which.ravel()]
    return texts


def _written(rules: dict, facts: list[int]) -> str:
    *lesions, first, second_sex, independent, number, start, normal = facts
    found = [rule["change"] for rule, has in zip(rules["changes"], lesions, strict=True) if has]
    others = rules["others"][start:] + rules["others"][:start]
    fill = [rules["first"]["change"], *others] if first else others
    found += fill[: max(number - len(found), 0)]
    sexes = rules["sexes"]["then" if second_sex else "else"]
    groups = [[change] for change in found] if independent else [found] if found else []
    # At least three cells of each clone, which is what the loss of a chromosome needs.
    cells = (_CELLS - normal) // max(len(groups), 1)
    rest = _CELLS - cells * len(groups)
    clones = [_clone(sexes, group, cells) for group in groups]
    return "/".join([*clones, *([f"46,{sexes}[{rest}]"] if rest else [])])


def _clone(sexes: str, changes: list[str], cells: int) -> str:
    """46,XY,del(5)(q13q33)[12]: the number of chromosomes, the sex chromosomes, the changes in the order of chromosomes."""
    number = 46 + sum(change[0] == "+" for change in changes) - sum(change[0] == "-" for change in changes)
    lost = [change for change in changes if change[-1] == "Y"]
    rest = sorted((change for change in changes if change not in lost), key=_chromosome)
    return ",".join([str(number), sexes.removesuffix("Y") if lost else sexes, *lost, *rest]) + f"[{cells}]"


def _chromosome(change: str) -> int:
    return int(_CHROMOSOME.search(change)[0])
