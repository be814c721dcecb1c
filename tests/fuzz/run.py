"""Damaged extracts and mappings through every reader and the scan: a clear error or a table, in bounded time and memory, nothing else.

`make nightly` runs 10,000 of them; the tests a few hundred. Inputs follow from the seed, so that a failure can be had again:
run.py --seed S --only READER.
"""

import argparse
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from damage import DAMAGES, HEAVY, damage_one_file
from hemapilots.config.mapping import Mapping
from hemapilots.errors import HemaPilotsError
from hemapilots.ingest.readers import check_extract, ingest
from hemapilots.scan import scan
from hemapilots.yaml_source import read_yaml, validate
from seeds import PATIENTS, SEEDS

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 20
BYTES = 4 << 30
MAPPINGS = "mappings"
USE_CASE = """
name: fuzz
title: Fuzz
index_date: diagnosis
variables:
  sex: {label: Sex, type: category, levels: [F, M], known_at: index, vocabulary: sex}
  hb: {label: Hb, type: number, unit: g/dL, hard: [2, 20], soft: [5, 16], known_at: index, codes: {loinc: 718-7}}
  os_years: {label: Time to death, type: number, unit: a, hard: [0, 60], known_at: outcome}
  os_status: {label: Died, type: flag, known_at: outcome}
endpoints: {os: {label: OS, time: os_years, event: os_status}}
primary_endpoint: os
horizons: [1]
predictor_sets: {clinical: [sex]}
"""


class Hang(BaseException):
    """An input took too long."""


def bounded() -> None:
    """From here on, this process has little memory, and an alarm is a Hang."""
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, resource.getrlimit(resource.RLIMIT_AS)[1]))

    def alarm(*_):
        raise Hang

    signal.signal(signal.SIGALRM, alarm)


def attempt(work) -> tuple[str, str]:
    """(outcome, what was said): read, refused, or FAULT for all that must not happen."""
    signal.alarm(SECONDS)
    try:
        work()
        return "read", ""
    except HemaPilotsError as error:
        return _judge(str(error))
    except Hang:
        return "FAULT", f"more than {SECONDS} s"
    except MemoryError:
        return "FAULT", f"more than {BYTES >> 30} GiB"
    except BaseException as error:
        return "FAULT", f"{type(error).__name__}: {error}"[:300]
    finally:
        signal.alarm(0)


class Leak(Exception):
    """A patient's value stands in what a scan shows."""


def scanned(extract: Path, reader: str, config: Path) -> None:
    """A scan whose profile and draft hold nothing of a single patient."""
    found = scan(extract, "fuzz", config, reader)
    secret = re.compile(r"Alder\d\d|\bP\d\d\b")
    if leak := secret.search(found.profile) or secret.search(found.draft):
        raise Leak(leak.group())


def _judge(message: str) -> tuple[str, str]:
    if not message or len(message) > 3000 or any(not (sign.isprintable() or sign == "\n") for sign in message):
        return "FAULT", f"not a sentence: {message[:200]!r}"
    if any(f'"{value}"' in message for value in PATIENTS["Hb"]) or "Alder" in message:
        return "FAULT", f"the sentence holds a patient's value: {message[:200]}"
    return "refused", message


def extracts(reader: str, count: int, seed: int, folder: Path):
    """(name, work) of damaged extracts of a reader; the sound one first."""
    sound = folder / f"{reader}-sound"
    sound.mkdir()
    mapping = SEEDS[reader](sound)
    config = folder / "config"
    (config / "use_cases").mkdir(parents=True)
    (config / "use_cases" / "fuzz.yaml").write_text(USE_CASE)
    yield "sound", lambda: ingest(sound, mapping)
    yield "sound", lambda: scanned(sound, reader, config)
    rng = np.random.default_rng([seed, list(SEEDS).index(reader)])
    for at in range(count):
        copy = Path(shutil.copytree(sound, folder / reader))
        how = damage_one_file(copy, rng)
        yield f"{at} {how}", lambda copy=copy: (check_extract(copy, mapping), ingest(copy, mapping))
        yield f"{at} {how}, scanned", lambda copy=copy: scanned(copy, reader, config)
        shutil.rmtree(copy)
    for damage in HEAVY.get(reader, []):
        copy = Path(shutil.copytree(sound, folder / reader))
        damage(copy)
        yield damage.__name__, lambda copy=copy: (check_extract(copy, mapping), ingest(copy, mapping))
        yield f"{damage.__name__}, scanned", lambda copy=copy: scanned(copy, reader, config)
        shutil.rmtree(copy)


def mappings(count: int, seed: int, folder: Path):
    """(name, work) of damaged mapping files."""
    sound = sorted((ROOT / "config" / "mappings").glob("*.yaml"))
    rng, path = np.random.default_rng([seed, 999]), folder / "mapping.yaml"
    for at in range(count):
        damage = DAMAGES[int(rng.integers(0, len(DAMAGES)))]
        path.write_bytes(damage(sound[at % len(sound)].read_bytes(), rng))
        yield f"{at} {damage.__name__}", lambda: validate(Mapping, *read_yaml(path), path)


def run(count: int, seed: int, only: str | None = None, say=print) -> list[str]:
    """About `count` inputs, evenly over readers and mappings; the faults found."""
    names = [only] if only else [*SEEDS, MAPPINGS]
    each, faults = max(count // len(names), 1), []
    for name in names:
        started, seen, slowest = time.monotonic(), Counter(), 0.0
        with tempfile.TemporaryDirectory() as folder:
            inputs = (
                mappings(each, seed, Path(folder)) if name == MAPPINGS else extracts(name, each, seed, Path(folder))
            )
            for what, work in inputs:
                begun = time.monotonic()
                outcome, message = attempt(work)
                slowest = max(slowest, time.monotonic() - begun)
                seen[outcome] += 1
                if outcome == "FAULT" or (what == "sound" and outcome != "read"):
                    faults.append(f"{name}, input {what}: {message}")
        counts = ", ".join(f"{number} {word}" for word, number in sorted(seen.items()))
        say(f"{name:12} {counts}; slowest {slowest:.1f} s; {time.monotonic() - started:.0f} s in all")
    return faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=[*SEEDS, MAPPINGS])
    options = parser.parse_args()
    bounded()
    faults = run(options.count, options.seed, options.only)
    for fault in faults[:50]:
        print(f"FAULT {fault}", file=sys.stderr)
    print(f"{len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
