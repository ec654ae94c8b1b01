"""The columns of the data, on either side. A module of its own, because importing it costs nothing."""

from __future__ import annotations

COLUMNS = ("phone", "firstname", "lastname", "city", "shop")
LIVE_KEYS = ("MobilePhone", "Firstname", "Lastname", "City", "Shop")
"""Declared as FIRSTNAME, read back as Firstname: what the API does."""
FIELDS = ("FIRSTNAME", "LASTNAME", "CITY", "SHOP")
