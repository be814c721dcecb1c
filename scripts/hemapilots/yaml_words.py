"""What is wrong with a value of a YAML file, in the words of those who write it: no type names of a program, no patterns of signs."""

__all__ = ["PATTERNS", "ill_formed", "no_value", "said"]

# Pattern of a text -> what it asks for.
PATTERNS = {
    r"^[a-z][a-z0-9-]{0,62}$": "a name of lower-case letters, digits and hyphens that starts with a letter, up to 63 signs",
    r"^[a-z][a-z0-9_]{0,62}$": "a name of lower-case letters, digits and underscores that starts with a letter, up to 63 signs",
    r"^[A-Z][A-Z0-9_]{0,62}$": "the name of an environment variable: capital letters, digits and underscores",
    r"^(?:DD|MM|YYYY)(?:[-./ ]?(?:DD|MM|YYYY)){0,2}$": "a form of dates made of DD, MM and YYYY, such as DD.MM.YYYY",
    r"^https://": "an address that starts with https://",
    r"\S": "a text that is not blank",
    r"^[0-9a-f]{64}$": "a SHA-256: 64 digits and letters from a to f",
}
_LIST, _KEYS = "it must be a list; write it as in [a, b]", "keys with their values belong here, one per line beneath it"
_NUMBER, _WHOLE, _TRUTH = "it must be a number", "it must be a whole number", "it must be true or false"
_KINDS = {
    **dict.fromkeys(("tuple_type", "list_type"), _LIST),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type", "mapping_type"), _KEYS),
    **dict.fromkeys(("float_type", "float_parsing"), _NUMBER),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), _WHOLE),
    **dict.fromkeys(("bool_type", "bool_parsing"), _TRUTH),
    "string_type": "it must be a text; put quotes around what looks like a number, a date or a truth value",
}


def said(fault: dict) -> str:
    """The message of a fault that pydantic found."""
    context, kind = fault.get("ctx", {}), fault["type"]
    if kind == "string_too_short" or (fault.get("input", "") is None and kind != "missing"):
        return "it is empty; write something behind the colon, or leave the line out where the field is not required"
    if kind == "string_pattern_mismatch":
        return f"it must be {PATTERNS.get(context['pattern'], 'written otherwise; config/README.md says how')}"
    if kind in ("too_short", "too_long"):
        least, bound = (
            ("at least", context.get("min_length")) if kind == "too_short" else ("at most", context.get("max_length"))
        )
        return f"it has {context.get('actual_length')} entries and needs {least} {bound}"
    if kind == "missing" and fault["loc"] and isinstance(fault["loc"][-1], int):
        return f"an entry is missing: it is number {fault['loc'][-1] + 1} of the list"
    return _KINDS.get(kind, fault["msg"].removeprefix("Value error, "))


_BRACKET = "a bracket is not closed before this place; close it"
_INDENTED = "the line is indented otherwise than what it belongs to; indent it by as many spaces as its neighbours"
# What the parser says -> what is wrong and what to do.
_PROBLEMS = {
    "found a tab character that violates indentation": "a tab indents the line; use spaces",
    "found character that cannot start any token": "a tab, or one of @ ` %, stands where a value starts; indent by spaces, "
    "or put quotes around the value",
    "mapping values are not allowed in this context": "a colon stands within a text, or the line is indented too far; "
    "put quotes around the text, or indent it like its neighbours",
    "found unexpected end of stream": "a quote is not closed before the end of the file; close it",
    "did not find expected key": _INDENTED,
    "did not find expected '-' indicator": _INDENTED,
    "did not find expected ',' or '}'": _BRACKET,
    "did not find expected ',' or ']'": _BRACKET,
    "found undefined alias": "what starts with * repeats an anchor, and there is no such anchor; put quotes around a text, "
    "or mend the name",
}
_TAGS = {
    "timestamp": "is no day of the calendar; write year-month-day, such as 2020-12-31, or put quotes around a text",
    "int": "is no whole number; mend it, or put quotes around a text",
    "float": "is no number; mend it, or put quotes around a text",
}


def ill_formed(problem: str | None) -> str:
    """What is wrong with a file that is no YAML, and the remedy, from what the parser says."""
    problem = problem or "it is no YAML"
    return _PROBLEMS.get(problem, f"{problem}; correct the YAML")


def no_value(text: str, tag: str) -> str:
    """What is wrong with a value that its form makes one of a YAML type (`tag`) that it is not, and the remedy."""
    return f"'{text[:40]}' {_TAGS.get(tag.rpartition(':')[2], 'is not a value of its type; correct it')}"
