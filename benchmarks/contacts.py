"""Contacts: the plan's own work, the whole command, and an apply, beside reference pipelines.

Each part is measured side by side in one run and printed as a table in Markdown. Run with `make bench`, or:
python -m benchmarks.contacts [--sizes 100000 1000000] [--rounds 5] [--results FILE]
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from itertools import islice
from pathlib import Path
from urllib.request import urlopen

from benchmarks import generate
from benchmarks.measure import (
    ROOT,
    Command,
    Measured,
    arguments,
    measure,
    megabytes,
    python,
    seconds,
    serving,
    smsops,
    table,
)
from benchmarks.pipelines.columns import FIELDS

SIZES = (100_000, 1_000_000)
QUICKEST = "DuckDB, streamed"
"""The quickest that was found."""
YARDSTICK = "DuckDB, key and hash"
"""The same as it is usually written. When the aims were set such a pipeline took 7.9 times as long as the floor."""
PRODUCT = "smsops"
PIPELINES = {
    # name: module, whether it needs the environment of the peers, the most contacts it is asked to cope with
    "floor: every byte once": ("floor", False, 10**9),
    PRODUCT: ("product", False, 10**9),
    QUICKEST: ("duckdb_streamed", False, 10**9),
    YARDSTICK: ("duckdb_key_and_hash", False, 10**9),
    "DuckDB, whole tables": ("duckdb_tables", False, 10**9),
    "polars, streamed": ("polars_streamed", True, 10**9),
    "msgspec and a dict": ("msgspec_dict", True, 10**7),
    "json, csv and a dict": ("json_dict", False, 10**6),
}
AIM = 1.5
"""How many times the yardstick's time the plan's own work may take."""
WHOLE_AIM = 2
"""The same for the whole command."""
AIMED_AT = 1_000_000
"""The contacts that the aims are about: of fewer, what a process costs to start is half."""
ENVIRONMENT = {"ALLMYSMS_LOGIN": "bench", "ALLMYSMS_API_KEY": "bench-key"}
LIST = "Customers"
STACK = """\
smsops: 1
stack: bench
account: {{url: "{url}"}}
settings: {{requests_per_second: 1000}}
lists:
  customers:
    name: {name}
    fields: {{{fields}}}
    contacts: [{{file: source.csv}}]
