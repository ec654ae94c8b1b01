"""Which commands a stack file lets run in CI: `settings.ci_commands`."""

from __future__ import annotations

from smsops.config.files import STACK_FILE
from smsops.config.yaml import Mapping, Sequence, parse
from smsops.model.diagnostics import Diagnostics


def allowed(content: str) -> list[list[str]]:
    """Each as a list of globs; none where the file says it in no way that is understood, or is wrong."""
    found = Diagnostics()
    tree = parse(content.encode(), STACK_FILE, found)
    settings = tree.get("settings") if isinstance(tree, Mapping) else None
    commands = settings.get("ci_commands") if isinstance(settings, Mapping) else None
    if found.has_errors or not isinstance(commands, Sequence):
        return []
    lists = [list(globs) for globs in commands if isinstance(globs, Sequence)]
    return [globs for globs in lists if globs and all(isinstance(glob, str) for glob in globs)]
