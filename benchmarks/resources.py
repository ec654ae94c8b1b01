"""Stacks of many resources: what each stage costs, and the whole command as a process with its time and memory.

Run with `make bench`, or: .venv/bin/python benchmarks/resources.py --fast

A stack of N resources is N/2 sub-accounts of eleven fields, each with a list: in one file, spread over included files,
or generated from a CSV. They are made up from a seed, so that every run measures the same. The account is in this
process: nothing of the network, and nothing of the sandbox, is measured.

Beside other tools, from a script of your own::

    write_stack(directory, 10_000)                        # or layout="spread", layout="generate"
    own_all(directory, 10_000)                            # optional: applies it, so that the state owns all of it
    command(directory, "plan", existing=10_000)           # the argv of a process that plans it; existing=0: an empty account

or from a shell::

    benchmarks/resources.py --write DIRECTORY --resources 10000 --layout one
    benchmarks/resources.py --in DIRECTORY --existing 0 -- plan --format json
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import csv
import functools
import io
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from smsops.api.contract import AccountInfo, ListRecord, SubAccountRecord
    from smsops.cli.options import Globals
    from smsops.config.load import Configuration
    from smsops.pipeline import Connection

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
LAYOUTS = ("one", "spread", "generate")
SIZES = (1_000, 10_000, 100_000)
A_FILE = 200
"""Sub-accounts in one included file."""

_FIRST = ["Marie", "Thomas", "Camille", "Hugo", "Léa", "Louis", "Chloé", "Gabriel", "Inès", "Jules", "Zoé", "Arthur"]
_LAST = ["Martin", "Bernard", "Dubois", "Petit", "Durand", "Leroy", "Moreau", "Simon", "Laurent", "Lefèvre", "Roux"]
_CITIES = ["Paris", "Lyon", "Marseille", "Lille", "Nantes", "Strasbourg", "Bordeaux", "Rennes", "Toulouse", "Nice"]
_FIELDS = "{FIRSTNAME: {mailing: true}, SHOP: {filter: true}}"


class Shop(NamedTuple):
    """One made-up sub-account."""

    code: str
    first_name: str
    last_name: str
    company: str
    email: str
    mobile: str
    address: str
    zip: str
    city: str

    @property
    def login(self) -> str:
        return f"shop-{self.code}"


def shops(resources: int, seed: int = 1) -> Iterator[Shop]:
    """The sub-accounts of a stack of so many resources, always the same ones."""
    made = random.Random(seed)
    for number in range(resources // 2):
        first, last, city = made.choice(_FIRST), made.choice(_LAST), made.choice(_CITIES)
        digits = f"{made.randrange(10**8):08}"
        mobile = f"06 {digits[:2]} {digits[2:4]} {digits[4:6]} {digits[6:]}" if number % 2 else f"+336{digits}"
        code = f"{number:06}"
        street = f"{made.randrange(1, 200)} rue de {city}"
        postcode = f"{made.randrange(1, 96):02}{made.randrange(1000):03}"
        yield Shop(code, first, last, f"{city} {code}", f"shop-{code}@acme.example", mobile, street, postcode, city)


def environment(resources: int) -> dict[str, str]:
    """What the stacks refer to: the account's key, and a password for each sub-account."""
    passwords = {f"PASSWORD_{number:06}": f"correct horse {number}" for number in range(resources // 2)}
    return {"ALLMYSMS_LOGIN": "acme", "ALLMYSMS_API_KEY": "acme-key", **passwords}


# -- stacks ---------------------------------------------------------------------------------


def write_stack(root: Path, resources: int, *, layout: str = "one", seed: int = 1) -> None:
    """Write a stack of so many resources into a directory."""
    root.mkdir(parents=True, exist_ok=True)
    head = ["smsops: 1", "stack: bench"]
    if layout == "generate":
        names = [name for name in Shop._fields if name != "code"]
        block = _block("${row.code}", {name: f"${{row.{name}}}" for name in names}, "      ")
        template = ["generate:", "  - for_each: {file: shops.csv}", "    sub_accounts:", *block]
        _write(root / "smsops.yaml", [*head, *template])
        table = io.StringIO()
        rows = csv.writer(table)
        rows.writerow(Shop._fields)
        rows.writerows(shops(resources, seed))
        (root / "shops.csv").write_text(table.getvalue(), "utf-8")
        return
    blocks = [
        _block(shop.code, {**shop._asdict(), "mobile": f'"{shop.mobile}"'}, "  ") for shop in shops(resources, seed)
    ]
    if layout == "one":
        _write(root / "smsops.yaml", [*head, "sub_accounts:", *(line for block in blocks for line in block)])
        return
    (root / "accounts").mkdir(exist_ok=True)
    _write(root / "smsops.yaml", [*head, "include: [accounts/*.yaml]"])
    for begin in range(0, len(blocks), A_FILE):
        lines = [line for block in blocks[begin : begin + A_FILE] for line in block]
        _write(root / "accounts" / f"{begin:06}.yaml", ["sub_accounts:", *lines])


def _block(code: str, values: Mapping[str, str], indent: str) -> list[str]:
    given = [f"    {name}: {values[name]}" for name in Shop._fields if name != "code"]
    secret = f'    password: {{env: "PASSWORD_{code}"}}'
    tail = ["    country: FR", "    active: true", "    lists:", "      customers:", f"        fields: {_FIELDS}"]
    key = f"shop-{code}:" if not code.startswith("$") else f'"shop-{code}":'
    return [indent + line for line in (key, *(line[2:] for line in (*given, secret, *tail)))]


def _write(path: Path, lines: Sequence[str]) -> None:
    path.write_text("\n".join(lines) + "\n", "utf-8")


# -- the account ----------------------------------------------------------------------------


@dataclass
class Account:
    """An account in this process: it answers at once. It knows what the stacks here need and no more."""

    sub_accounts: dict[str, dict[str, str]] = field(default_factory=dict)
    lists: dict[str | None, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, resources: int, seed: int = 1) -> Account:
        """An account in which all of a stack exists."""
        found = cls()
        for shop in shops(resources, seed):
            fields = shop._asdict() | {"country": "FR"}
            read = {"first_name": "firstname", "last_name": "lastname"}
            found.sub_accounts[shop.login] = {read.get(name, name): fields[name] for name in fields if name != "code"}
            found.lists[shop.login] = ["customers"]
        return found

    async def get_info(self, *, sub_account: str | None = None) -> AccountInfo:
        from smsops.api.contract import AccountInfo

        return AccountInfo("Active Account", 1_000_000, "key", {})

    async def get_sub_accounts(self) -> tuple[SubAccountRecord, ...]:
        from smsops.api.contract import SubAccountRecord

        return tuple(SubAccountRecord(login, 0, fields) for login, fields in self.sub_accounts.items())

    async def get_lists(self, *, sub_account: str | None = None) -> tuple[ListRecord, ...]:
        from smsops.api.contract import ListRecord

        return tuple(ListRecord(name, 0, False, "2026-11-01") for name in self.lists.get(sub_account, ()))

    async def create_sub_account(self, data: Mapping[str, str]) -> Any:
        from smsops.api.contract import CreatedSubAccount
        from smsops.kinds.sub_account import WIRE

        read = dict(WIRE.values())
        self.sub_accounts[data["LOGIN"]] = {read[name]: value for name, value in data.items() if name in read}
        return CreatedSubAccount(None)

    async def create_list(self, name: str, *, locked: bool, fields: object, sub_account: str | None = None) -> None:
        self.lists.setdefault(sub_account, []).append(name)


@dataclass
class _Connection:
    reader: Any
    writer: Any


def globals_for(root: Path, resources: int, account: Account) -> Globals:
    """What the command line needs to run on an account in this process."""
    from smsops.cli.options import Globals
    from smsops.kinds import KINDS
    from smsops.pipeline import Surroundings

    @asynccontextmanager
    async def connect(configuration: Configuration, credentials: object) -> AsyncIterator[Connection]:
        yield _Connection(account, account)

    given = environment(resources)
    return Globals(root, environment=given, surroundings=Surroundings(KINDS, given, lambda: NOW, connect))


def own_all(root: Path, resources: int) -> None:
    """Apply a stack to an empty account: from then on its state owns all of it."""
    if _run(root, resources, Account(), ["apply", "--auto-approve"]):
        raise SystemExit("the stack could not be applied")


def _run(root: Path, resources: int, account: Account, arguments: Sequence[str]) -> int:
    from smsops.cli.main import run

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as errors:
        code = run(["-C", str(root), *arguments], globals_for(root, resources, account))
    if code:
        sys.stderr.write(errors.getvalue()[-2000:])
    return code


def command(root: Path, *arguments: str, resources: int, existing: bool = False) -> list[str]:
    """The argv of a process that runs one command on a stack, its account empty or with all of it."""
    more = ["--existing"] if existing else []
    return [sys.executable, __file__, "--in", str(root), "--resources", str(resources), *more, "--", *arguments]


# -- measuring ------------------------------------------------------------------------------


class Cost(NamedTuple):
    """What one process took."""

    seconds: float
    cpu: float
    megabytes: float


def cost(argv: Sequence[str]) -> Cost:
    """Run a process to its end: wall clock, time of the processor, most memory."""
    began = time.perf_counter()
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(argv)} ended with {process.returncode}")
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def medians(argvs: Mapping[str, Sequence[str]], rounds: int) -> dict[str, Cost]:
    """The medians of several processes that take turns, so that a busy moment hits all of them."""
    found: dict[str, list[Cost]] = {name: [] for name in argvs}
    for _ in range(rounds):
        for name, argv in argvs.items():
            found[name].append(cost(argv))
    return {
        name: Cost(*(statistics.median(column) for column in zip(*costs, strict=True))) for name, costs in found.items()
    }


def stages(root: Path, resources: int) -> dict[str, Any]:
    """The stages of a plan against an empty account, each a function that can be called again and again."""
    from smsops.api.contract import Credentials
    from smsops.cli.views import text
    from smsops.config.yaml import parse
    from smsops.core import diff, plan
    from smsops.model.diagnostics import Diagnostics
    from smsops.pipeline import PlanOptions, open_store, prepare

    given = globals_for(root, resources, Account())
    around = given.around()
    configuration = given.load()
    store = open_store(configuration, around)
    credentials = Credentials("acme", "acme-key")
    content = {path: (root / path).read_bytes() for path in configuration.files}

    async def prepared() -> Any:
        connection = _Connection(Account(), Account())
        return await prepare(configuration, store, PlanOptions(), around, connection, credentials)

    whole = asyncio.run(prepared())
    view, made = whole.view, whole.plan
    selected = diff.select(view, ())
    context = plan.Context("bench", "acme", NOW, "", "", None, "key")

    def read() -> object:
        return [parse(text, path, Diagnostics()) for path, text in content.items() if path.endswith(".yaml")]

    def compare() -> diff.Difference:
        view.observed.clear()
        return diff.compare(view, selected, frozenset())

    found = compare()
    return {
        "read the YAML": read,
        "load (read, validate, declare)": given.load,
        "compare": compare,
        "plan": lambda: plan.build(view, found, {}, context),
        "render text": lambda: text.plan_text(made, False),
        "render JSON": lambda: json.dumps(made.document(), indent=2, ensure_ascii=False),
    }


def measure_stages(runner: pyperf.Runner, root: Path, resources: int) -> None:
    """Each stage with pyperf."""
    for name, stage in stages(root, resources).items():
        runner.bench_func(f"{resources:,}: {name}", stage)


def measure_processes(root: Path, resources: int, rounds: int) -> None:
    """Whole commands: the plan of an empty account, and that of one in which all of it exists."""
    write_stack(root / "new", resources)
    write_stack(root / "spread", resources, layout="spread")
    write_stack(root / "generate", resources, layout="generate")
    write_stack(root / "owned", resources)
    own_all(root / "owned", resources)
    here = functools.partial(command, resources=resources)
    found = medians(
        {
            "python -c pass": [sys.executable, "-c", "pass"],
            "validate": here(root / "new", "validate"),
            "plan, empty account": here(root / "new", "plan"),
            "plan, spread over files": here(root / "spread", "plan"),
            "plan, generated": here(root / "generate", "plan"),
            "plan --format json": here(root / "new", "plan", "--format", "json"),
            "(making the account)": here(root / "new", "--version", existing=True),
            "plan, all of it exists": here(root / "owned", "plan", existing=True),
        },
        rounds,
    )
    print(f"\n{resources:,} resources: medians of {rounds} processes that take turns")
    for name, (seconds, cpu, megabytes) in found.items():
        print(f"  {name:<24} {seconds:>8.3f} s {cpu:>8.3f} s CPU {megabytes:>8.1f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", type=Path, metavar="DIR", help="Write a stack into DIR, and end.")
    parser.add_argument("--own", action="store_true", help="With --write: apply it too.")
    parser.add_argument("--in", dest="root", type=Path, metavar="DIR", help="Run one command on the stack in DIR.")
    parser.add_argument("--existing", action="store_true", help="With --in: all of it exists in the account.")
    parser.add_argument("--layout", choices=LAYOUTS, default="one")
    parser.add_argument("--resources", type=int, default=None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("arguments", nargs="*", metavar="-- COMMAND")
    options = parser.parse_args()
    resources = options.resources or 10_000
    if options.write:
        write_stack(options.write, resources, layout=options.layout)
        if options.own:
            own_all(options.write, resources)
        return
    if options.root:
        account = Account.of(resources) if options.existing else Account()
        raise SystemExit(_run(options.root, resources, account, options.arguments))
    for size in [options.resources] if options.resources else SIZES:
        with tempfile.TemporaryDirectory() as directory:
            measure_processes(Path(directory), size, options.rounds)


if __name__ == "__main__":
    main()