"""


# -- the plan's own work --------------------------------------------------------------------


def own_work(data: generate.Data, results: Path, rounds: int) -> str:
    """Bytes to batches: every pipeline a process of its own."""
    commands = []
    for name, (module, peers, most) in PIPELINES.items():
        if data.size > most:
            continue
        argv = python("-m", f"benchmarks.pipelines.{module}", data.source, data.live, peers=peers)
        if module != "floor":
            _check_findings(name, argv, data)
        commands.append(Command(f"{_contacts(data.size)}: {name}", argv))
    measured = _short_names(measure(commands, results, rounds))
    told = [f"### {_contacts(data.size)}, bytes to batches\n", table(measured, YARDSTICK)]
    if PRODUCT in measured:
        told.append(f"\n{_beside(PRODUCT, measured[PRODUCT], measured[YARDSTICK], measured[QUICKEST], AIM, data.size)}")
    return "\n".join(told)


def _beside(name: str, mine: Measured, yardstick: Measured, quickest: Measured, aim: float, size: int) -> str:
    aimed_at = f" (aim: at most {aim})" if size >= AIMED_AT else ""
    return (
        f"{name} takes {mine.ratio(yardstick):.2f} times as long as {YARDSTICK}{aimed_at}, "
        f"{mine.ratio(quickest):.2f} times as long as {QUICKEST}{aimed_at}."
    )


_digests: dict[int, str] = {}


def _check_findings(name: str, argv: list[str], data: generate.Data) -> None:
    """It ends everything when a pipeline finds other contacts than those before it."""
    finished = subprocess.run([*argv, "--digest"], cwd=ROOT, stdout=subprocess.PIPE)
    if finished.returncode:
        sys.exit(f"{name} failed")
    found = json.loads(finished.stdout)
    counts = [found[kind] for kind in ("add", "change", "remove")]
    if counts != [data.changes] * 3:
        sys.exit(f"{name} finds {counts} contacts to add, to change and to remove; there are {data.changes} of each")
    if _digests.setdefault(data.size, found["digest"]) != found["digest"]:
        sys.exit(f"{name} finds other contacts than the pipelines before it")


# -- the whole command ----------------------------------------------------------------------


def whole_plan(data: generate.Data, results: Path, rounds: int) -> str:
    """`smsops plan` against a local server, of a list that the state owns."""
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        stack = Path(temporary)
        with serving("benchmarks.server") as url:
            _write_stack(stack, url)
            with data.source.open(encoding="utf-8") as source:
                (stack / "source.csv").write_text("".join(islice(source, 11)), "utf-8")
            _apply(stack)  # a state that owns the list
        _take_over(data.source, stack / "source.csv")
        port = url.rpartition(":")[2]
        with serving("benchmarks.server", "--port", port, "--list", LIST, data.live, str(data.size)):
            _check_plan(stack, data)
            commands = [
                Command(
                    f"{_contacts(data.size)}: {name}, beside the command",
                    python("-m", f"benchmarks.pipelines.{PIPELINES[name][0]}", data.source, data.live),
                )
                for name in (YARDSTICK, QUICKEST)
            ]
            plan = Command(f"{_contacts(data.size)}: smsops plan", smsops(stack, "plan"), environment=ENVIRONMENT)
            measured = measure([*commands, plan], results, rounds)
    yardstick, quickest, whole = measured.values()
    rows = {f"{YARDSTICK} (no network)": yardstick, f"{QUICKEST} (no network)": quickest, "smsops plan": whole}
    said = _beside("smsops plan", whole, yardstick, quickest, WHOLE_AIM, data.size)
    return f"### {_contacts(data.size)}, the whole command\n\n{table(rows, f'{YARDSTICK} (no network)')}\n\n{said}"


def _check_plan(stack: Path, data: generate.Data) -> None:
    """The plan of the whole command finds what there is to find."""
    command = smsops(stack, "plan", "--format", "json")
    finished = subprocess.run(command, cwd=ROOT, env=os.environ | ENVIRONMENT, stdout=subprocess.PIPE)
    if finished.returncode:
        sys.exit("smsops plan failed")
    changes = json.loads(finished.stdout)["resource_changes"]
    counts = [change["contacts"] for change in changes if change["type"] == "contacts"]
    if counts != [{"add": data.changes, "change": data.changes, "remove": data.changes}]:
        sys.exit(f"smsops plan finds {counts}; there are {data.changes} contacts to add, to change and to remove")


# -- apply ----------------------------------------------------------------------------------


def whole_apply(data: generate.Data, results: Path, rounds: int) -> str:
    """`smsops apply` of a new list and its contacts against a local server that only counts."""
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary, serving("benchmarks.server") as url:
        stack = Path(temporary)
        _write_stack(stack, url)
        _take_over(data.source, stack / "source.csv")

        def prepare() -> None:
            shutil.rmtree(stack / ".smsops", ignore_errors=True)
            _ask(url, "reset")

        name = f"{_contacts(data.size)}: smsops apply"
        argv = smsops(stack, "apply", "--auto-approve")
        measured = measure([Command(name, argv, prepare, ENVIRONMENT)], results, rounds)[name]
        count = int(_ask(url, "getLists")["Lists"][0]["Contacts"])
        if count != data.size:
            sys.exit(f"smsops apply sent {count} contacts instead of {data.size}")
    return "\n".join(
        (
            f"### {_contacts(data.size)}, apply of a new list\n",
            "| | time | contacts a second | CPU | peak memory |",
            "| --- | ---: | ---: | ---: | ---: |",
            f"| smsops apply | {seconds(measured.seconds)} | {data.size / measured.seconds:,.0f} |"
            f" {seconds(measured.cpu)} | {megabytes(measured.memory)} |",
        )
    )


def _ask(url: str, method: str) -> dict[str, list[dict[str, str]]]:
    with urlopen(f"{url}/{method}/", data=b"") as response:
        answer: dict[str, list[dict[str, str]]] = json.load(response)
        return answer


def _write_stack(stack: Path, url: str) -> None:
    fields = ", ".join(f"{field}: {{mailing: true}}" for field in FIELDS)
    (stack / "smsops.yaml").write_text(STACK.format(url=url, name=LIST, fields=fields), "utf-8")


def _take_over(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    try:
        target.hardlink_to(source)
    except OSError:  # on another file system
        shutil.copyfile(source, target)


def _apply(stack: Path) -> None:
    command = smsops(stack, "apply", "--auto-approve")
    subprocess.run(command, cwd=ROOT, env=os.environ | ENVIRONMENT, check=True, stdout=subprocess.DEVNULL)


def _contacts(size: int) -> str:
    return f"{size:,} contacts"


def _short_names(measured: dict[str, Measured]) -> dict[str, Measured]:
    return {name.partition(": ")[2]: value for name, value in measured.items()}


def main() -> None:
    """Measure everything for each size."""
    parser = arguments("Contacts, beside reference pipelines.")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--only", choices=("own", "plan", "apply"))
    options = parser.parse_args()
    parts = {"own": own_work, "plan": whole_plan, "apply": whole_apply}
    for size in options.sizes:
        data = generate.contacts(size)
        for name, part in parts.items():
            if options.only in (None, name):
                print(part(data, options.results, options.rounds), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
