"""Ways in which a row can be bad, and a world in which each of them can happen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

SQLITE, POSTGRESQL, MARIADB = "sqlite", "postgresql", "mysql"
INSERT, UPSERT, COPY, UPDATE, DELETE = OPERATIONS = (
    *("insert", "upsert", "copy", "update", "delete"),
)
WRITING = (INSERT, UPSERT, COPY, UPDATE)
ROWS, BATCH = 60, 20
BAD = (7, 8, 29, 60)
"""Side by side, alone in its batch, and at the end; 56 others are good."""

ENTITY = f"""
name: items
key: id
fields:
  id: integer
  name: string(10)
  code: string(20)
  amount: integer
  parent: integer
  wish: string(20)
patterns:
  - name: batch_operations
    operation: insert
    data_source: csv_file
    source_path: items.csv
    batch_size: {BATCH}
  - name: batch_operations
    operation: upsert
    operation_type: upsert
    data_source: csv_file
    source_path: items.csv
    batch_size: {BATCH}
  - name: batch_operations
    operation: copy
    data_source: table
    source_path: origin
    batch_size: {BATCH}
  - name: batch_operations
    operation: update
    operation_type: update
    update_data: {{{{{{column}}: {{{{sql: "{{value}}"}}}}}}}}
    where_condition: "wish IS NOT NULL"
    batch_size: {BATCH}
  - name: batch_operations
    operation: delete
    operation_type: delete
    where_condition: "wish IS NOT NULL"
    batch_size: {BATCH}
"""
ORIGIN = """
name: origin
key: id
fields:
  id: integer
  name: string(20)
  code: string(20)
  amount: integer
  parent: integer
  wish: string(20)
