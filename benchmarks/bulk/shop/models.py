"""The measured tables as Django's users declare them; Django makes none of them."""

from __future__ import annotations

from django.db import models  # type: ignore[import-untyped]


class Account(models.Model):  # type: ignore[misc]
    """The table that is measured."""

    id = models.IntegerField(primary_key=True)
    email = models.CharField(max_length=60, unique=True)
    country = models.CharField(max_length=2)
    age = models.IntegerField(null=True)
    status = models.CharField(max_length=10)
    balance = models.DecimalField(max_digits=12, decimal_places=2)
    credit = models.DecimalField(max_digits=12, decimal_places=2)
    created_at = models.DateTimeField()

    class Meta:
        """Of a table that exists."""

        managed = False
        db_table = "accounts"

    def __str__(self) -> str:
        return str(self.email)


class Owner(models.Model):  # type: ignore[misc]
    """The same table, as one that owns orders: deleting an `Account` looks for none."""

    id = models.IntegerField(primary_key=True)

    class Meta:
        """Of a table that exists."""

        managed = False
        db_table = "accounts"

    def __str__(self) -> str:
        return str(self.id)


class Order(models.Model):  # type: ignore[misc]
    """What an account owns."""

    id = models.IntegerField(primary_key=True)
    account = models.ForeignKey(Owner, on_delete=models.CASCADE)
    amount = models.IntegerField()

    class Meta:
        """Of a table that exists."""

        managed = False
        db_table = "orders"

    def __str__(self) -> str:
        return str(self.id)


class Item(models.Model):  # type: ignore[misc]
    """What an order holds."""

    id = models.IntegerField(primary_key=True)
    order = models.ForeignKey(Order, on_delete=models.CASCADE)
    amount = models.IntegerField()

    class Meta:
        """Of a table that exists."""

        managed = False
        db_table = "items"

    def __str__(self) -> str:
        return str(self.id)
