"""`smsops rehearse`: its exit codes, what it says, and what it leaves alone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import ClassVar

import pytest

from smsops.cli.main import run
from smsops.cli.options import Globals
from smsops.kinds import KINDS
from smsops.kinds.base import Kind
from smsops.kinds.session import Session
from smsops.kinds.view import Resource, View
from smsops.model.block import Block
from smsops.model.plan import UPDATE, Change
from smsops.model.resources import Present
from smsops.model.state import Event, Put
from tests.engine.world import CHANGED, world
from tests.harness import API_KEY, LOGIN, Result, Stack
from tests.kinds.contract import mutating, phone
from tests.meta.test_new_kind import Draft, DraftSpec

AGENCY = Path(__file__).parents[2] / "examples" / "agency"


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with closing(Stack(tmp_path / "stack")) as made:
        yield made


def rehearsed(stack: Stack, *arguments: str) -> Result:
    """A rehearsal in text, which must only have read."""
    stack.calls()
    result = stack.run("rehearse", *arguments)
    assert mutating(stack.calls()) == []
    return result


def test_an_example_is_rehearsed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On the embedded sandbox too, what would be done is done to a copy: a later plan has everything still to do."""
    shutil.copytree(AGENCY, tmp_path / "agency", ignore=shutil.ignore_patterns(".smsops"))
    settings = Globals(directory=tmp_path / "agency", environment={})

    assert run(["rehearse"], settings) == 0
    said = capsys.readouterr().out
    assert "Rehearsed. In a copy of the account: 12 operations done, 12 calls" in said
    assert "Calls: createList 3, createSubAccount 2, manageSubAccountCredits 2, populateList 3, sendSms 2." in said
    assert said.endswith("Credits: 90 used. Master balance: 1,000,000 -> 994,940.\nThe next plan is empty.\n")
    assert run(["plan", "--detailed-exitcode"], settings) == 2
    assert not (tmp_path / "agency" / ".smsops" / "state.json").exists()


def test_an_account_with_prices_and_a_past_of_its_own(stack: Stack) -> None:
    """Prices, the blacklist, campaigns to cancel and contacts to keep are those of the account, not of a new one."""
    with stack.sandbox.seeding() as seed:
        seed.prices({"FR": ("33", 7)})
    stack.write(world())
    stack.apply()
    stack.sandbox.blacklist(LOGIN, phone(101))
    stack.write(world(**CHANGED))
    assert stack.run("plan", "-o", "plan.json").exit_code == 0

    result = rehearsed(stack, "plan.json", "--format", "json")
    stack.apply("plan.json")

    assert result.exit_code == 0
    live = stack.sandbox.snapshot()["accounts"]
    assert {one["login"]: one["after"] for one in result.document["credits"]["balances"]} == {
        login: account["credits"] for login, account in live.items()
    }
    assert result.document["calls"]["by_method"]["deleteCampaign"] == 2
    stack.write(world(**(CHANGED | {"people": 6})))
    assert rehearsed(stack, "plan.json").exit_code == 5


def test_what_apply_refuses_is_refused(stack: Stack) -> None:
    """A protection and credits that do not suffice end as apply ends, and nothing is tried."""
    stack.write(world())
    stack.apply()
    stack.sandbox.use_credits(LOGIN, 999_000)
    stack.write(world(**CHANGED) | {"policy": {"max_deletes": 0}})

    result = rehearsed(stack, "--destroy")

    assert (result.exit_code, stack.run("apply", "--destroy", "--auto-approve").exit_code) == (4, 4)
    assert "Rehearsal refused: apply would do nothing, and exit 4." in result.stdout
    stack.write(world(grants=5))
    assert rehearsed(stack).exit_code == 4


