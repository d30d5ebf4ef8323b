"""The measured tables as SQLAlchemy's users declare them."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003  (SQLAlchemy reads the annotations)
from decimal import Decimal  # noqa: TC003

from sqlalchemy import DateTime, ForeignKey, Numeric, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    """Of all tables."""


class Account(Base):
    """The table that is measured."""

    __tablename__ = "accounts"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    email: Mapped[str] = mapped_column(String(60), unique=True)
    country: Mapped[str] = mapped_column(String(2))
    age: Mapped[int | None]
    status: Mapped[str] = mapped_column(String(10))
    balance: Mapped[Decimal] = mapped_column(Numeric(12, 2))
    credit: Mapped[Decimal] = mapped_column(Numeric(12, 2))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    orders: Mapped[list[Order]] = relationship(cascade="all, delete-orphan")


class Order(Base):
    """What an account owns."""

    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    amount: Mapped[int]
    items: Mapped[list[Item]] = relationship(cascade="all, delete-orphan")


class Item(Base):
    """What an order holds."""

    __tablename__ = "items"

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    amount: Mapped[int]
