"""Made-up stacks of many resources, and an account in this process that has nothing yet or all of them.

A stack of N resources is N/2 sub-accounts of twelve fields, each with a list: in one file, spread over included files, or
generated from a CSV. They come from a seed, so that every run measures the same. Nothing of a network is measured, and
nothing of the sandbox: the account answers at once.

From another benchmark::

    write_stack(directory, 10_000)              # layout="spread" and "generate" too
    own_all(directory, 10_000)                  # writes a state that owns all of it
    command(directory, "plan", resources=10_000, existing=True)      # the argv of a process that plans it

or from a shell::

    python -m benchmarks.stacks --write DIRECTORY --resources 10000 --layout one
    python -m benchmarks.stacks --in DIRECTORY --resources 10000 [--existing] -- plan --format json
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from smsops.api.records import AccountInfo, CreatedSubAccount, ListRecord, SubAccountRecord
    from smsops.cli.options import Globals
    from smsops.config.load import Configuration
    from smsops.surroundings import Connection

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
LAYOUTS = ("one", "spread", "generate")
A_FILE = 200
"""Sub-accounts in one included file."""

_FIRST = ("Marie", "Thomas", "Camille", "Hugo", "Léa", "Louis", "Chloé", "Gabriel", "Inès", "Jules", "Zoé", "Arthur")
_LAST = ("Martin", "Bernard", "Dubois", "Petit", "Durand", "Leroy", "Moreau", "Simon", "Laurent", "Lefèvre", "Roux")
_CITIES = ("Paris", "Lyon", "Marseille", "Lille", "Nantes", "Strasbourg", "Bordeaux", "Rennes", "Toulouse", "Nice")
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
    """What the stacks refer to: the account's key, and a password of its own for each sub-account."""
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
        _write(
            root / "smsops.yaml", [*head, "generate:", "  - for_each: {file: shops.csv}", "    sub_accounts:", *block]
        )
        _write(root / "shops.csv", [",".join(Shop._fields), *(",".join(shop) for shop in shops(resources, seed))])
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
    key = f'"shop-{code}"' if code.startswith("$") else f"shop-{code}"
    given = [f"{name}: {values[name]}" for name in Shop._fields if name != "code"]
    more = [f'password: {{env: "PASSWORD_{code}"}}', "country: FR", "active: true"]
    lists = ["lists:", "  customers:", f"    fields: {_FIELDS}"]
    return [f"{indent}{key}:", *(f"{indent}  {line}" for line in (*given, *more, *lists))]


def _write(path: Path, lines: Sequence[str]) -> None:
    path.write_text("\n".join(lines) + "\n", "utf-8")


# -- the account ----------------------------------------------------------------------------


@dataclass
class Account:
    """An account in this process. It knows what the stacks here need and no more."""

    sub_accounts: dict[str, dict[str, str]] = field(default_factory=dict)
    lists: dict[str | None, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, resources: int, seed: int = 1) -> Account:
        """An account in which all of a stack exists."""
        found = cls()
        called = {"first_name": "firstname", "last_name": "lastname"}
        for shop in shops(resources, seed):
            fields = {called.get(name, name): value for name, value in zip(Shop._fields, shop, strict=True)}
            del fields["code"]
            found.sub_accounts[shop.login] = {**fields, "country": "FR"}
            found.lists[shop.login] = ["customers"]
        return found

    async def get_info(self, *, sub_account: str | None = None) -> AccountInfo:
        from smsops.api.records import AccountInfo

        return AccountInfo("Active Account", 1_000_000, "key", {})

    async def get_sub_accounts(self) -> tuple[SubAccountRecord, ...]:
        from smsops.api.records import SubAccountRecord

        return tuple(SubAccountRecord(login, 0, fields) for login, fields in self.sub_accounts.items())

    async def get_lists(self, *, sub_account: str | None = None) -> tuple[ListRecord, ...]:
        from smsops.api.records import ListRecord

        return tuple(ListRecord(name, 0, False, "2026-11-01") for name in self.lists.get(sub_account, ()))

    async def create_sub_account(self, data: Mapping[str, str]) -> CreatedSubAccount:
        from smsops.api.records import CreatedSubAccount
        from smsops.kinds.sub_account import WIRE

        read = dict(WIRE.values())
        self.sub_accounts[data["LOGIN"]] = {read[name]: value for name, value in data.items() if name in read}
        return CreatedSubAccount(None)

    async def create_list(self, name: str, *, locked: bool, fields: object, sub_account: str | None = None) -> None:
        self.lists.setdefault(sub_account, []).append(name)


@dataclass
class Ends:
    """Both ends of a connection to an account here."""

    reader: Any
    writer: Any
    server_time: None = None


def globals_for(root: Path, resources: int, account: Account) -> Globals:
    """What the command line needs to run on an account in this process."""
    from smsops.cli.options import Globals
    from smsops.kinds import KINDS
    from smsops.surroundings import Surroundings

    @asynccontextmanager
    async def connect(configuration: Configuration, credentials: object) -> AsyncIterator[Connection]:
        yield Ends(account, account)

    given = environment(resources)
    return Globals(root, environment=given, surroundings=Surroundings(KINDS, given, lambda: NOW, connect))


def own_all(root: Path, resources: int) -> None:
    """Write the state that applying a stack to an empty account would leave, without the durable steps on the way."""
    from smsops.model.state import Own, Put
    from smsops.pipeline import PlanOptions, prepare
    from smsops.surroundings import master_credentials, open_store

    given = globals_for(root, resources, Account())
    around, configuration = given.around(), given.load()
    store, credentials = open_store(configuration, around), master_credentials(configuration, around.environment)
    empty: Any = Account()
    with store.lock("benchmark"):
        made = asyncio.run(prepare(configuration, store, PlanOptions(), around, empty, credentials)).plan
        store.append([Own(credentials.login), *(Put(change.payload.entry) for change in made.changes)])
        store.save()


def run(root: Path, resources: int, account: Account, arguments: Sequence[str]) -> int:
    """One command line on a stack and an account; its exit code."""
    from smsops.cli.main import run

    return run(["-C", str(root), *arguments], globals_for(root, resources, account))


def command(root: Path, *arguments: str, resources: int, existing: bool = False) -> list[str]:
    """The argv of a process that runs one command on a stack, its account empty or with all of it."""
    more = ["--existing"] if existing else []
    here = [sys.executable, "-m", "benchmarks.stacks", "--in", str(root), "--resources", str(resources)]
    return [*here, *more, "--", *arguments]


def main() -> None:
    """Write a stack, or run a command on one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", type=Path, metavar="DIR", help="Write a stack into DIR.")
    parser.add_argument("--in", dest="root", type=Path, metavar="DIR", help="Run a command on the stack in DIR.")
    parser.add_argument("--existing", action="store_true", help="All of it exists in the account.")
    parser.add_argument("--layout", choices=LAYOUTS, default="one")
    parser.add_argument("--resources", type=int, default=10_000)
    parser.add_argument("arguments", nargs="*", metavar="-- COMMAND")
    options = parser.parse_args()
    if options.write:
        write_stack(options.write, options.resources, layout=options.layout)
    if options.root:
        account = Account.of(options.resources) if options.existing else Account()
        sys.exit(run(options.root, options.resources, account, options.arguments))


if __name__ == "__main__":
    main()