def test_what_would_fail_fails_in_the_copy(stack: Stack) -> None:
    """An account that may not log in, and a list that cannot be read, are so in the copy: the rest is tried, and it ends with 3."""
    stack.write(world())
    stack.apply()
    deactivate = {"login": LOGIN, "apiKey": API_KEY, "subAccount": "paris", "accountData": '{"DATA":{"ACTIVE":"0"}}'}
    stack.sandbox.answer("updateSubAccount", deactivate)
    stack.write(world(message="Good morning"))

    result = rehearsed(stack)

    assert result.exit_code == 3
    assert "1 of 2 operations done" in result.stdout
    assert "paris/campaign.hello: Failed (SMS303)" in result.stdout
    assert "The next plan is not empty:" in result.stdout

    stack.write(world(people=4))
    stack.sandbox.fail("getContacts", "truncated", times=8)
    assert rehearsed(stack, "--target", "contacts.vip").exit_code == 3
    stack.sandbox.clear_faults()
    stack.sandbox.fail("getInfo", "error_before", times=8)
    failed = rehearsed(stack, "--format", "json")
    assert (failed.exit_code, failed.document["diagnostics"][0]["code"]) == (1, "SMS304")


def test_doubt_stays_doubt(stack: Stack) -> None:
    """What nobody knows of a call is not known in the copy: it ends with 7, and the journal is what it was."""
    stack.write(world())
    stack.sandbox.fail("sendSms", "drop_after")
    stack.run("apply", "--auto-approve", "--parallelism", "1")
    stack.sandbox.use_credits(LOGIN, 1)
    before = stack.state

    assert rehearsed(stack).exit_code == 7
    assert stack.state == before
    assert stack.run("apply", "--auto-approve").exit_code == 7


class Restless(Draft):
    """A kind that is never content."""

    Spec: ClassVar[type[Block]] = DraftSpec

    def update(self, resource: Resource, present: Present, view: View) -> Change | None:
        entry = resource.owned
        return Change(resource.address, UPDATE, "restless", {}, {}, "createList", 0, entry)

    async def execute(self, change: Change, session: Session) -> Sequence[Event]:
        if change.actions == UPDATE:
            return [Put(change.payload)]
        return await super().execute(change, session)


def test_a_plan_that_never_ends_is_found_out(tmp_path: Path) -> None:
    """Where the next plan is not empty the rehearsal ends with 1 and shows what remains."""
    kinds: tuple[Kind, ...] = (*KINDS, Restless())
    with closing(Stack(tmp_path / "stack", kinds=kinds)) as stack:
        stack.write("drafts:\n  idea: {title: First}\n")

        result = rehearsed(stack)

        assert result.exit_code == 1
        assert "The rehearsal failed. In a copy of the account: 1 operation done, 1 call" in result.stdout
        assert "The next plan is not empty:\n\n  # draft.idea will be updated" in result.stdout
        assert [
            change["address"]
            for change in rehearsed(stack, "--format", "json").document["next_plan"]["resource_changes"]
        ] == ["draft.idea"]


def test_a_change_that_stopped_is_finished_in_the_copy(stack: Stack) -> None:
    """The backup of a list that is gone, in an encrypted state, serves the rehearsal and stays for the apply."""
    stack.environment["STATE_KEY"] = "a long and secret key of the state"
    encrypted = {"encryption": {"key": {"env": "STATE_KEY"}}}
    stack.write(world() | encrypted)
    stack.apply()
    stack.write(world() | encrypted | {"lists": {"vip": world()["lists"]["vip"] | {"locked": False, "name": "Very"}}})
    stack.sandbox.fail("createList", "error_before", times=20)
    assert stack.run("apply", "--auto-approve").exit_code == 3
    stack.sandbox.clear_faults()
    (backup,) = stack.backups
    content = backup.read_bytes()

    result = rehearsed(stack, "--format", "json")

    assert (result.exit_code, result.document["next_plan"]["empty"]) == (0, True)
    assert backup.read_bytes() == content
    stack.calls()
    stack.apply()
    made = [call.method for call in mutating(stack.calls())]
    by_method = result.document["calls"]["by_method"]
    assert {name: made.count(name) for name in made} == {name: by_method[name] for name in by_method if name in made}
    assert len(stack.sandbox.snapshot()["lists"][LOGIN]["Very"]["contacts"]) == 3
