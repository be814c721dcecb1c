"""What `make pilots`, `make pilot` and `make real` call: checks, then runs the workflow in this folder with readable progress.

Exit codes: 0 done, 1 a job failed, 2 something to mend before anything ran, 130 interrupted. Whatever was done is kept: the same
command continues. Everything that Snakemake said is in .snakemake/log/last-run.log.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from hemapilots.errors import HemaPilotsError
from hemapilots.study import load_studies
from hemapilots.yaml_source import read_yaml
from workflow_processes import OWNER, end, living_workflow, orphans
from workflow_progress import LOG, Progress

ROOT = Path(__file__).resolve().parents[1]
# glibc keeps what a job frees: large arrays that come and go would else be fetched from the kernel, page by page, each time anew.
KEEPING = {"MALLOC_TRIM_THRESHOLD_": str(1 << 30), "MALLOC_MMAP_THRESHOLD_": str(1 << 30)}
PATIENCE = 10  # seconds that an interrupted workflow gets to tidy up before it is told again


def main(arguments: list[str] | None = None) -> int:
    """Run the workflow; every outcome is an exit code and, where it is not good, one sentence as the last line."""
    for name in ("SIGTERM", "SIGHUP"):
        signal.signal(getattr(signal, name), signal.default_int_handler)
    try:
        options = _options(arguments)
        _check_folder(Path())
        settings = _settings(options.cohort_mirror)
        pilots = _pilots(options, settings)
        studies = load_studies(settings | {"run": ",".join(pilots)}, Path("config"), ROOT / "resources")
        _check_compared(pilots if options.compare else [], studies)
        _clear_the_way(Path(), settings | {"run": ",".join(pilots)})
        return _run(pilots, options, settings)
    except HemaPilotsError as error:
        return _say(str(error), 2)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _say(f"{where}{error.strerror or error}; mend this, then run the same command again", 2)
    except KeyboardInterrupt:
        return _say("interrupted; run the same command again to continue", 130)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--pilots",
        metavar="NAME[,NAME]",
        help="names of files in config/pilots; default: `pilots` of config/config.yaml",
    )
    parser.add_argument(
        "--compare", action="store_true", help="those under `compare` of config/config.yaml side by side, and no more"
    )
    parser.add_argument("--real", action="store_true", help="the pilots under `real` of config/config.yaml")
    parser.add_argument(
        "--cohort-mirror", metavar="FOLDER", help="where the public cohorts lie, instead of fetching them"
    )
    parser.add_argument("--cores", default="2", help="a number, or all")
    return parser.parse_args(arguments)


def _check_folder(folder: Path) -> None:
    """This folder has a configuration and may be written."""
    if not (folder / "config" / "config.yaml").is_file():
        raise HemaPilotsError(f"{folder.resolve()}: there is no config/config.yaml; run from the folder that holds it")
    for path in (folder, folder / ".snakemake", folder / "results"):
        if path.exists() and not os.access(path, os.W_OK | os.X_OK):
            raise HemaPilotsError(
                f"{path.resolve()}: no permission to write; make it writable (chmod u+w), or work in a copy that is yours"
            )


def _settings(mirror: str | None) -> dict:
    settings, _ = read_yaml(Path("config/config.yaml"))
    return settings | ({"cohort_mirror": mirror} if mirror else {})


def _pilots(options: argparse.Namespace, settings: dict) -> list[str]:
    """The pilots that were asked for."""
    if not (options.cores == "all" or (options.cores.isdecimal() and int(options.cores) > 0)):
        raise HemaPilotsError(f"CORES={options.cores}: not a number of cores; give 1 or more, or all")
    if options.pilots is not None:
        names = [name.strip() for name in options.pilots.split(",") if name.strip()]
        if not names:
            known = ", ".join(sorted(path.stem for path in Path("config/pilots").glob("*.yaml")))
            raise HemaPilotsError(f"no pilot was named; say which, as in `make pilot NAME=...`: {known}")
        return names
    key = "compare" if options.compare else "real" if options.real else "pilots"
    names = settings.get(key) or []
    if not names:
        raise HemaPilotsError(f"config/config.yaml: `{key}` names no pilot; add one that is in config/pilots/")
    return [str(name) for name in names] if isinstance(names, list) else [str(names)]


def _check_compared(pilots: list[str], studies: dict[str, dict]) -> None:
    """What is set side by side needs all sites' rows in one place."""
    private = [name for name in pilots if studies[name]["sharing"] == "private"]
    if private:
        raise HemaPilotsError(
            f"--compare: {private[0]} is private, and a comparison needs all sites' rows in one place; leave it out of --pilots"
        )


