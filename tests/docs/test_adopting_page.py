"""docs/adopting.md: what its commands print."""

from __future__ import annotations

import re
from pathlib import Path

from tests.harness import LOGIN, Stack
from tests.kinds.contract import inline, people

PAGE = (Path(__file__).parents[2] / "docs" / "adopting.md").read_text("utf-8")


def printed(command: str) -> str:
    """What the page shows below a command."""
    found = re.search(rf"^\$ {re.escape(command)}\n(.*?)(?=^\$ |^```|^Do you want)", PAGE, re.DOTALL | re.MULTILINE)
    assert found, command
    return found[1]


def test_the_page_prints_what_it_shows(stack: Stack) -> None:
    """The commands of the page, on a small account, print what stands below them."""
    stack.sandbox.add_sub_account(LOGIN, "acme-paris")
    stack.sandbox.add_list(LOGIN, "vip", ["SHOP"], people(range(3), SHOP="Lyon"))
    stack.sandbox.add_list("acme-paris", "vip", ["SHOP"], people(range(2), SHOP="Lyon"))
    root = str(stack.root)

    exported = stack.run("export", "acme").stdout.replace(f"{root}/", "")
    assert exported == printed("smsops export acme")
    assert stack.run("-C", f"{root}/acme", "plan").stdout == printed("smsops -C acme plan")

    stack.write({"lists": {"vip": {"fields": {"SHOP": {}}, "contacts": inline(*people(range(4), SHOP="Lyon"))}}})
    imported = stack.run("import", "list.vip", "--auto-approve").stdout.replace("the stack test", "the stack acme")
    assert imported.startswith(printed("smsops import list.vip"))
