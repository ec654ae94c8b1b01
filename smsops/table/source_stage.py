"""The table that the rows of a source go into, whatever its format."""

from __future__ import annotations

from collections.abc import Sequence

from smsops.model.phone import InvalidPhone, normalise_mobile
from smsops.table.columns import Columns, load_rows
from smsops.table.engine import column
from smsops.table.mistakes import Mistakes
from smsops.table.phones import fast_path
from smsops.table.stage import Stage


class SourceStage(Stage[Mistakes]):
    """The rows of a source: the phone of one that the fast path has left is null, and `text` what stands there."""

    def __init__(self, fields: Sequence[str], country: str, codes: Sequence[int] = ()) -> None:
        super().__init__(fields, "text VARCHAR")
        self._country = country
        self._codes = codes
        self.spaced = False
        """Whether some texts may have spaces at their ends."""
        self._left: dict[str, str] = {}

    def add_read(self, rows: str, number: int) -> list[str]:
        """Add what a query reads, `text` (of a phone) and the fields f0, f1…; the texts that are no mobile."""
        values = "".join(f", f{place}" for place in range(len(self.fields)))
        self.add(
            f"SELECT digits{values}, {number}, CASE WHEN digits IS NULL THEN text END "
            f"FROM ({fast_path('text', self._country, rows, self._codes)})"
        )
        left = self.engine.run(f"SELECT DISTINCT text FROM {self.name} WHERE piece = {number} AND text IS NOT NULL")
        wrong: list[str] = []
        for (text,) in left:
            try:
                self._left[text] = normalise_mobile(text, self._country)
            except InvalidPhone:
                wrong.append(text)
        return wrong

    def finished(self) -> tuple[Columns, list[str]]:
        """The table, each phone once, and the phones that stood twice with different fields."""
        if self._left:
            known = load_rows(("text",), ((phone, {"text": text}) for text, phone in self._left.items()))
            self.engine.run(
                f"UPDATE {self.name} s SET phone = k.phone FROM {known.source} k "
                f"WHERE s.phone IS NULL AND s.text = k.{column('text')}"
            )
        return self.settled(spaced=self.spaced)