def _clear_the_way(folder: Path, config: dict) -> None:
    """Refuse while another workflow runs here; tidy up after one that was killed."""
    other = living_workflow(folder)
    if other:
        raise HemaPilotsError(
            f"another run of this folder is under way (process {other}); wait for it to end, or stop it with: kill -INT {other}"
        )
    end(orphans(folder))
    locks = folder / ".snakemake" / "locks"
    if locks.is_dir() and any(locks.iterdir()):
        result = subprocess.run([*_command(config), "--unlock"], capture_output=True, text=True, check=False)
        if result.returncode:
            raise HemaPilotsError(f"{locks}: the lock of a killed run could not be removed; delete this folder")


def _command(config: dict) -> list[str]:
    values = [f"{key}={config[key]}" for key in ("run", "cohort_mirror") if config.get(key)]
    start = str(ROOT / "scripts" / "start_snakemake.py")
    return [sys.executable, start, "--snakefile", str(ROOT / "Snakefile"), "--config", *values]


def _run(pilots: list[str], options: argparse.Namespace, settings: dict) -> int:
    """Run Snakemake as a child, show its progress, end with the summary or with what failed."""
    Path(LOG).parent.mkdir(parents=True, exist_ok=True)
    command = [
        *_command(settings | {"run": ",".join(pilots)}),
        "--cores",
        options.cores,
        "--rerun-incomplete",
        "--nocolor",
    ]
    target = "compare" if options.compare else "all"
    environment = KEEPING | os.environ | {OWNER: str(os.getpid()), "PYTHONUNBUFFERED": "1"}
    progress = Progress(sys.stdout)
    with open(LOG, "w", encoding="utf-8") as log:
        child = subprocess.Popen(
            [*command, target], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment,
            text=True, encoding="utf-8", errors="replace",
        )  # fmt: skip
        try:
            for line in child.stdout:
                log.write(line)
                progress.read(line)
            code = child.wait()
        except KeyboardInterrupt:
            progress.clear()
            _stop(child, log)
            raise
    progress.clear()
    if code:
        return _say("\n".join(progress.failures(code)) or f"Snakemake stopped without a reason; see {LOG}", 1)
    if options.compare:
        print("results/comparison/index.html")
    else:
        _report(pilots, progress)
    return 0


def _stop(child: subprocess.Popen, log) -> None:
    """Let an interrupted workflow tidy up, then end what is left of it. A terminal has told its processes already; others are told here."""
    print("hemapilots: stopping", file=sys.stderr, flush=True)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    time.sleep(0.5)
    end(orphans(Path(), of=child.pid))
    for farewell in (lambda: None, child.terminate, child.kill):
        farewell()
        try:
            rest, _ = child.communicate(timeout=PATIENCE)
            log.write(rest or "")
            return
        except subprocess.TimeoutExpired:
            continue


def _report(pilots: list[str], progress: Progress) -> None:
    """The closing table and where the reports are."""
    from hemapilots.summary import summary

    if not progress.total:
        print("hemapilots: nothing to be done, everything is up to date")
    print(summary(Path("results"), pilots))


def _say(text: str, code: int) -> int:
    sys.stdout.flush()
    for line in text.splitlines():
        print(f"hemapilots: {line.removeprefix('hemapilots: ')}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