"""
TABLES = (
    (
        "CREATE TABLE origin (id INTEGER PRIMARY KEY, name VARCHAR(20), code VARCHAR(20),"
        " amount INTEGER, parent INTEGER, wish VARCHAR(20))"
    ),
    "CREATE TABLE parents (id INTEGER PRIMARY KEY)",
    "INSERT INTO parents VALUES (1), (2)",
    (
        "CREATE TABLE items (id INTEGER PRIMARY KEY, name VARCHAR(10) NOT NULL,"
        " code VARCHAR(20), amount INTEGER, parent INTEGER, wish VARCHAR(20),"
        " CONSTRAINT not_13 CHECK (amount <> 13), {code},"
        " CONSTRAINT has_parent FOREIGN KEY (parent) REFERENCES parents (id){deferred})"
    ),
    (
        "CREATE TABLE children (id INTEGER PRIMARY KEY, item INTEGER,"
        " CONSTRAINT has_item FOREIGN KEY (item) REFERENCES items (id){deferred})"
    ),
    "INSERT INTO items VALUES (1000, 'old', 'old', 1, 1, NULL)",
)
UNIQUE_CODE = "CONSTRAINT one_code UNIQUE (code)"


def _plain(value: str) -> Callable[[int], str]:
    return lambda _: value


@dataclass(frozen=True)
class Kind:
    """A way to be bad.

    Attributes:
        column, value: what stands where in a bad row, by its number.
        code: how it is told; `codes`: otherwise by some database, or by it and an operation.
        columns: the column that is told, by database and operation, by database, by operation, or
            everywhere (""); None: nobody tells it.
        databases, operations: where there is such a thing.
        wish: what an update sets the column to.
        deferred: whether foreign keys are judged when the transaction ends.
        own_code: what is declared of the code instead of UNIQUE.
        before: what is done to the database first.
    """

    column: str | None
    value: Callable[[int], str]
    code: str
    codes: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str | None] = field(default_factory=dict)
    databases: tuple[str, ...] = (SQLITE, POSTGRESQL, MARIADB)
    operations: tuple[str, ...] = WRITING
    wish: str = "wish"
    deferred: bool = False
    own_code: str = UNIQUE_CODE
    before: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def told(self, database: str, operation: str) -> tuple[str, str | None]:
        """The code and the column of its reject."""
        places = (f"{database} {operation}", database, operation, "")
        codes, columns = {"": self.code, **self.codes}, {"": None, **self.columns}
        return (
            next(codes[place] for place in places if place in codes),
            next(columns[place] for place in places if place in columns),
        )


_NUMBER = "CAST(wish AS INTEGER)"


def _raising(what: str) -> Mapping[str, tuple[str, ...]]:
    """Triggers of PostgreSQL that refuse a row whose code begins so, or its wish when it goes."""
    function = (
        "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger AS $$"
        f" BEGIN {what} RETURN NULL; END $$ LANGUAGE plpgsql"
    )
    begins = (
        "CREATE TRIGGER {0} AFTER {1} ON items FOR EACH ROW WHEN (substr({2}.{3}, 1, 3) = 'bad')"
    )
    call = " EXECUTE FUNCTION refuse()"
    return {
        POSTGRESQL: (
            function,
            begins.format("refuse", "INSERT OR UPDATE", "NEW", "code") + call,
            begins.format("keep", "DELETE", "OLD", "wish") + call,
        )
    }


def _sqlite_raising(how: str, when: str) -> Mapping[str, tuple[str, ...]]:
    return {
        SQLITE: tuple(
            f"CREATE TRIGGER on_{event} {when} {event} ON items WHEN substr({row}, 1, 3) = 'bad'"
            f" BEGIN SELECT RAISE({how}, 'refused'); END"
            for event, row in (
                ("INSERT", "NEW.code"),
                ("UPDATE", "NEW.code"),
                ("DELETE", "OLD.wish"),
            )
        )
    }


_SIGNAL = {
    MARIADB: tuple(
        f"CREATE TRIGGER on_{event} AFTER {event} ON items FOR EACH ROW"
        f" IF substr({row}, 1, 3) = 'bad'"
        " THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'refused'; END IF"
        for event, row in (("INSERT", "NEW.code"), ("UPDATE", "NEW.code"), ("DELETE", "OLD.wish"))
    )
}


def _trigger(code: str, before: Mapping[str, tuple[str, ...]]) -> Kind:
    value = lambda number: f"bad{number}"  # noqa: E731  (each row's is its own)
    return Kind("code", value, code, databases=tuple(before), operations=OPERATIONS, before=before)


KINDS = {
    "null": Kind("name", _plain(""), "23502", columns={"": "name"}, wish="NULLIF(wish, '')"),
    "unique": Kind("code", _plain("old"), "23505", columns={"": "code", MARIADB: None}),
    "exclusion": Kind(
        "code",
        _plain("old"),
        "23P01",
        columns={"": "code"},
        databases=(POSTGRESQL,),
        own_code="CONSTRAINT one_code EXCLUDE USING btree (code WITH =)",
    ),
    "check": Kind(
        "amount",
        _plain("13"),
        "23514",
        columns={"postgresql insert": "amount"},
        wish=_NUMBER,
    ),
    "parent": Kind(
        "parent",
        _plain("99"),
        "23503",
        columns={POSTGRESQL: "parent", INSERT: "parent"},
        wish=_NUMBER,
    ),
    "type": Kind(
        "amount",
        _plain("many"),
        "22P02",
        {"sqlite update": "22000", "mysql update": "22007"},
        columns={INSERT: "amount", UPSERT: "amount"},
        operations=(INSERT, UPSERT, UPDATE),
        wish=_NUMBER,
    ),
    "overflow": Kind(
        "amount",
        _plain("99999999999999999999"),
        "22003",
        {"mysql update": "22007"},
        columns={INSERT: "amount", UPSERT: "amount"},
        operations=(INSERT, UPSERT, UPDATE),
        wish=_NUMBER,
    ),
    "length": Kind(
        "name",
        _plain("x" * 11),
        "22001",
        columns={"": "name", "sqlite update": None, "postgresql update": None},
        operations=(INSERT, UPSERT, UPDATE),
    ),
    "deferred parent": Kind(
        "parent",
        _plain("99"),
        "23503",
        columns={POSTGRESQL: "parent"},
        wish=_NUMBER,
        databases=(SQLITE, POSTGRESQL),
        deferred=True,
    ),
    "child": Kind(None, _plain(""), "23503", columns={POSTGRESQL: "id"}, operations=(DELETE,)),
    "deferred child": Kind(
        None,
        _plain(""),
        "23503",
        columns={POSTGRESQL: "id"},
        databases=(SQLITE, POSTGRESQL),
        operations=(DELETE,),
        deferred=True,
    ),
    "exception": _trigger("P0001", _raising("RAISE EXCEPTION 'refused';")),
    "own state": _trigger("U0001", _raising("RAISE 'refused' USING ERRCODE = 'U0001';")),
    "privilege": _trigger("42501", _raising("RAISE insufficient_privilege;")),
    "no file": _trigger("58P01", _raising("RAISE undefined_file;")),
    "assertion": _trigger("P0004", _raising("ASSERT false, 'refused';")),
    "signal": _trigger("P0001", _SIGNAL),
    **{
        f"{how.lower()} {when.lower()}": _trigger("P0001", _sqlite_raising(how, when))
        for how in ("ABORT", "FAIL", "ROLLBACK")
        for when in ("BEFORE", "AFTER")
    },
}


def declared(kind: Kind) -> str:
    """The entity file."""
    return ENTITY.format(column=kind.column or "name", value=kind.wish if kind.column else "name")


def world(kind: Kind, database: str, operation: str) -> list[str]:
    """Statements that make the tables, fill them, and see to it that bad rows are refused."""
    deferred = " DEFERRABLE INITIALLY DEFERRED" if kind.deferred else ""
    made = [table.format(code=kind.own_code, deferred=deferred) for table in TABLES]
    if operation == COPY:
        values = (", ".join(map(_literal, row)) for row in _records(kind))
        made.append(f"INSERT INTO origin VALUES {', '.join(f'({row})' for row in values)}")
    elif operation != INSERT:
        made.append(f"INSERT INTO items VALUES {', '.join(_rows(kind, operation))}")
    if operation == DELETE and kind.column is None:
        made.append("INSERT INTO children VALUES " + ", ".join(f"({n}, {n})" for n in BAD))
    return [*made, *kind.before.get(database, ())]


def _rows(kind: Kind, operation: str) -> list[str]:
    """As they are before; of an upsert every other one is there."""
    good = {"name": "good", "amount": "7", "parent": "2"}
    made = []
    for n in range(1, ROWS + 1, 2 if operation == UPSERT else 1):
        wish = kind.value(n) if n in BAD else good.get(kind.column or "", f"g{n}")
        if operation == DELETE and kind.column is None:
            wish = "gone"
        made.append(f"({n}, 'before', 'k{n}', 2, 1, '{wish}')")
    return made


def csv(kind: Kind) -> str:
    """The file that is inserted or upserted."""
    lines = [",".join(map(str, row)) for row in _records(kind)]
    return "\n".join(["id,name,code,amount,parent,wish", *lines]) + "\n"


def _records(kind: Kind) -> Iterator[Iterable[str | int]]:
    for n in range(1, ROWS + 1):
        row: dict[str, str | int]
        row = {"id": n, "name": "after", "code": f"c{n}", "amount": 1, "parent": 1, "wish": "w"}
        if n in BAD and kind.column:
            row[kind.column] = kind.value(n)
        yield row.values()


def _literal(value: str | int) -> str:
    return "NULL" if value == "" else f"'{value}'"
