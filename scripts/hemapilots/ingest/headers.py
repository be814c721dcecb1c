"""Whether the first row of a file is a header. What is none holds a patient's values, which no message may name."""

import re
from collections import Counter
from collections.abc import Sequence

from hemapilots.texts import BLANKS

__all__ = ["looks_like_data"]

_NUMBER = re.compile(r"[<>≤≥~]?\s*[-+−]?\d[\d.,' \u00a0\u202f]*(?:[eE][-+]?\d+)?\s*%?")
_DATE = re.compile(
    r"\d{1,4}[-./]\d{1,2}(?:[-./]\d{2,4})?(?:[T ].*)?|\d{1,2}[-. ]*[^\W\d_]{3,9}[-. ]*\d{2,4}", re.DOTALL
)
# A patient's number, such as P-0001; V1, V2, V3 are questions of a form.
_NUMBERED = re.compile(r"([^\W\d_]{0,6})[-_/ ]?\d{2,}(?:[-_/]\d+)*")
# So many columns may have a patient number and a sample's under one prefix.
_QUESTIONS = 2


def looks_like_data(header: Sequence[str], recurs: Sequence[bool] | None = None) -> bool:
    """Whether most of a first row is numbers, dates and patient numbers. recurs: which of its cells stand again below it."""
    names = [str(name).strip(BLANKS) for name in header]
    recurs = list(recurs) if recurs is not None else [False] * len(names)
    kept = [(name, again) for name, again in zip(names, recurs, strict=True) if name]
    numbered = {name: found[1].casefold() for name, _ in kept if (found := _NUMBERED.fullmatch(name))}
    stems = Counter(numbered.values())
    plain = [bool(_NUMBER.fullmatch(name) or _DATE.fullmatch(name)) for name, _ in kept]
    # A row that stands again as a whole may be a header that was exported twice.
    twice = all(again for _, again in kept)
    like = [
        value or (again and not twice) or (name in numbered and stems[numbered[name]] <= _QUESTIONS)
        for value, (name, again) in zip(plain, kept, strict=True)
    ]
    told = any(plain) or any(again for _, again in kept)
    return bool(kept) and told and 2 * sum(like) >= len(kept)
