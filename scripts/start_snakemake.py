"""Snakemake's own command without its limit of jobs per second, which no local run needs.

With that limit Snakemake 9 looks over all ready jobs once a second for every job that has ended so far, which takes a third of a core.
"""

import sys

from snakemake.cli import args_to_api, parse_args
from snakemake.exceptions import print_exception


def main() -> int:
    """Exit code 0 where every job is done, else 1."""
    try:
        parser, options = parse_args(sys.argv[1:])
        options.max_jobs_per_timespan = None
        return 0 if args_to_api(options, parser) else 1
    except Exception as error:
        print_exception(error)
        return 1


if __name__ == "__main__":
    sys.exit(main())
