"""Writes workflow/schemas/*.json, JSON Schemas of the YAML files for editors, from the models that check them."""

import json
import sys
from pathlib import Path

from hemapilots.config.mapping import Mapping
from hemapilots.config.pilot import Pilot, Settings
from hemapilots.config.protocol import Protocol
from hemapilots.config.use_case import UseCase

SCHEMAS = {"use_case": UseCase, "mapping": Mapping, "protocol": Protocol, "pilot": Pilot, "config": Settings}


def schema_texts() -> dict[str, str]:
    """The text of each schema file, by file name."""
    return {f"{name}.schema.json": json.dumps(schema_of(model), indent=2) + "\n" for name, model in SCHEMAS.items()}


def schema_of(model) -> dict:
    """A model's schema, with what its YAML may say besides: keys that start with `_`, and a predictor set as a plain list."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"} | model.model_json_schema()
    schema["patternProperties"] = {"^_": {}}
    if "predictor_sets" in schema["properties"]:
        sets = schema["properties"]["predictor_sets"]["patternProperties"]
        for pattern, long_form in sets.items():
            sets[pattern] = {"anyOf": [long_form, {"type": "array", "items": {"type": "string"}}]}
    return schema


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1] / "workflow" / "schemas"
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in schema_texts().items():
        (folder / file).write_text(text, encoding="utf-8")
