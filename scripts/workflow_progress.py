"""Turns what Snakemake prints into one line per finished job, or one living line on a terminal, and keeps what went wrong."""

import re
import shutil
import time
from typing import TextIO

RULE = re.compile(r"^(?:local)?(?:rule|checkpoint) (\w+):$")
FIELD = re.compile(r"^    (jobid|wildcards|log): (.*)$")
MESSAGE = re.compile(r"^Job (\d+): (.*)$")
FINISHED = re.compile(r"^Finished jobid: (\d+) \(Rule: (\w+)\)$")
DONE = re.compile(r"^(\d+) of (\d+) steps ")
FAILED = re.compile(r"^Error in rule (\w+):$")
FAULT = re.compile(r"^(\w*(?:Error|Exception))\b(.*)$")
KILLED = re.compile(r"died with <Signals\.\w+: \d+>")
SENTENCE = "hemapilots: "
LOG = ".snakemake/log/last-run.log"  # everything that Snakemake said


class Progress:
    """Fed line by line with the output of a run; writes progress to `out`."""

    def __init__(self, out: TextIO):
        self.out, self.live = out, out.isatty()
        self.total = 0
        self.started = time.monotonic()
        self._running: dict[str, tuple[str, float]] = {}
        self._block: dict[str, str] = {}
        self._finished = ""
        self._sentences: list[str] = []
        self._failed: list[dict[str, str]] = []
        self._faults: list[str] = []
        self._killed = False
        self._width = 0

    def read(self, line: str) -> None:
        """Take in one line of Snakemake's output."""
        line = line.rstrip("\n")
        if line.startswith(SENTENCE):
            self._sentences.append(line.removeprefix(SENTENCE))
        elif match := RULE.match(line) or FAILED.match(line):
            self._block = {"rule": match[1], "failed": "yes" if FAILED.match(line) else ""}
            if self._block["failed"]:
                self._failed.append(self._block)
        elif match := FIELD.match(line):
            self._block[match[1]] = match[2]
            self._start()
        elif match := MESSAGE.match(line):
            self._running[match[1]] = ("fetch", time.monotonic())
            self._print(match[2])
        elif match := FINISHED.match(line):
            name, since = self._running.pop(match[1], (match[2], time.monotonic()))
            self._finished = f"{name} ({time.monotonic() - since:.0f} s)"
        elif match := DONE.match(line):
            self._step(int(match[1]), int(match[2]))
        elif KILLED.search(line):
            self._killed = True
        elif match := FAULT.match(line):
            self._faults.append(line)
        elif self._faults and line.strip() and len(self._faults[-1]) < 400 and not self._running:
            self._faults[-1] += " " + line.strip()

    def failures(self, code: int) -> list[str]:
        """One sentence per failed job, or what stopped the workflow itself."""
        if self._sentences:
            return list(dict.fromkeys(self._sentences))
        if self._failed:
            return [self._silent(block) for block in self._failed]
        if code < 0:
            return [f"the workflow was ended from outside (signal {-code}); run the same command again to continue"]
        return [f"the workflow stopped: {fault.rstrip('.')}{_remedy(fault)} (log: {LOG})" for fault in self._faults[:1]]

    def clear(self) -> None:
        """Take the living line off the terminal."""
        if self.live and self._width:
            self.out.write("\r" + " " * self._width + "\r")
            self.out.flush()
            self._width = 0

    def _start(self) -> None:
        """A job is known once its id and wildcards have been printed."""
        if "jobid" in self._block and not self._block["failed"]:
            name = ", ".join([self._block["rule"], *_values(self._block.get("wildcards", ""))])
            since = self._running.get(self._block["jobid"], ("", time.monotonic()))[1]
            self._running[self._block["jobid"]] = (name, since)

    def _step(self, done: int, total: int) -> None:
        self.total = total
        if self.live:
            names = "; ".join(name for name, _ in self._running.values())
            self._redraw(f"[{done}/{total}] {time.monotonic() - self.started:.0f} s  {names}")
        else:
            self._print(f"[{done:{len(str(total))}d}/{total}] {self._finished}")

    def _redraw(self, text: str) -> None:
        text = text[: shutil.get_terminal_size().columns - 1]
        self.out.write("\r" + text.ljust(self._width))
        self._width = len(text)
        self.out.flush()

    def _print(self, text: str) -> None:
        self.clear()
        self.out.write(text + "\n")
        self.out.flush()

    def _silent(self, block: dict[str, str]) -> str:
        """A job that ended without saying why: killed, or failed before it could speak."""
        if self._killed:
            return f"{block['rule']}: killed from outside, as when memory runs out; run with fewer cores (log: {LOG})"
        return (
            f"{block['rule']}: failed before it could say why; run `make setup`, or report it with the log (log: {LOG})"
        )


def _values(wildcards: str) -> list[str]:
    return [pair.partition("=")[2] for pair in wildcards.split(", ") if "=" in pair]


def _remedy(fault: str) -> str:
    remedies = {
        "Permission denied": "make the path writable",
        "No space left": "free some space",
        "LockException": "another run of this folder has just begun; wait for it to end",
        "MissingInputException": "put the missing files there",
    }
    found = [remedy for word, remedy in remedies.items() if word in fault]
    return f"; {found[0]}, then run the same command again" if found else ""
