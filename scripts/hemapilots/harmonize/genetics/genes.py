"""Genes: approved symbols for what laboratories call them, and cells that say whether a gene is mutated.

Tables: resources/codes/genes.csv (HGNC numbers, symbols, aliases; a `feature` such as an internal tandem duplication belongs
to a gene and is none) and resources/codes/variant_words.csv (words of eight languages). Every pattern here is matched against
short pieces of bounded texts.
"""

import csv
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hemapilots.paths import RESOURCES

__all__ = [
    "Gene",
    "is_excel_artifact",
    "is_polymorphism",
    "is_uncertain",
    "known",
    "read_gene_cells",
    "read_gene_counts",
    "symbol",
]

MAXIMUM = 400
_MONTHS = (
    "jan|feb|mar|mrz|mär|mrt|apr|may|mai|mei|mag|jun|giu|jul|lug|aug|aoû|ago|sep|set|oct|okt|out|ott|nov|dec|dez|dic|déc|"
    "ιαν|φεβ|μαρ|μάρ|απρ|μαϊ|μάι|ιουν|ιουλ|αυγ|σεπ|οκτ|νοε|δεκ"
)
_DAMAGE = tuple(
    re.compile(pattern)
    for pattern in (
        rf"[0-9]{{1,2}}[-. /]{{1,2}}(?:{_MONTHS})[a-zα-ω]{{0,8}}\.?",
        rf"(?:{_MONTHS})[a-zα-ω]{{0,8}}\.?[-. /]{{1,2}}[0-9]{{2,4}}",
        rf"[0-9]{{1,2}}[-. /]{{1,2}}(?:{_MONTHS})[a-zα-ω]{{0,8}}\.?[-. /]{{1,2}}[0-9]{{2,4}}",
        r"(?:19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}(?:[t ][0-9:.]{4,15})?",
        r"[0-9]{1,2}[./][0-9]{1,2}[./](?:[0-9]{2}){1,2}",
    )
)
_TRANSCRIPT = re.compile(
    r"(?:N[MPRCG]_[0-9]{4,12}|ENS[TPG][0-9]{8,15}|LRG_[0-9tp]{1,8})(?:\.[0-9]{1,3})?(?:\([A-Za-z0-9_-]{1,15}\))?:"
)
_ACID = (
    "(?:Ala|Arg|Asn|Asp|Cys|Gln|Glu|Gly|His|Ile|Leu|Lys|Met|Phe|Pro|Ser|Thr|Trp|Tyr|Val|Ter|[ACDEFGHIKLMNPQRSTVWYX*])"
)
_PROTEIN = re.compile(rf"p\.\(?{_ACID}[0-9]{{1,5}}[A-Za-z0-9_*=?>]{{0,80}}\)?", re.IGNORECASE)
_SHORT_PROTEIN = re.compile(
    rf"{_ACID}[0-9]{{1,5}}(?:{_ACID}|(?:{_ACID})?fs[*X]?[0-9]{{0,4}}|(?:_{_ACID}[0-9]{{1,5}})?(?:del|dup|ins|delins)[A-Za-z0-9*]{{0,60}})"
)
_CODING = re.compile(r"[cgnmr]\.[-*]?[0-9]{1,9}[A-Za-z0-9_+*>=?-]{0,80}")
_LETTERS = dict(
    zip(
        "ala arg asn asp cys gln glu gly his ile leu lys met phe pro ser thr trp tyr val".split(),
        "arndcqeghilkmfpstwyv",
        strict=True,
    )
)
_THREE = re.compile("|".join(_LETTERS))
_SILENT = re.compile(r"p\.(?:\(?=\)?|\(?[A-Za-z]{1,3}[0-9]{1,5}=\)?)")
_FRACTION = re.compile(
    r"(?:\bvaf\b|\baf\b)?[ :=~]{0,3}[0-9]{1,3}(?:[.,][0-9]{1,4})? ?%|\bvaf\b[ :=~]{0,3}[0-9]{0,3}[.,]?[0-9]{1,4}",
    re.IGNORECASE,
)
_EXON = re.compile(r"\b(?:exon|ex\.?|intron) ?[0-9]{1,2}\b", re.IGNORECASE)
_SEPARATOR = re.compile(r"[;|&\n]|, |,(?=[pc]\.)| and | und | et | e | y | en | και | / | \+ |/(?=[pc]\.)")
_NUMBERED = re.compile(r"([0-9]{1,2})(\+)? ?[x×]? ?([^0-9]{0,20})")


