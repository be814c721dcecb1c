"""Recipes: the YAML tables of resources/recipes/ that say how a synthetic cohort is drawn (resources/recipes/README.md)."""

from pathlib import Path

from hemapilots.errors import HemaPilotsError
from hemapilots.synthesis.shapes import check_recipe
from hemapilots.yaml_source import read_yaml

__all__ = ["load_recipe", "recipe_files"]


def load_recipe(path: str | Path) -> dict:
    """The recipe as a plain dict without its "_" keys, on top of the one that it `extends`; raises HemaPilotsError where it
    is unusable."""
    recipe: dict = {}
    for file in reversed(recipe_files(path)):
        recipe |= {key: value for key, value in _read(file).items() if key != "extends"}
    check_recipe(recipe, str(path))
    return recipe


def recipe_files(path: str | Path) -> list[Path]:
    """The file of a recipe, then those that it is built on."""
    files = [Path(path)]
    while base := _read(files[-1]).get("extends"):
        files.append(files[-1].with_name(f"{base}.yaml"))
        if files.count(files[-1]) > 1:
            raise HemaPilotsError(f"{path}, extends: {base} extends itself; break the circle")
    return files


def _read(path: Path) -> dict:
    if not path.is_file():
        raise HemaPilotsError(f"{path}: there is no such recipe; name a file of resources/recipes")
    return read_yaml(path)[0]
