"""The `hemapilots` command: what people type outside the workflow."""

import argparse
import os
import sys
from pathlib import Path

from hemapilots.errors import HemaPilotsError, sentence
from hemapilots.explain.command import add_predict

SHOWN = 10


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 good, 1 different, 2 something to mend (one sentence on standard error)."""
    options = _parser().parse_args(arguments)
    try:
        code = options.command(options)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        for line in sentence(error).splitlines():
            print(f"hemapilots: {line}", file=sys.stderr)
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hemapilots", description="Drafts mappings, harmonizes extracts, checks pilots, compares results."
    )
    parser.add_argument(
        "--folder", type=Path, default=Path(), help="the folder that holds config/ and results/ (default: this one)"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_extract_commands(commands)
    validate = commands.add_parser("validate", help="check the YAML of pilots, and the extracts that they name")
    validate.add_argument("pilots", nargs="*", metavar="PILOT", help="default: every file in config/pilots")
    validate.add_argument("--mapping", metavar="M", help="check a mapping instead: a YAML file or a name")
    validate.add_argument(
        "--extract", type=Path, metavar="FOLDER", help="with --mapping: check its headers, units and values too"
    )
    validate.set_defaults(command=_validate)
    add_predict(commands)
    diff = commands.add_parser("diff", help="compare metrics, comparisons and verdict of two results folders")
    diff.add_argument("first", type=Path, metavar="A", help="a folder such as results/<pilot>")
    diff.add_argument("second", type=Path, metavar="B")
    diff.add_argument(
        "--tolerance", type=float, default=1e-6, help="relative for numbers above one, absolute below (default: 1e-6)"
    )
    diff.set_defaults(command=_diff)
    ledger = commands.add_parser(
        "ledger", help="what left each site: messages and numbers by stage and kind, and what the gate said"
    )
    ledger.add_argument("pilot", metavar="PILOT", help="a pilot that has run, or its folder of results")
    ledger.add_argument("site", nargs="?", metavar="SITE", help="default: every site")
    ledger.add_argument("--all", action="store_true", help="a line per stage, kind of message and decision of the gate")
    ledger.set_defaults(command=_ledger)
    closing = commands.add_parser("summary", help="the closing table of the pilots that have run")
    closing.add_argument("pilots", nargs="*", metavar="PILOT", help="default: every pilot with a verdict")
    closing.set_defaults(command=_summary)
    return parser


def _add_extract_commands(commands) -> None:
    """What a hospital does with an extract of its own: scan, harmonize; and the dictionary of what it is turned into."""
    scan = commands.add_parser("scan", help="profile a new extract and draft its mapping")
    scan.add_argument("extract", type=Path, metavar="EXTRACT", help="a folder or a file")
    scan.add_argument("--use-case", required=True, metavar="NAME", help="a file in config/use_cases, without .yaml")
    scan.add_argument(
        "--reader",
        metavar="NAME",
        help="csv, excel, parquet, redcap, fhir, omop or cbioportal (default: told from the files)",
    )
    scan.add_argument("--language", metavar="CODE", help="of headers and codes, such as de (default: guessed)")
    scan.add_argument("--out", type=Path, metavar="FILE", help="where to write the draft of the mapping")
    scan.set_defaults(command=_scan)
    harmonize = commands.add_parser("harmonize", help="harmonize an extract and check its quality, without a pilot")
    harmonize.add_argument("extract", type=Path, metavar="EXTRACT", help="the folder that holds its files")
    harmonize.add_argument("--mapping", required=True, metavar="M", help="a YAML file, or a name in config/mappings")
    harmonize.add_argument(
        "--out",
        required=True,
        type=Path,
        metavar="FOLDER",
        help="private: rows of patients are written there; keep one per source",
    )
    harmonize.add_argument(
        "--force", action="store_true", help="replace what another source left in the folder of --out"
    )
    harmonize.set_defaults(command=_harmonize)
    dictionary = commands.add_parser("dictionary", help="the data dictionary of a use case: JSON, CSV and a page")
    dictionary.add_argument("use_case", metavar="USE_CASE", help="a file in config/use_cases, without .yaml")
    dictionary.add_argument("--out", type=Path, metavar="FOLDER", help="default: dictionary-<use case>")
    dictionary.set_defaults(command=_dictionary)


def _scan(options: argparse.Namespace) -> int:
    """Prints the profile; the draft goes to --out, or after the profile."""
    from hemapilots.scan import scan

    if options.out and options.out.exists():
        raise HemaPilotsError(f"{options.out}: it is there already; name another file, or remove it first")
    found = scan(options.extract, options.use_case, options.folder / "config", options.reader, options.language)
    print(found.profile)
    if options.out:
        from hemapilots.tables import write_text

        write_text(options.out, found.draft)
        print(f"\n{options.out}: {found.summary}")
    else:
        print(f"\n# {found.summary}; --out FILE writes what follows to a file\n{found.draft}", end="")
    return 0


def _harmonize(options: argparse.Namespace) -> int:
    """0 where every check passes, 1 where one fails: by the exact counts, while what is printed is what may leave."""
    from hemapilots.hospital import check_private, harmonize_extract, load_mapping, warnings_of, write_harmonization
    from hemapilots.quality import tally
    from hemapilots.quality.table import check_lines

    mapping, use_case = load_mapping(options.mapping, options.folder / "config")
    check_private(options.out, options.extract, mapping["name"], options.force)
    made = harmonize_extract(options.extract, mapping, use_case)
    record = write_harmonization(made, mapping, use_case, options.out)
    failed = tally(made.exact["checks"])["failed"]
    kept, delivered = (
        "a number not shown" if n is None else str(n) for n in (record["records"], record["flow"][0]["records_in"])
    )
    print(f"{mapping['name']}: records delivered: {delivered}, kept: {kept} (rounded; exact counts in flow.json)")
    print("\n".join(check_lines(record["checks"])))
    for warning in warnings_of(made, mapping):
        print(f"warning: {warning}")
    verdict = "checks fail: those with `pass` False" if failed else "no check fails: all are"
    print(f"\nBy the exact counts {verdict} in {options.out / 'checks.csv'}")
    print(
        f"{options.out}: quality.json, quality.html (small counts hidden, others rounded; ledger.parquet lists them); "
        "private: harmonized.parquet, issues.parquet, flow.json, checks.csv, secret"
    )
    return 1 if failed else 0


def _dictionary(options: argparse.Namespace) -> int:
    from hemapilots.dictionary import write_dictionary
    from hemapilots.hospital import load_use_case

    _, use_case = load_use_case(options.use_case, options.folder / "config")
    out = options.out or Path(f"dictionary-{options.use_case}")
    write_dictionary(use_case, out)
    print(
        f"{out}: datapackage.json, harmonized.schema.json, harmonized.csv (header only), dictionary.csv, dictionary.html"
    )
    return 0


def _validate_mapping(options: argparse.Namespace) -> int:
    """A mapping against its use case, and against the headers, units and values of an extract."""
    from hemapilots.hospital import load_mapping

    if options.pilots:
        raise HemaPilotsError("validate: give pilots, or --mapping; not both")
    mapping, use_case = load_mapping(options.mapping, options.folder / "config")
    warnings = _against(options.extract, mapping, use_case) if options.extract else []
    headers = ", and the extract has its columns" if options.extract else ""
    print(f"{mapping['name']}: valid (use case {mapping['use_case']}, {len(mapping['variables'])} variables{headers})")
    for warning in warnings:
        print(f"warning: {warning}")
    return 0


def _against(extract: Path, mapping: dict, use_case: dict) -> list[str]:
    """What the extract says otherwise; HemaPilotsError where it cannot be read by the mapping."""
    from hemapilots.ingest.readers import check_extract
    from hemapilots.mapping_warnings import mapping_warnings

    check_extract(extract, mapping)
    return mapping_warnings(extract, mapping, use_case)


def _validate(options: argparse.Namespace) -> int:
    """One line per sound pilot; the sentences of the others."""
    if options.mapping:
        return _validate_mapping(options)
    if options.extract:
        raise HemaPilotsError("validate: --extract goes with --mapping; say which mapping it belongs to")
    from hemapilots.mapping_warnings import unit_warnings
    from hemapilots.paths import RESOURCES
    from hemapilots.study import load_studies
    from hemapilots.yaml_source import read_yaml

    os.chdir(options.folder)
    names = options.pilots or sorted(path.stem for path in Path("config/pilots").glob("*.yaml"))
    if not names:
        raise HemaPilotsError(
            f"{options.folder.resolve()}: there is no pilot in config/pilots; run from the folder that holds config/"
        )
    if not all(map(str.strip, names)):
        raise HemaPilotsError("the name of a pilot is empty; give that of a file in config/pilots, or none for all")
    settings, _ = read_yaml(Path("config/config.yaml"))
    faults = []
    for name in names:
        try:
            study = load_studies(settings | {"run": name}, Path("config"), RESOURCES)[name]
            said = f"{study['sharing']}, {len(study['sites'])} sites, {len(study['train']['models'])} models"
            print("\n".join([f"{name}: valid ({said})", *(f"warning: {line}" for line in unit_warnings(study))]))
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
    from hemapilots.ledger import exchange_of, summarise

    print(summarise(exchange_of(options.pilot, options.folder), options.site, options.all))
    if not options.all:
        print("\n--all prints a line per stage, kind of message and decision")
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