@dataclass(frozen=True)
class Gene:
    """hgnc: None for a feature. feature_of: the gene it belongs to; words: what a variant's description says where it is this
    feature; counts_for_gene: such a variant is a mutation of the gene too; assayed_with_gene: a panel that names the gene has it;
    polymorphisms: changes as `change` writes them that healthy people have and that are no mutations."""

    symbol: str
    hgnc: int | None
    feature_of: str | None = None
    words: tuple[str, ...] = ()
    counts_for_gene: bool = True
    assayed_with_gene: bool = True
    polymorphisms: frozenset[str] = frozenset()


@lru_cache(maxsize=1)
def known() -> tuple[dict[str, Gene], dict[str, str]]:
    """(symbol -> Gene, folded symbol, alias or HGNC number -> symbol)."""
    genes, names = {}, {}
    with open(RESOURCES / "codes" / "genes.csv", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            gene = Gene(
                row["symbol"],
                int(row["hgnc"]) if row["hgnc"] else None,
                row["feature_of"] or None,
                tuple(word for word in row["words"].split("|") if word),
                row["counts_for_gene"] != "no",
                row["assayed_with_gene"] != "no",
                frozenset(change for change in row["polymorphisms"].split("|") if change),
            )
            genes[gene.symbol] = gene
            for alias in row["aliases"].split("|"):
                names.setdefault(_name(alias), gene.symbol)
            if gene.hgnc:
                names[f"HGNC:{gene.hgnc}"] = gene.symbol
    # An approved symbol stands above another gene's alias.
    names |= {_name(name): name for name in genes}
    names.pop("", None)
    return genes, names


def symbol(text: str | None) -> str | None:
    """The approved symbol (or feature) of a symbol, alias, or HGNC number (`HGNC:7132`, `7132`); None where it is none."""
    if not isinstance(text, str) or len(text) > 60:
        return None
    name = _name(text)
    names = known()[1]
    return names.get(name) or (names.get(f"HGNC:{name}") if name.isascii() and name.isdigit() else None)


def _name(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().upper().replace("‐", "-").replace("–", "-")


def is_excel_artifact(text: str | None) -> bool:
    """Whether a text is a date such as a spreadsheet makes of MARCH2, SEPT9 or DEC1: `2-Mar`, `9. Sep`, `1-déc`, `2001-09-09`."""
    if not isinstance(text, str) or len(text) > 40:
        return False
    text = unicodedata.normalize("NFC", text).strip().lower()
    return any(pattern.fullmatch(text) for pattern in _DAMAGE)


@lru_cache(maxsize=1)
def _words() -> dict[str, dict[str, str]]:
    """kind -> folded words: `value` (exact texts), `uncertain` (anywhere), `noun` (behind a number)."""
    result: dict[str, dict] = {"value": {}, "uncertain": {}, "noun": {}}
    with open(RESOURCES / "codes" / "variant_words.csv", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            kind = row["value"] if row["value"] in ("uncertain", "noun") else "value"
            result[kind][_fold(row["text"])] = row["value"]
    return result


def _fold(text: str) -> str:
    """Case, accents, full stops, hyphens between letters and repeated white space do not matter."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter)).replace("ς", "σ")
    if len(plain.strip()) > 1:
        plain = re.sub(r"(?<=[^\W\d])[-_](?=[^\W\d])", " ", plain).strip(" .!:,")
    return " ".join(plain.split())


def read_gene_cells(texts: np.ndarray, gene: str | None = None) -> tuple[np.ndarray, np.ndarray]:
    """(values, reasons) of distinct texts of a gene's column: 1 mutated, 0 not, nan with a reason where it is not understood.

    gene: whose column it is, which decides what is a polymorphism of it and no mutation; where it is not given, the text may
    name it. reasons: object; None where there is a value, else a reason of `findings.REASONS`.
    """
    read = [_read(text, symbol(gene)) if isinstance(text, str) else (np.nan, np.nan, "missing") for text in texts]
    return np.array([value for value, _, _ in read], dtype=float), _objects([reason for _, _, reason in read])


def read_gene_counts(texts: np.ndarray, gene: str | None = None) -> tuple[np.ndarray, np.ndarray]:
    """(counts, reasons) of distinct texts that say how many mutations there are: `2`, `2+`, `2 mutations`, `p.R175H; p.Y220C`, `wt`."""
    read = [_read(text, symbol(gene)) if isinstance(text, str) else (np.nan, np.nan, "missing") for text in texts]
    counts = np.array([count for _, count, _ in read], dtype=float)
    reasons = [
        None if known_count else (reason or "free_text_unmapped")
        for known_count, (_, _, reason) in zip(np.isfinite(counts), read, strict=True)
    ]
    return counts, _objects(reasons)


def _objects(values: list) -> np.ndarray:
    result = np.empty(len(values), dtype=object)
    result[:] = values
    return result


@lru_cache(maxsize=20_000)
def _read(text: str, gene: str | None = None) -> tuple[float, float, str | None]:
    """(mutated, how many, why unknown)."""
    text = unicodedata.normalize("NFKC", text).strip()
    if not text or len(text) > MAXIMUM:
        return np.nan, np.nan, "free_text_unmapped" if text else "missing"
    if is_excel_artifact(text):
        return np.nan, np.nan, "excel_artifact"
    found = _word(text) or _number(text)
    if found:
        return found
    if is_uncertain(text):
        return np.nan, np.nan, "code_unknown"
    plain = _plain(text)
    found = _word(plain) or _number(plain)
    return found or _pieces(plain, gene or symbol(text.partition(" ")[0].strip(":")))


def is_uncertain(text: str) -> bool:
    """Whether a text says that the significance of a variant is not known."""
    folded = f" {re.sub(r'[^a-z0-9α-ω]+', ' ', _fold(text))} "
    return any(f" {word} " in folded for word in _words()["uncertain"])


def is_polymorphism(gene: str | None, text: str) -> bool:
    """Whether a change (`p.(Pro72Arg)`, `P72R`, `c.215C>G`) is one that healthy people have in this gene."""
    entry = known()[0].get(gene or "")
    return entry is not None and bool(entry.polymorphisms) and _change(text) in entry.polymorphisms


def _change(text: str) -> str:
    """`p72r`, `c.215c>g`: without transcript and brackets, amino acids in one letter."""
    text = _TRANSCRIPT.sub("", text).lower().strip("()[],;: ").removeprefix("p.").strip("()")
    return _THREE.sub(lambda found: _LETTERS[found[0]], text)


def _word(text: str) -> tuple[float, float, str | None] | None:
    value = _words()["value"].get(_fold(text))
    if value is None:
        named = known()[0].get(symbol(text) or "")
        return (1.0, 1.0, None) if named and named.feature_of else None
    if value == "not_assayed":
        return np.nan, np.nan, value
    # "mutated" says that there is a mutation and not how many; the figure 1 does.
    counted = float(value) if value == "0" or text.strip()[:1].isdigit() else np.nan
    return float(value), counted, None


def _number(text: str) -> tuple[float, float, str | None] | None:
    """`2 mutations`, `2x`, `2+`; a bare number above 1 is a count and says nothing that a flag could be sure of."""
    found = _NUMBERED.fullmatch(text)
    if not found:
        return None
    number, noun = float(found[1]), _fold(found[3])
    if noun in _words()["noun"]:
        return float(number > 0), number, None
    if noun or number > 20:
        return None
    return np.nan, number, "code_unknown"


def _plain(text: str) -> str:
    """Without the gene's own name in front, exons, allele fractions and what stands in round brackets behind a blank."""
    head, _, tail = text.partition(" ")
    if tail and symbol(head.strip(":")) and not _words()["value"].get(_fold(head)):
        text = tail
    text = _EXON.sub(" ", _FRACTION.sub(" ", text))
    text = re.sub(r"(?:^|(?<= ))\([^()]{0,80}\)|\( {0,9}\)", " ", text)
    return " ".join(text.split()).strip(" :,;")


def _pieces(text: str, gene: str | None) -> tuple[float, float, str | None]:
    """One or several variants; every piece must be understood. A polymorphism alone says nothing of mutations."""
    values, variants, benign = [], 0, False
    for piece in _SEPARATOR.split(text):
        if any(is_polymorphism(gene, part) for part in piece.split()):
            benign = True
            continue
        for part in piece.split():
            kind = _variant(part.strip("()[],;:"), part)
            if kind is None:
                found = _word(piece)
                if found is None or np.isnan(found[0]):
                    return np.nan, np.nan, "free_text_unmapped"
                values.append(found[0])
                break
            values.append(kind)
        variants += 1 if piece.strip() else 0
    if not values:
        return np.nan, np.nan, "code_unknown" if benign else "free_text_unmapped"
    mutated = float(max(values))
    if any(value == 0 for value in values) and mutated:
        # A silent protein beside its coding change is no mutation; a list of both kinds is not sure.
        return (0.0, 0.0, None) if variants == 1 else (np.nan, np.nan, "free_text_unmapped")
    return mutated, float(variants) * mutated, None


def _variant(part: str, whole: str) -> float | None:
    """1 for a change in HGVS or in the short form `R882H`, 0 for a silent one, None for anything else."""
    part = _TRANSCRIPT.sub("", part)
    whole = _TRANSCRIPT.sub("", whole).strip(",;")
    if _SILENT.fullmatch(part) or _SILENT.fullmatch(whole):
        return 0.0
    for text in (part, whole):
        if _PROTEIN.fullmatch(text) or _CODING.fullmatch(text) or _SHORT_PROTEIN.fullmatch(text):
            return 0.0 if text.endswith("=") else 1.0
    return None
