"""The rows the Python door is measured with, as a Python program holds them."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from benchmarks.accounts import COUNTRIES, STATUSES, TABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pandas as pd

Row = dict[str, Any]

ACCOUNTS = TABLE
COLUMNS = ("id", "email", "country", "age", "status", "balance", "credit", "created_at")
ORDERS_EACH, ITEMS_EACH = 3, 2
"""Of each account so many orders, of each order so many items."""

ORDERS = """
CREATE TABLE orders (
  id INTEGER NOT NULL PRIMARY KEY,
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  amount INTEGER NOT NULL
)
"""
ITEMS = """
CREATE TABLE items (
  id INTEGER NOT NULL PRIMARY KEY,
  order_id INTEGER NOT NULL REFERENCES orders (id),
  amount INTEGER NOT NULL
)
"""
SHOP = (
    ACCOUNTS,
    ORDERS,
    ITEMS,
    "CREATE INDEX orders_account ON orders (account_id)",
    "CREATE INDEX items_order ON items (order_id)",
)
"""Three tables, one below the other; no foreign key removes anything by itself."""


def account(number: int) -> Row:
    """One account: a pure function of its number, which is its key."""
    mixed = number * 2_654_435_761 % 4_294_967_296
    return {
        "id": number,
        "email": f"person.{number}@example.org",
        "country": COUNTRIES[mixed % 8],
        "age": 18 + mixed % 80,
        "status": STATUSES[(mixed >> 7) % 2],
        "balance": Decimal(mixed % 1_000_000) / 100,
        "credit": Decimal(10_000 + mixed % 5000),
        "created_at": datetime(
            2024, mixed % 12 + 1, mixed % 28 + 1, mixed % 24, mixed % 59, mixed % 60, tzinfo=UTC
        ),
    }


def accounts(numbers: Iterable[int]) -> Iterator[Row]:
    """The accounts of these numbers, made one by one."""
    return map(account, numbers)


def orders(owners: Iterable[int]) -> Iterator[Row]:
    """The orders of these accounts."""
    for owner in owners:
        for place in range(ORDERS_EACH):
            number = (owner - 1) * ORDERS_EACH + place + 1
            yield {"id": number, "account_id": owner, "amount": number % 1000}


def items(owners: Iterable[int]) -> Iterator[Row]:
    """The items of the orders of these accounts."""
    for order in orders(owners):
        for place in range(ITEMS_EACH):
            number = (order["id"] - 1) * ITEMS_EACH + place + 1
            yield {"id": number, "order_id": order["id"], "amount": number % 1000}


def texts(row: Row) -> tuple[Any, ...]:
    """As a person hands a row to SQLite, whose driver knows no decimals: these are made texts, and
    moments, too, in the form of SQLAlchemy, with six digits of fraction.
    """
    if len(row) < len(COLUMNS):
        return tuple(row.values())
    number, email, country, age, status, balance, credit, created = row.values()
    moment = created.isoformat(" ", "microseconds")[:26]
    return number, email, country, age, status, str(balance), str(credit), moment


def frame(rows: list[Row]) -> pd.DataFrame:
    """The same as pandas reads it: numbers as float64, moments as datetime64."""
    import pandas as pd

    made = pd.DataFrame(rows, columns=list(COLUMNS))
    return made.astype({"balance": "float64", "credit": "float64"})


SUMS = {
    "rows": "1",
    "ids": "id",
    "letters": "LENGTH(email) + LENGTH(country)",
    "ages": "age",
    "closed": "CASE WHEN status = 'closed' THEN id % 1009 ELSE 0 END",
    "cents": "CAST(ROUND(balance * 100) AS BIGINT)",
    "pairs": "(id % 1009) * (CAST(ROUND(balance * 100) AS BIGINT) % 997)",
    "credits": "CAST(ROUND(credit * 100) AS BIGINT)",
    "days": "CAST(SUBSTR(CAST(created_at AS VARCHAR(30)), 9, 2) AS BIGINT)",
}
"""What is summed over the table; `pairs` and `closed` notice a value in a wrong row."""
TOLD = "SELECT {} FROM accounts".format(", ".join(f"SUM({sql})" for sql in SUMS.values()))


def sums(rows: Iterable[Row]) -> dict[str, int]:
    """The same sums, of rows as they must stand in the table."""
    found: Counter[str] = Counter(dict.fromkeys(SUMS, 0))
    for row in rows:
        cents = int(row["balance"] * 100)
        found["rows"] += 1
        found["ids"] += row["id"]
        found["letters"] += len(row["email"]) + len(row["country"])
        found["ages"] += row["age"]
        found["closed"] += row["id"] % 1009 if row["status"] == "closed" else 0
        found["cents"] += cents
        found["pairs"] += row["id"] % 1009 * (cents % 997)
        found["credits"] += int(row["credit"] * 100)
        found["days"] += row["created_at"].day
    return dict(found)
