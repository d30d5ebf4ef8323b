"""Random tables with random foreign keys and rows, and what must go by plain reasoning."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

ACTIONS = ("NO ACTION", "RESTRICT", "CASCADE", "CASCADE", "SET NULL")
Row = tuple[str, int]
"""A row: its table, its number."""


@dataclass(frozen=True)
class Key:
    """A foreign key: the child's column `r<number>` refers to the parent's `id` or `code`."""

    number: int
    child: str
    parent: str
    column: str
    action: str

    @property
    def kind(self) -> str:
        return "VARCHAR(9)" if self.column == "code" else "INTEGER"

    def sql(self) -> str:
        return (
            f"FOREIGN KEY (r{self.number}) REFERENCES {self.parent} ({self.column})"
            f" ON DELETE {self.action}"
        )


@dataclass
class Graph:
    """Up to five tables, which refer to each other and to themselves as chance has it.

    Attributes:
        rows: the numbers of each table's rows.
        references: to which row another one refers, by which key.
    """

    seed: int
    keys: list[Key] = field(default_factory=list)
    rows: dict[str, list[int]] = field(default_factory=dict)
    references: dict[tuple[Row, Key], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        names = [f"t{n}" for n in range(self.chance.randint(2, 5))]
        self.rows = {name: list(range(1, self.chance.randint(3, 14))) for name in names}
        for number in range(self.chance.randint(len(names) - 1, 2 * len(names))):
            self.keys.append(self._key(number, names))
        for key in self.keys:
            for row in self.rows[key.child]:
                if self.chance.random() < 0.6:
                    to = self.chance.choice(self.rows[key.parent])
                    self.references[(key.child, row), key] = to

    def _key(self, number: int, names: list[str]) -> Key:
        """Mostly of a later table to an earlier one."""
        parent, child = sorted(self.chance.choices(names, k=2))
        if self.chance.random() < 0.2:
            parent, child = child, parent
        column = self.chance.choice(["id", "id", "code"])
        return Key(number, child, parent, column, self.chance.choice(ACTIONS))

    def tables(self, *, with_keys: bool) -> list[str]:
        return [self._table(name, with_keys=with_keys) for name in self.rows]

    def _table(self, name: str, *, with_keys: bool) -> str:
        """A table nobody refers to has no primary key now and then."""
        referred = any(key.parent == name for key in self.keys)
        keyless = name != "t0" and not referred and self.seed % 2
        mine = [key for key in self.keys if key.child == name]
        parts = ["id INTEGER" if keyless else "id INTEGER PRIMARY KEY", "code VARCHAR(9) UNIQUE"]
        parts += [f"r{key.number} {key.kind}" for key in mine]
        parts += [key.sql() for key in mine] if with_keys else []
        return f"CREATE TABLE {name} ({', '.join(parts)})"

    def inserts(self) -> list[str]:
        return [self._insert(name, row) for name, rows in self.rows.items() for row in rows]

    def _insert(self, name: str, row: int) -> str:
        mine = [key for key in self.keys if key.child == name]
        given = [(key, self.references.get(((name, row), key))) for key in mine]
        values = [str(row), f"'c{row}'"]
        values += [
            "NULL" if to is None else f"'c{to}'" if key.column == "code" else str(to)
            for key, to in given
        ]
        return f"INSERT INTO {name} VALUES ({', '.join(values)})"

    def foreign_keys(self) -> list[str]:
        return [f"ALTER TABLE {key.child} ADD {key.sql()}" for key in self.keys]

    def roots(self) -> list[int]:
        """Rows of the first table, and one that is not there."""
        return [*self.chance.sample(self.rows["t0"], self.chance.randint(1, 2)), 99]

    def doomed(self, roots: list[int]) -> set[Row]:
        """The rows that must go with these of the first table."""
        found = {("t0", root) for root in roots if root in self.rows["t0"]}
        while more := {
            row
            for (row, key), to in self.references.items()
            if key.action != "SET NULL" and (key.parent, to) in found and row not in found
        }:
            found |= more
        return found

    def left(self, roots: list[int]) -> dict[str, list[int]]:
        """The rows of each table that must stay."""
        gone = self.doomed(roots)
        return {
            name: [row for row in rows if (name, row) not in gone]
            for name, rows in self.rows.items()
        }
