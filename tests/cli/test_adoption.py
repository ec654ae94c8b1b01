"""`export` and `import`: an account that exists comes under a stack, and nothing in it changes."""

from __future__ import annotations

import shutil
from pathlib import Path

from smsops.cli.main import run
from smsops.cli.options import Globals
from tests.harness import LOGIN, Stack
from tests.kinds.contract import as_the_master, assert_discreet, inline, people, person, phone

CASES = Path(__file__).parents[1] / "cases" / "export"


def test_what_an_export_looks_like(stack: Stack) -> None:
    """The files are what a person would have written: the least that says it, keys from names, comments where one may ask."""
    stack.sandbox.add_sub_account(
        LOGIN, "acme-paris", firstname="Thomas", lastname="Smith", society="ACME", email="paris@acme.example",
        mobile="+33612345678", zip="75002", city="Paris", billsociety="ACME SAS", billcity="Paris",
    )  # fmt: skip
    rows = [{"phone": phone(n), "FIRSTNAME": name, "SHOP": "Lyon, 2e"} for n, name in enumerate(["Zoé", "", "Léa"])]
    stack.sandbox.add_list(LOGIN, "Clients fidèles", ["FIRSTNAME", "SHOP"], rows)
    stack.sandbox.add_list(LOGIN, "staff", (), locked=True)
    stack.sandbox.add_list("acme-paris", "vip", ["SHOP"], [{"phone": phone(7), "SHOP": 'le "Q"'}])

    assert stack.run("export", "out").exit_code == 0

    written = {
        path.relative_to(stack.root / "out").as_posix(): path.read_text("utf-8")
        for path in (stack.root / "out").rglob("*")
        if path.suffix in (".yaml", ".csv")
    }
    golden = {
        path.relative_to(CASES).as_posix(): path.read_text("utf-8") for path in CASES.rglob("*") if path.is_file()
    }
    assert written == golden
    assert {path.stat().st_mode & 0o777 for path in (stack.root / "out").rglob("*.csv")} == {0o600}


def test_a_large_list_is_exported(stack: Stack) -> None:
    """A list that is too long for rows is written and owned too; whom no file can hold stays, and that is said."""
    numbers = [f"336{n:08d}" for n in range(35_000)]
    shop = "a shop with a name that is long enough for a body of some megabytes, and more"
    rows = [{"phone": number, "SHOP": shop} for number in [*numbers, "33692123456"]]
    stack.sandbox.add_list(LOGIN, "vip", ["SHOP"], rows)

    exported = stack.run("export", "out")

    assert "35,000 contacts" in exported.stdout
    assert "warning SMS463: list.vip is written without something" in exported.stderr
    assert_discreet(exported.stderr, phones=["33692123456"])
    assert "membership: additive" in (stack.root / "out" / "smsops.yaml").read_text()
    assert stack.run("-C", str(stack.root / "out"), "plan", "--detailed-exitcode").exit_code == 0


def test_an_export_is_whole_or_not_there(stack: Stack) -> None:
    """Where something cannot be read, or something is there already, nothing is written, and it says what to do."""
    stack.sandbox.add_list(LOGIN, "vip", ["SHOP"], people(range(3), SHOP="Lyon"))
    stack.sandbox.fail("getContacts", "garbage", times=50)
    failed = stack.run("export", "out")
    assert (failed.exit_code, list(stack.root.iterdir())) == (1, [])
    assert "error SMS264: list.vip could not be read" in failed.stderr

    stack.sandbox.clear_faults()
    (stack.root / "out").mkdir()
    assert stack.run("export", "out").exit_code == 0
    again = stack.run("export", "out")
    assert again.exit_code == 1
    assert "SMS462" in again.stderr


def test_an_export_without_contacts_leaves_them_alone(stack: Stack) -> None:
    """With --no-contacts nobody's number is written, and who comes or goes in the list is no change."""
    stack.sandbox.add_list(LOGIN, "vip", ["SHOP"], people(range(3), SHOP="Lyon"))
    assert stack.run("export", "out", "--no-contacts").exit_code == 0

    assert not list((stack.root / "out").rglob("*.csv"))
    assert "SHOP: {}" in (stack.root / "out" / "smsops.yaml").read_text()
    listed = stack.run("-C", str(stack.root / "out"), "state", "list")
    assert listed.stdout == "list.vip\n"


def test_an_account_of_which_a_part_is_exported_is_protected(stack: Stack) -> None:
    """Destroying what owns a part of an account would take the rest along: it is refused."""
    stack.sandbox.add_sub_account(LOGIN, "paris")
    for name in ("vip", "staff"):
        stack.sandbox.add_list("paris", name)
    assert stack.run("export", "out", "--target", "paris/list.vip").exit_code == 0
    assert stack.run("-C", str(stack.root / "out"), "destroy", "--auto-approve").exit_code == 4
    assert stack.run("export", "none", "--target", "paris/list.vop").exit_code == 1


def test_the_embedded_sandbox_comes_along(tmp_path: Path) -> None:
    """The export of a stack on the embedded sandbox has the account with it, and plans empty there."""

    def smsops(*arguments: str) -> int:
        return run(arguments, Globals(directory=tmp_path, environment={}))

    assert smsops("init", "shop") == 0
    assert smsops("-C", str(tmp_path / "shop"), "apply", "--auto-approve", "--target", "list.*") == 0
    assert smsops("-C", str(tmp_path / "shop"), "export", str(tmp_path / "copy"), "--stack", "copy") == 0
    assert smsops("-C", str(tmp_path / "copy"), "plan", "--detailed-exitcode") == 0
    assert 'url: "sandbox:"' in (tmp_path / "copy" / "smsops.yaml").read_text()


