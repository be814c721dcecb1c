"""The queries of the OMOP reader: concept ids are integers; names come from lists or from the catalogue of the source."""

from dataclasses import dataclass, field

__all__ = [
    "DUCKDB",
    "POSTGRES",
    "SQLITE",
    "UNIT_CONCEPT",
    "Columns",
    "Dialect",
    "Query",
    "dates_query",
    "person_query",
    "quoted",
    "values_query",
]

# Concepts of the domain "Meas Value Operator".
OPERATORS = {4171754: "<=", 4171755: ">=", 4171756: "<", 4172703: "", 4172704: ">"}
# A unit that is named by its concept only, until it is looked up.
UNIT_CONCEPT = "OMOP unit concept "

# Column of the CDM -> its name in the source, which may be written in capitals.
Columns = dict[str, str]


@dataclass(frozen=True)
class Dialect:
    """What the kinds of SQL write differently. Each is a template of a column or expression.

    whole: as an integer; number: as text without needless decimals; among: a column in a list of ids.
    """

    whole: str
    number: str
    among: str = "{whole} IN ({ids})"
    bound: bool = False

    def text(self, expression: str) -> str:
        """Trimmed text; null where it is blank."""
        return f"NULLIF(TRIM(CAST({expression} AS VARCHAR)), '')"


_STRIPPED = "NULLIF(REGEXP_REPLACE(TRIM(CAST({0} AS VARCHAR)), '[.]0+$', ''), '')"
DUCKDB = Dialect(whole="TRY_CAST({0} AS BIGINT)", number=_STRIPPED)
POSTGRES = Dialect(
    whole="CAST({0} AS BIGINT)", number=_STRIPPED, among="{whole} = ANY(CAST(%s AS BIGINT[]))", bound=True
)
SQLITE = Dialect(
    whole="CAST({0} AS INTEGER)",
    number="CASE WHEN TYPEOF({0}) = 'real' AND {0} = CAST({0} AS INTEGER) THEN CAST(CAST({0} AS INTEGER) AS VARCHAR) "
    "ELSE NULLIF(TRIM(CAST({0} AS VARCHAR)), '') END",
)


@dataclass(frozen=True)
class Query:
    """SQL whose result has text columns `names`; ids: bound concept ids, where the dialect binds them."""

    sql: str
    names: tuple[str, ...]
    ids: list[int] = field(default_factory=list)


def quoted(name: str) -> str:
    """An identifier in quotation marks."""
    return '"' + name.replace('"', '""') + '"'


def person_query(relation: str, columns: Columns, wanted: list[str], dialect: Dialect) -> Query:
    """Columns of the person table as text, in the order of the table or of its ids."""
    parts = [dialect.text(quoted(columns[name])) for name in wanted]
    return Query(_select(parts, relation, "") + _order(columns, "person_id", dialect), tuple(wanted))


def dates_query(
    relation: str,
    columns: Columns,
    table: str,
    wanted: list[str],
    concept: str | None,
    ids: list[int],
    dialect: Dialect,
) -> Query:
    """person, concept (where there is one) and `wanted` columns of a table, of rows with one of the concepts."""
    named = [("person", "person_id"), *([("concept", concept)] if concept else []), *((name, name) for name in wanted)]
    parts = [dialect.text(quoted(columns[name])) for _, name in named]
    return _finished(parts, tuple(name for name, _ in named), relation, columns, table, concept, ids, dialect)


def values_query(
    relation: str, columns: Columns, table: str, ids: list[int], coded: tuple[list[int], list[int]], dialect: Dialect
) -> Query:
    """person, concept, date, value and unit of measurements or observations with one of the concepts.

    coded: concepts that may be given by the concept of their value alone, and the value concepts that the mapping names.
    """
    concept = f"{table}_concept_id"
    parts = [dialect.text(quoted(columns[name])) for name in ("person_id", concept, f"{table}_date")]
    parts += [_value(columns, concept, coded, dialect), _unit(columns, dialect)]
    names = ("person", "concept", "date", "value", "unit")
    return _finished(parts, names, relation, columns, table, concept, ids, dialect)


