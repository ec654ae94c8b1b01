"""What a new kind costs: one file, which this one plays, and one entry in the tuple of kinds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import ClassVar

import pytest

from smsops.kinds import KINDS
from smsops.kinds.base import Declaration, Kind
from smsops.kinds.session import Session
from smsops.kinds.view import Resource, View
from smsops.model.address import Address
from smsops.model.block import Block
from smsops.model.blocks import GuardedBlock, NonBlank
from smsops.model.plan import CREATE, DELETE, REPLACE, Change
from smsops.model.resources import Absent, Desired, Observation, Present, Read
from smsops.model.state import Drop, Entry, Event, Put
from tests.harness import Stack


class DraftSpec(GuardedBlock):
    """A draft is an empty list with a prefix: enough of a resource to try the machinery on."""

    title: NonBlank


class Draft(Kind):
    """A kind that no module of smsops has heard of."""

    name: ClassVar[str] = "draft"
    section: ClassVar[str | None] = "drafts"
    Spec: ClassVar[type[Block]] = DraftSpec

    def declare(self, spec: DraftSpec, declaration: Declaration) -> list[Desired]:
        address = Address(declaration.account, self.name, declaration.key)
        return [Desired(address, f"draft: {spec.title}", spec, guard=declaration.guard(), mark=declaration.mark())]

    def observe(self, resource: Resource, view: View) -> Observation:
        owner = view.owner(resource.address)
        if not isinstance(owner, Present):
            return Absent()
        (lists,) = view.read(Read("get_lists", (), owner.identity or None))
        name = resource.entry.identity if resource.entry else resource.want.identity
        return Present(name) if any(item.name == name for item in lists) else Absent()

    def create(self, resource: Resource, view: View) -> Change | None:
        entry = Entry(resource.address, resource.want.identity, {}, resource.want.guard.protect)
        after = {"title": resource.want.spec.title}
        return Change(resource.address, CREATE, "absent_from_account", None, after, "createList", 1, (None, entry))

    def update(self, resource: Resource, present: Present, view: View) -> Change | None:
        if present.identity == resource.want.identity:
            return None
        entry = Entry(resource.address, resource.want.identity, {}, resource.want.guard.protect)
        return Change(
            resource.address, REPLACE, "renamed", {}, {}, "createList", 2, (present.identity, entry), recreates=True
        )

    def delete(self, resource: Resource, observation: Observation, view: View) -> Change | None:
        if not isinstance(observation, Present):
            return None
        return Change(resource.address, DELETE, "gone", {}, None, "deleteList", 1, (observation.identity, None))

    async def execute(self, change: Change, session: Session) -> Sequence[Event]:
        old, entry = change.payload
        login = session.login(change.address.account)
        if old:
            await session.master.delete_list(old, sub_account=login)
        if entry is None:
            return [Drop(change.address)]
        await session.master.create_list(entry.identity, locked=False, fields=(), sub_account=login)
        return [Put(entry)]


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A stack of an smsops with one kind more."""
    with closing(Stack(tmp_path, kinds=(*KINDS, Draft()))) as made:
        yield made


def test_a_new_kind_is_one_file_and_one_line(stack: Stack) -> None:
    """With nothing but an entry in the tuple, a new kind loads, plans, applies, changes, moves and goes."""
    stack.write("drafts:\n  idea: {title: First}\n")

    assert stack.run("validate").exit_code == 0
    assert stack.changes() == {"draft.idea": ["create"]}
    stack.apply()
    assert stack.changes() == {}
    assert stack.run("state", "list").stdout == "draft.idea\n"

    stack.write("drafts:\n  idea: {title: Second}\n")
    assert stack.changes() == {"draft.idea": ["delete", "create"]}
    stack.apply()
    assert stack.changes() == {}

    stack.write("drafts: {}\n")
    stack.apply()
    assert list(stack.sandbox.snapshot()["lists"]["acme"]) == []


def test_a_new_kind_has_its_section_in_sub_accounts_too(stack: Stack) -> None:
    """A kind's section stands at the top and in every account's block, and its mistakes have a place."""
    stack.write(
        "sub_accounts:\n"
        "  a: {first_name: A, last_name: B, company: C, mobile: 0612345678, email: a@b.example,\n"
        "      password: {env: PASSWORD}, drafts: {idea: {titel: x}}}\n"
    )

    result = stack.run("validate")
    assert result.exit_code == 1
    assert 'smsops.yaml:5:50: error SMS110: Unknown key "titel"' in result.stderr
    assert 'Did you mean "title"?' in result.stderr
