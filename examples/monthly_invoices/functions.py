"""The project's own functions. Each may be called again for the same batch: they do no harm."""

from __future__ import annotations

import csv
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batch_ops import function

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent


@function("calculate_customer_usage")
def calculate_customer_usage(asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What each customer used in a month, from the meter's file."""
    totals: defaultdict[int, Decimal] = defaultdict(Decimal)
    with (HERE / "data" / "usage.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["month"] == asked["month"]:
                totals[int(row["customer_id"])] += Decimal(row["amount"])
    for customer_id, total in totals.items():
        yield {"customer_id": customer_id, "total_amount": total}


@function("generate_invoice_pdf")
def generate_invoice_pdf(invoice_ids: list[int]) -> None:
    """A file for each invoice; a text stands in for the PDF here."""
    folder = HERE / "invoices"
    folder.mkdir(exist_ok=True)
    for invoice_id in invoice_ids:
        (folder / f"{invoice_id}.txt").write_text(f"Invoice {invoice_id}\n")


@function("send_invoice_notifications")
def send_invoice_notifications(invoice_ids: list[int]) -> None:
    """A letter for each invoice, put where the mail program takes them from."""
    folder = HERE / "outbox"
    folder.mkdir(exist_ok=True)
    for invoice_id in invoice_ids:
        (folder / f"{invoice_id}.txt").write_text(f"Your invoice {invoice_id} is ready.\n")
