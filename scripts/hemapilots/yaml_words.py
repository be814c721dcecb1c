"""What is wrong with a value of a YAML file, in the words of those who write it: no type names of a program, no patterns of signs."""

__all__ = ["PATTERNS", "said"]

# Pattern of a text -> what it asks for.
PATTERNS = {
    r"^[a-z][a-z0-9-]{0,62}$": "a name of lower-case letters, digits and hyphens that starts with a letter, up to 63 signs",
    r"^[a-z][a-z0-9_]{0,62}$": "a name of lower-case letters, digits and underscores that starts with a letter, up to 63 signs",
    r"^[A-Z][A-Z0-9_]{0,62}$": "the name of an environment variable: capital letters, digits and underscores",
    r"^(?:DD|MM|YYYY)(?:[-./ ]?(?:DD|MM|YYYY)){0,2}$": "a form of dates made of DD, MM and YYYY, such as DD.MM.YYYY",
    r"^https://": "an address that starts with https://",
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
