"""`history`: the runs that changed the state."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from smsops.cli.options import Command, current, format_option
from smsops.cli.views.text import done_text
from smsops.model.override import BY_FLAG
from smsops.model.shown import one_line, visible_json
from smsops.surroundings import locate_store

HISTORY_VERSION = "1.0"
_SHOWN = 10


@click.command(cls=Command)
@click.option("-n", "--last", type=click.IntRange(1), default=20, show_default=True, help="How many runs.")
@format_option("text", "json")
def history(last: int, output: str) -> None:
    """Who applied what, when, from which commit, the last run first."""
    settings = current()
    store = locate_store(settings.directory, settings.inputs(), settings.around())
    runs = store.history()[::-1][:last]
    if not runs:
        store.load("")  # where it has moved, its history has gone along
    if output == "json":
        document = {"format_version": HISTORY_VERSION, "runs": runs}
        click.echo(visible_json(json.dumps(document, indent=2, ensure_ascii=False)))
        return
    if not runs:
        click.echo("No run has changed the state yet.", err=True)
    for run in runs:
        click.echo("\n".join(map(one_line, _lines(run))))


def _lines(run: Mapping[str, Any]) -> list[str]:
    until = datetime.fromisoformat(run["until"]).astimezone()
    command = " ".join([run.get("command", "?"), *_options(run)])
    head = f"{run['serial']:>4}  {until:%Y-%m-%d %H:%M}  {run.get('who', 'unknown')}  {command}: {run['outcome']}"
    git = run.get("git")
    source = [f"commit {git['commit'][:10]}{' with changes beside it' if git['dirty'] else ''}"] if git else []
    source += [run["ci_run"]] if "ci_run" in run else []
    lines = [head, *([f"      {', '.join(source)}"] if source else [])]
    lines += [f"      {_override(item)}" for item in run.get("overrides", ())]
    for item in run.get("settled", ()):
        word = "happened" if item.get("happened", True) else "did not happen"
        campaign = f" (campaign {item['campaign_id']})" if "campaign_id" in item else ""
        lines.append(f"      {item.get('method', 'a call')} for {item['address']} {word}{campaign}")
    if "operations" in run:
        named = [done_text(tuple(item["actions"]), item["address"], item["status"]) for item in run["operations"]]
    elif "settled" in run:
        named = []
    else:
        named = [f"recorded: {address}" for address in run.get("recorded", ())]
    lines += [f"      {line}" for line in named[:_SHOWN]]
    if len(named) > _SHOWN:
        lines.append(f"      and {len(named) - _SHOWN} more (--format json has all)")
    return lines


def _override(override: Mapping[str, Any]) -> str:
    where = f" at {override['address']}" if override["address"] else ""
    by = "" if override["by"] == BY_FLAG else f", {override['by']}"
    return f"overridden: {', '.join(override['let_through'])}{where} ({override['reason']}{by})"


def _options(run: Mapping[str, Any]) -> list[str]:
    options = [f"--target {target}" for target in run.get("targets", ())]
    options += ["--adopt"] if run.get("adopt") else []
    return options
