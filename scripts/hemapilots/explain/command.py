"""The command `hemapilots predict`: what a trained model says of new patients, and what it wants to know of them."""

import argparse
import sys
from pathlib import Path

from hemapilots.errors import HemaPilotsError

__all__ = ["add_predict"]


def add_predict(commands) -> None:
    """The command among the others of an argparse parser."""
    predict = commands.add_parser(
        "predict", help="risks of new patients, with intervals, drivers, and when none is given"
    )
    predict.add_argument("model", type=Path, metavar="MODEL", help="results/<pilot>/model, or one .json in it")
    predict.add_argument(
        "file",
        type=Path,
        nargs="?",
        metavar="FILE",
        help="CSV or Parquet, a row per patient; with --mapping an extract",
    )
    predict.add_argument("--mapping", metavar="M", help="harmonize FILE by this mapping first: a YAML file or a name")
    predict.add_argument(
        "--site", type=Path, metavar="FOLDER", help="a harmonized site, whose own patients give the baseline hazard"
    )
    predict.add_argument("--out", type=Path, metavar="CSV", help="private: a row per patient (default: the terminal)")
    predict.add_argument(
        "--template",
        type=Path,
        metavar="CSV",
        help="write an empty FILE to fill in, and beside it what each column is: unit, levels, ranges",
    )
    predict.set_defaults(command=_predict)


def _predict(options: argparse.Namespace) -> int:
    """0 where every patient has every risk, 1 where the model abstains from some."""
    from hemapilots.explain.new_patients import models_of

    if options.template:
        return _template(options)
    if options.file is None:
        raise HemaPilotsError("predict: no FILE is given; name one, or let --template write an empty one")
    if options.out and options.out.exists() and options.out.resolve() == options.file.resolve():
        raise HemaPilotsError(f"{options.out}: it is the file of the patients; name another one for their risks")
    models = models_of(options.model, options.site)
    table = _risks(models, options)
    if options.out:
        from hemapilots.tables import write_csv

        write_csv(options.out, table, digits=6)
        options.out.chmod(0o600)
    else:
        print(table.to_csv(index=False, float_format="%.4f", lineterminator="\n"), end="")
    abstained = int((table["answer"] == "abstained").sum())
    print(f"{len(table) - abstained} risks given, {abstained} not (see `reasons`)", file=sys.stderr)
    return int(abstained > 0)


def _risks(models, options: argparse.Namespace):
    from hemapilots.explain.new_patients import predict_patients

    if options.mapping:
        from hemapilots.explain.new_extract import predict_extract

        return predict_extract(models, options.file, options.mapping, options.folder / "config")
    from hemapilots.explain.new_file import read_table
    from hemapilots.explain.template import unused_columns

    table = read_table(options.file)
    found = predict_patients(models, table, str(options.file))
    for line in unused_columns([model.card for model in models], table.columns):
        print(f"hemapilots: {options.file}: {line}", file=sys.stderr)
    return found


def _template(options: argparse.Namespace) -> int:
    from hemapilots.explain.new_patients import models_of
    from hemapilots.explain.template import write_template

    if options.file or options.mapping or options.out:
        raise HemaPilotsError(
            "predict: --template writes an empty file and predicts nothing; leave FILE, --mapping and --out out"
        )
    beside = write_template([model.card for model in models_of(options.model, None)], options.template)
    print(f"{options.template}: one row per patient; {beside} says what each column is")
    return 0
