"""The `hemapilots` command: what people type outside the workflow."""

import argparse
import os
import sys
from pathlib import Path

from hemapilots.errors import HemaPilotsError

SHOWN = 10


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 good, 1 different, 2 something to mend (one sentence on standard error)."""
    options = _parser().parse_args(arguments)
    try:
        code = options.command(options)
        sys.stdout.flush()
        return code
    except HemaPilotsError as error:
        for line in str(error).splitlines():
            print(f"hemapilots: {line}", file=sys.stderr)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"hemapilots: {where}{error.strerror or error}; check the path and its permissions", file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hemapilots", description="Checks pilots, compares results, shows what left a site."
    )
    parser.add_argument(
        "--folder", type=Path, default=Path(), help="the folder that holds config/ and results/ (default: this one)"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    validate = commands.add_parser("validate", help="check the YAML of pilots, and the extracts that they name")
    validate.add_argument("pilots", nargs="*", metavar="PILOT", help="default: every file in config/pilots")
    validate.set_defaults(command=_validate)
    diff = commands.add_parser("diff", help="compare metrics, comparisons and verdict of two results folders")
    diff.add_argument("first", type=Path, metavar="A", help="a folder such as results/<pilot>")
    diff.add_argument("second", type=Path, metavar="B")
    diff.add_argument(
        "--tolerance", type=float, default=1e-6, help="relative for numbers above one, absolute below (default: 1e-6)"
    )
    diff.set_defaults(command=_diff)
    ledger = commands.add_parser("ledger", help="what left each site: messages by stage and type")
    ledger.add_argument("pilot", metavar="PILOT")
    ledger.add_argument("site", nargs="?", metavar="SITE", help="default: every site")
    ledger.set_defaults(command=_ledger)
    closing = commands.add_parser("summary", help="the closing table of the pilots that have run")
    closing.add_argument("pilots", nargs="*", metavar="PILOT", help="default: every pilot with a verdict")
    closing.set_defaults(command=_summary)
    return parser


def _validate(options: argparse.Namespace) -> int:
    """One line per sound pilot; the sentences of the others."""
    from hemapilots.paths import RESOURCES
    from hemapilots.study import load_studies
    from hemapilots.yaml_source import read_yaml

    os.chdir(options.folder)
    names = options.pilots or sorted(path.stem for path in Path("config/pilots").glob("*.yaml"))
    if not names:
        raise HemaPilotsError(
            f"{options.folder.resolve()}: there is no pilot in config/pilots; run from the folder that holds config/"
        )
    settings, _ = read_yaml(Path("config/config.yaml"))
    faults = []
    for name in names:
        try:
            study = load_studies(settings | {"run": name}, Path("config"), RESOURCES)[name]
            print(
                f"{name}: valid ({study['sharing']}, {len(study['sites'])} sites, {len(study['train']['models'])} models)"
            )
        except HemaPilotsError as error:
            faults.append(str(error))
    if faults:
        sys.stdout.flush()
        raise HemaPilotsError("\n".join(faults))
    return 0


def _diff(options: argparse.Namespace) -> int:
    from hemapilots.difference import differences

    if options.tolerance < 0:
        raise HemaPilotsError("--tolerance: negative; give zero or more")
    found = differences(options.first, options.second, options.tolerance)
    for line in found[:SHOWN]:
        print(line)
    if len(found) > SHOWN:
        print(f"and {len(found) - SHOWN} more")
    print("different" if found else f"the same within {options.tolerance:g}")
    return 1 if found else 0


def _ledger(options: argparse.Namespace) -> int:
    from hemapilots.ledger import summarise

    print(summarise(options.folder / "results" / options.pilot / "exchange", options.site))
    return 0


def _summary(options: argparse.Namespace) -> int:
    from hemapilots.summary import summary

    results = options.folder / "results"
    ready = sorted(path.parent.name for path in results.glob("*/verdict.json"))
    missing = [name for name in options.pilots if name not in ready]
    if missing or not ready:
        raise HemaPilotsError(
            f"{results / missing[0] if missing else results}: no verdict there yet; run `make pilots` first"
        )
    print(summary(results, options.pilots or ready))
    return 0