def forgotten(stack: Stack, **then: object) -> None:
    """An account that a stack has made, whose state is gone; the configuration is another one by then."""
    vip = {"fields": {"SHOP": {}}, "contacts": inline(*people(range(3), SHOP="Lyon"))}
    stack.write({"sub_accounts": {"paris": person(city="Lyon", lists={"vip": vip})}, "lists": {"vip": vip}})
    stack.apply()
    shutil.rmtree(stack.root / ".smsops")
    fewer = {"fields": {"SHOP": {}}, "contacts": inline(*people(range(2), SHOP="Lyon"))}
    paris = person(city="Paris", lists={"vip": {**fewer, "membership": "exact"}})
    campaign = {"message": "Hi", "schedule": "2026-12-01 10:00", "audience": {"lists": ["vip"]}}
    stack.write(
        {"sub_accounts": {"paris": paris}, "lists": {"vip": fewer, "new": {}}, "campaigns": {"hello": campaign}}
    )


def test_import_owns_what_is_there_as_it_is(stack: Stack) -> None:
    """An import changes nothing live, takes along what the resource needs and holds, and shows what comes next."""
    forgotten(stack)
    before = stack.sandbox.snapshot()

    assert stack.run("import", "paris/list.vip").exit_code == 1  # nobody can be asked
    imported = stack.run("import", "paris/list.vip", "--auto-approve")

    assert (imported.exit_code, stack.sandbox.snapshot()) == (0, before)
    assert "3 to adopt" in imported.stdout
    assert 'city: "Lyon" -> "Paris"' in imported.stdout
    assert "password: (write-only) -> (write-only, changed)" in imported.stdout
    assert stack.run("state", "list").stdout == "sub_account.paris\nparis/contacts.vip\nparis/list.vip\n"
    assert stack.changes("--target", "paris/*") == {"sub_account.paris": ["update"], "paris/contacts.vip": ["update"]}
    assert "import: done" in stack.run("history").stdout
    stack.apply("--target", "paris/*")
    assert stack.changes("--target", "paris/*") == {}


def test_an_import_says_no_more_than_it_looked_at(stack: Stack) -> None:
    """What comes next is told of all that was named, also of what is not there yet; of the rest nothing is claimed."""
    stack.write({"sub_accounts": {"paris": person()}})
    stack.apply()
    stack.run("state", "rm", "sub_account.paris")
    stack.write({"sub_accounts": {"paris": person(credits={"grants": {"first": 100}})}})

    alone = stack.run("import", "sub_account.paris", "--auto-approve")
    assert "password: (write-only)" in alone.stdout
    assert "matches the configuration" not in alone.stdout
    stack.run("state", "rm", "sub_account.paris")
    both = stack.run("import", "sub_account.paris", "paris/*", "--auto-approve")
    assert (both.exit_code, "paris/credits will be created" in both.stdout) == (0, True), both.stderr

    stack.apply("--target", "sub_account.paris")
    stack.write({"lists": {"vip": {}}, "sub_accounts": {"paris": person()}})
    stack.apply()
    stack.run("state", "rm", "list.vip")
    plain = stack.run("import", "list.vip", "--auto-approve")
    assert "Nothing of it would change after that" in plain.stdout


def test_an_import_is_one_document(stack: Stack) -> None:
    """Whoever posts an import as a comment gets its document and nothing before it: the comment is found by its first line."""
    forgotten(stack)
    imported = stack.run("import", "paris/list.vip", "--auto-approve", "--format", "markdown")
    assert imported.exit_code == 0
    assert imported.stdout.startswith("<!-- smsops: apply ")
    assert imported.stdout.count("<!-- smsops") == 1


def test_import_refuses_what_it_cannot_own(stack: Stack) -> None:
    """What is not declared, not there, owned already, not told by the API, or would lose people is refused with a way out."""
    forgotten(stack)
    stack.run("import", "paris/list.vip", "--auto-approve")
    state = stack.state
    for address, code in (
        ("list.vop", "SMS470"),
        ("paris/list.vip", "SMS471"),
        ("list.new", "SMS472"),
        ("campaign.hello", "SMS473"),
        ("list.vip", "SMS232"),
    ):
        refused = stack.run("import", address, "--auto-approve")
        assert (refused.exit_code, code in refused.stderr) == (1, True), refused.stderr
    assert stack.state == state


def test_drift_of_what_was_adopted(stack: Stack) -> None:
    """What somebody changes in an account after its export is drift, told as of anything that was applied."""
    stack.sandbox.add_sub_account(LOGIN, "paris", city="Paris")
    stack.sandbox.add_list(LOGIN, "vip", ["SHOP"], people(range(3), SHOP="Lyon"))
    assert stack.run("export", "out").exit_code == 0
    there = ("-C", str(stack.root / "out"))
    assert stack.run(*there, "drift", "--detailed-exitcode").exit_code == 0

    as_the_master(
        stack, "updateSubAccount", subAccount="paris", accountData='{"DATA":{"CITY":"Lyon"}}', returnformat="json"
    )
    gone = f'{{"DATA":{{"LISTNAME":"vip","CONTACT":[{{"MOBILEPHONE":"{phone(1)}"}}]}}}}'
    as_the_master(stack, "deleteContacts", deleteData=gone, returnformat="json")

    drift = stack.run(*there, "drift", "--detailed-exitcode", "--format", "json")
    assert drift.exit_code == 2
    assert {one["address"] for one in drift.document["resource_drift"]} == {"sub_account.paris", "contacts.vip"}