def _value(columns: Columns, concept: str, coded: tuple[list[int], list[int]], dialect: Dialect) -> str:
    """The number with its sign, else the value's concept, else its text."""

    def column(name: str, template: str) -> str:
        return template.format(quoted(columns[name])) if name in columns else "NULL"

    number = column("value_as_number", dialect.number)
    of_value = column("value_as_concept_id", dialect.whole)
    texts = [
        dialect.text(quoted(columns[name])) for name in ("value_as_string", "value_source_value") if name in columns
    ]
    text = f"COALESCE({', '.join([*texts, 'NULL'])})"
    concepts, values = coded
    free = _among(dialect.whole.format(quoted(columns[concept])), concepts)
    named = _among(of_value, values)
    return (
        f"CASE WHEN {number} IS NOT NULL THEN {_sign(columns, dialect)} || {number} "
        f"WHEN {of_value} <> 0 AND ({free} OR {named} OR {text} IS NULL) THEN CAST({of_value} AS VARCHAR) "
        f"ELSE {text} END"
    )


def _sign(columns: Columns, dialect: Dialect) -> str:
    """The operator of a number; where no operator is stated, the one with which the source's own text begins."""
    source = "''"
    if "value_source_value" in columns:
        text = f"TRIM(CAST({quoted(columns['value_source_value'])} AS VARCHAR))"
        source = (
            f"CASE WHEN SUBSTR({text}, 1, 2) IN ('<=', '>=') THEN SUBSTR({text}, 1, 2) "
            f"WHEN SUBSTR({text}, 1, 1) IN ('<', '>') THEN SUBSTR({text}, 1, 1) ELSE '' END"
        )
    if "operator_concept_id" not in columns:
        return source
    operator = dialect.whole.format(quoted(columns["operator_concept_id"]))
    known = " ".join(f"WHEN {concept} THEN '{sign}'" for concept, sign in OPERATORS.items())
    return (
        f"CASE COALESCE({operator}, 0) {known} WHEN 0 THEN {source} "
        f"ELSE 'operator ' || CAST({operator} AS VARCHAR) || ' ' END"
    )


def _unit(columns: Columns, dialect: Dialect) -> str:
    parts = ["NULL"]
    if "unit_concept_id" in columns:
        concept = dialect.whole.format(quoted(columns["unit_concept_id"]))
        parts.insert(0, f"CASE WHEN {concept} <> 0 THEN '{UNIT_CONCEPT}' || CAST({concept} AS VARCHAR) END")
    if "unit_source_value" in columns:
        parts.insert(0, dialect.text(quoted(columns["unit_source_value"])))
    return f"COALESCE({', '.join(parts)})" if len(parts) > 1 else "CAST(NULL AS VARCHAR)"


def _among(expression: str, ids: list[int]) -> str:
    return f"{expression} IN ({', '.join(map(str, map(int, ids)))})" if ids else "1 = 0"


def _finished(
    parts, names, relation: str, columns: Columns, table: str, concept: str | None, ids: list[int], dialect: Dialect
) -> Query:
    where, bound = "", []
    if concept:
        whole = dialect.whole.format(quoted(columns[concept]))
        where = dialect.among.format(whole=whole, ids=", ".join(map(str, map(int, ids))))
        bound = [int(number) for number in ids] if dialect.bound else []
    return Query(_select(parts, relation, where) + _order(columns, f"{table}_id", dialect), names, bound)


def _select(parts: list[str], relation: str, where: str) -> str:
    return f"SELECT {', '.join(parts)} FROM {relation}" + (f" WHERE {where}" if where else "")


def _order(columns: Columns, key: str, dialect: Dialect) -> str:
    """By primary key where a source has no order of its own."""
    if dialect is DUCKDB or key not in columns:
        return ""
    return f" ORDER BY {quoted(columns[key])}"
