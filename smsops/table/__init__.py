"""Contacts as tables: read from sources and from answers, compared, combined, and cut into batches.

Few contacts are rows in a dict, many are columns in an embedded engine; whoever asks sees no difference. Nothing here
knows the account, the configuration or the plan, and the engine is imported only where there are many contacts.
"""

from smsops.table.rows import Rows
from smsops.table.table import BATCH, BadCondition, Difference, Fields, Row, Table

__all__ = ["BATCH", "BadCondition", "Difference", "Fields", "Row", "Rows", "Table"]
