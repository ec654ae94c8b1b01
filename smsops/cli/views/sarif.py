"""Diagnostics as SARIF 2.1.0, for code scanning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smsops import __version__
from smsops.cli.views.annotations import located
from smsops.model.diagnostics import Diagnostic, Mark

if TYPE_CHECKING:
    from smsops.cli.codes import Explanation

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def document(found: Sequence[Diagnostic], root: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    """One run, with a rule for each code that was found. Paths are from GITHUB_WORKSPACE, or from where smsops was started."""
    from smsops.cli.codes import explained

    known, places = explained(), {item.code: None for item in found}
    rules = [_rule(code, known.get(code)) for code in places]
    order = {code: place for place, code in enumerate(places)}
    workspace = Path(environment.get("GITHUB_WORKSPACE") or ".")
    results = [
        {
            "ruleId": item.code,
            "ruleIndex": order[item.code],
            "level": item.severity,
            "message": {"text": "\n".join(filter(None, (item.summary, item.detail)))},
            "locations": [_location(item, root, workspace)],
        }
        for item in found
    ]
    driver = {"name": "smsops", "semanticVersion": __version__, "rules": rules}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _location(item: Diagnostic, root: Path, workspace: Path) -> dict[str, Any]:
    """Code scanning takes no result without a file: what is about none is about the stack's own."""
    from urllib.parse import quote

    mark = item.mark or Mark("smsops.yaml", 1)
    region = {"startLine": mark.line, **({"startColumn": mark.column} if mark.column else {})}
    file = located(mark, root, workspace) or mark.file
    location: dict[str, Any] = {"physicalLocation": {"artifactLocation": {"uri": quote(file)}, "region": region}}
    if item.address:
        location["logicalLocations"] = [{"fullyQualifiedName": str(item.address), "kind": "resource"}]
    return location


def _rule(code: str, explanation: Explanation | None) -> dict[str, Any]:
    if explanation is None:
        return {"id": code}
    text = explanation.to_do
    return {"id": code, "shortDescription": {"text": explanation.means}, "help": {"text": text, "markdown": text}}
