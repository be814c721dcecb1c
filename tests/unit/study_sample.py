"""What the tests of studies share: pilots of a copy of the configuration, loaded and edited."""

from pathlib import Path

from hemapilots.study import load_study

ROOT = Path(__file__).resolve().parents[2]


def load(config, name="mds-synthetic"):
    return load_study(name, config, ROOT / "resources")


def edit(path: Path, old: str, new: str) -> int:
    """Replace the first occurrence; returns its line."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return text[: text.index(old)].count("\n") + 1


PILOT, SPLIT = "pilots/mds-synthetic.yaml", "pilots/mds-ipssm.yaml"


POOLED = "  - {name: non-inferior to pooling, test: non_inferior, against: pooled, margin: 0.01}\n"


USE_CASE, PROTOCOL, MAPPING = "use_cases/mds.yaml", "protocols/standard.yaml", "mappings/mds-clinic-en.yaml"
