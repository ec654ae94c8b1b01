"""The plan document is read by the tools that people have for Terraform's: jq filters, and rules in Rego as Conftest runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.harness import Stack
from tests.kinds.contract import LATER, inline, people, person

FIRST: dict[str, Any] = {
    "sub_accounts": {"north": person(city="Paris", credits={"grants": {"start": 500}})},
    "lists": {"vip": {"contacts": inline(*people(range(3)))}, "old": {}},
}
SECOND: dict[str, Any] = {
    "sub_accounts": {"north": person(city="Lyon", credits={"grants": {"start": 500, "more": 700}})},
    "lists": {"vip": {"contacts": inline(*people(range(1, 5)))}},
    "campaigns": {"hello": {"message": "Hello. STOP au 36180", "schedule": LATER, "audience": {"lists": ["vip"]}}},
}
RULES = """
package main
import rego.v1

deny contains message if {
  some item in input.resource_changes
  "delete" in item.change.actions
  message := sprintf("%s would be deleted", [item.address])
}

deny contains message if {
  input.credits.moved > 500
  message := sprintf("%d credits would be moved", [input.credits.moved])
}

deny contains message if {
  some item in input.resource_changes
  item.contacts.remove > 10
  message := sprintf("%s would lose %d contacts", [item.address, item.contacts.remove])
}

warn contains message if {
  input.sends.messages > 0
  message := sprintf("%d SMS would be sent", [input.sends.messages])
}
"""


@pytest.fixture
def document(stack: Stack) -> Any:
    """A plan that creates, changes, deletes, moves credits and sends."""
    stack.write(FIRST)
    stack.apply()
    stack.write(SECOND)
    return stack.plan()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('.resource_changes[] | select(.change.actions == ["delete"]) | .address', ["list.old"]),
        ('[.resource_changes[] | select(.change.actions | index("create"))] | map(.type)', [["campaign"]]),
        (
            '.resource_changes[] | select(.type == "sub_account") | [.change.before.city, .change.after.city]',
            [["Paris", "Lyon"]],
        ),
        ("[.resource_changes[].contacts // empty | .add, .remove]", [[2, 1]]),
        (".summary | .add + .change + .destroy", [5]),
        (".credits.master_before - .credits.master_after == .credits.moved + .credits.spend_estimate", [True]),
        ('[.operations[] | select(.method == "sendSms") | .depends_on | length] | max > 0', [True]),
        ('[.resource_changes[].change | has("before") and has("after") and has("after_sensitive")] | all', [True]),
        (".errored, (.resource_drift | length)", [False, 0]),
    ],
)
def test_jq(document: Any, query: str, expected: list[Any]) -> None:
    """Filters that work on Terraform's plan work on this one, and what stands beside it is found as easily."""
    assert (
        elsewhere("import jq; print(json.dumps(jq.compile(text).input_value(document).all()))", query, document)
        == expected
    )


def test_rules_in_rego(document: Any) -> None:
    """A team's Conftest rules see deletes, credits, contacts and sendings."""
    asked = (
        "from regopy import Interpreter; rules = Interpreter(); rules.add_module('plan.rego', text); "
        "rules.set_input(document); said = lambda name: sorted(rules.query(f'data.main.{name}').results[0].expressions[0]); "
        "print(json.dumps([said('deny'), said('warn')]))"
    )

    deny, warn = elsewhere(asked, RULES, document)

    assert deny == ["700 credits would be moved", "list.old would be deleted"]
    assert warn == ["4 SMS would be sent"]


def elsewhere(code: str, text: str, document: Any) -> Any:
    """What some code prints in a process of its own: the C++ library beneath regopy does not get on with DuckDB's."""
    program = f"import json, sys; text, document = json.load(sys.stdin); {code}"
    given = json.dumps([text, document])
    done = subprocess.run([sys.executable, "-c", program], input=given, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)
