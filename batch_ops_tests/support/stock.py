"""A stock of goods with a column of each type, operations of every kind that keep images, and the
whole state of the tables as texts: what an undo must bring back to the last bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batch_ops.engine import RunOptions, run, undo
from batch_ops_tests.support import accounts

if TYPE_CHECKING:
    from pathlib import Path

    from batch_ops.engine import Project
    from batch_ops.results import Result, UndoPolicy, UndoResult

ROWS = 60
FILE = "deliveries.csv"
ENTITY = """
name: goods
key: [id]
fields:
  id: integer
  name: string(40)
  price: decimal(12, 4)
  ratio: float
  ready: boolean
  born: date
  seen_at: timestamp
  data: binary
  doc: json
  code: string(10)
patterns:
"""
OPERATIONS = {
    "change": """
operation_type: update
update_data: {name: changed, price: {sql: "price * 2"}, seen_at: "NOW()", doc: {sql: "NULL"}}
where_condition: "id > 12"
""",
    "empty": """
operation_type: update
update_data: {name: void, price: null, ratio: null, data: null}
""",
    "remove": """
operation_type: delete
where_condition: "id % 3 > 0"
""",
    "add": f"""
operation_type: insert
data_source: csv_file
source_path: {FILE}
""",
    "pass_over": f"""
operation_type: insert
data_source: csv_file
source_path: {FILE}
on_conflict: skip
""",
    "put": f"""
operation_type: upsert
data_source: csv_file
source_path: {FILE}
""",
    "put_by_code": """
operation_type: upsert
upsert_data: {code: ":rows.code", name: ":rows.name", price: ":rows.price", id: ":rows.id"}
conflict_target: [code]
""",
    "take": """
operation_type: upsert
upsert_data: {id: ":rows.id", name: ":rows.name", price: ":rows.price", code: ":rows.code"}
""",
    "replace": f"""
operation_type: insert
data_source: csv_file
source_path: {FILE}
on_conflict: replace
""",
    "copy": """
operation_type: insert
data_source: query
source_path: "SELECT goods.id + 1000 AS id, goods.name AS name, goods.price AS price FROM goods"
insert_data: {id: ":good.id", name: ":good.name", price: ":good.price"}
""",
    "in_steps": """
steps:
  - name: find
    operation_type: select
    where_condition: "id % 2 = 0"
  - name: mark
    operation_type: update
    update_data: {name: marked}
    where_condition: "id IN (:find_ids)"
  - name: grow
    operation_type: update
    update_data: {price: {sql: "price + 1"}, name: grown}
    where_condition: "name = 'marked'"
  - name: cut
    operation_type: delete
    where_condition: "name = 'grown' AND id > 30"
""",
    "move": """
steps:
  - name: unbook
    target_entity: bookings
    operation_type: delete
    where_condition: "good > 20"
  - name: drop
    operation_type: delete
    where_condition: "id > 20"
  - name: fresh
    operation_type: insert
    insert_data: {id: 900, name: fresh}
  - name: book
    target_entity: bookings
    operation_type: insert
    insert_data: {number: 900, good: 900}
""",
}
BOOKINGS = """
name: bookings
key: [number]
fields: {number: integer, good: integer}
"""
NUMBERED = """
name: tickets
key: [number]
fields: {number: integer, text: string(20)}
patterns:
  - name: batch_operations
    operation: issue
    operation_type: insert
    insert_data: {text: ":rows.text"}
    batch_size: 7
    undo: true
"""


def declared(*, undo: bool = True, more: str = "", head: str = "") -> str:
    """The goods with all operations."""
    text = ENTITY.replace("fields:", f"{head}fields:")
    for name, body in OPERATIONS.items():
        lines = f"operation: {name}\nbatch_size: 7\nchunk_rows: 14\n{body.strip()}\n{more}"
        lines += "undo: true\n" if undo else ""
        text += "  - name: batch_operations\n"
        text += "".join(f"    {line}\n" for line in lines.splitlines())
    return text


def project(folder: Path, url: str, **more: Any) -> Project:
    """The project, its file, and its tables filled."""
    (folder / "defs").mkdir(parents=True, exist_ok=True)
    (folder / "defs" / "bookings.yaml").write_text(BOOKINGS)
    (folder / "defs" / "tickets.yaml").write_text(NUMBERED)
    (folder / FILE).write_text(delivery())
    made = accounts.project(folder, url, declared(**more))
    make(made)
    return made


def delivery() -> str:
    """Records: some are there with other values, some with the same, some are new, two are bad."""
    lines = ["id,name,price,code"]
    lines += [f"{n},g{n},{n}.2500,c{n}" for n in range(41, 51)]  # as they are there, but the code
    lines += [f"{n},new {n},{n}.5,k{n}" for n in range(51, 90)]
    lines += ["90,a name that is much longer than forty characters can be,1,k90", "91,x,cheap,k91"]
    return "\n".join(lines) + "\n"


def rows(numbers: range) -> list[dict[str, Any]]:
    """Rows to be given, some of whose codes are there."""
    return [{"id": n + 500, "code": f"k{n}", "name": f"put {n}", "price": n} for n in numbers]


def make(project: Project) -> None:
    """The tables, with rows of which every type has values, NULLs and odd ones."""
    database = project.database()
    typed = database.dialect.capabilities.typed
    kinds = (
        ("TIMESTAMPTZ", "BYTEA", "JSON", "DOUBLE PRECISION", "SERIAL")
        if typed
        else ("DATETIME", "BLOB", "JSON", "DOUBLE", "INTEGER")
    )
    stamp, binary, doc, real, serial = kinds
    accounts.execute(
        database,
        [
            (
                "CREATE TABLE goods (id INTEGER PRIMARY KEY, name VARCHAR(40) DEFAULT 'nameless',"
                f" price NUMERIC(12, 4), ratio {real}, ready BOOLEAN, born DATE, seen_at {stamp},"
                f" data {binary}, doc {doc}, code VARCHAR(10) UNIQUE,"
                " shelf INTEGER DEFAULT 3, twice INTEGER GENERATED ALWAYS AS (id * 2) STORED,"
                " CHECK (length(name) <= 40))"
            ),
            (
                "CREATE TABLE bookings (number INTEGER PRIMARY KEY,"
                " good INTEGER NOT NULL REFERENCES goods (id))"
            ),
            f"CREATE TABLE tickets (number {serial} PRIMARY KEY, text VARCHAR(20) NOT NULL)",
            *(_good(n, typed=typed) for n in range(1, ROWS + 1)),
            *(f"INSERT INTO bookings VALUES ({n}, {n * 2})" for n in range(1, 21)),
            "INSERT INTO tickets (text) VALUES ('old')",
        ],
    )


def _good(n: int, *, typed: bool) -> str:
    data = f"'\\x00ff{n:02x}'" if typed else f"x'00ff{n:02x}'"
    values = [
        f"'g{n}'" if n % 7 else "'ä ''q'' \\ %% : ;'",
        f"{n}.2500" if n % 5 else "NULL",
        "1e-300" if n % 2 else "NULL",
        ("TRUE", "FALSE", "NULL")[n % 3],
        f"'2024-02-{n % 28 + 1:02d}'" if n % 4 else "NULL",
        f"'2024-02-29 23:59:59.{n:06d}'" if n % 3 else "NULL",
        data if n % 6 else "NULL",
        f'\'{{"a":  {n}, "a" : [1.50, null]}}\'' if n % 5 else "NULL",
        f"'k{n}'" if n % 2 else "NULL",
    ]
    columns = "id, name, price, ratio, ready, born, seen_at, data, doc, code"
    return f"INSERT INTO goods ({columns}) VALUES ({n}, {', '.join(values)})"


def state(project: Project) -> list[tuple[Any, ...]]:
    """All rows of all tables, as the database writes them."""
    database = project.database()
    found: list[tuple[Any, ...]] = []
    for table in ("goods", "bookings", "tickets"):
        if database.dialect.capabilities.typed:
            query = f"SELECT '{table}', CAST(t AS text) FROM {table} AS t ORDER BY 2"
        else:
            with database.reading() as connection:
                columns = [
                    row[1] for row in connection.exec_driver_sql(f"PRAGMA table_info({table})")
                ]
            told = ", ".join(f"typeof({name}), quote({name})" for name in columns)
            query = f"SELECT '{table}', {told} FROM {table} ORDER BY 2, 3"
        found += accounts.query(database, query)
    return found


def parameters(operation: str) -> dict[str, Any]:
    """What an operation is given."""
    if operation == "put_by_code":
        return {"rows": rows(range(30, 80))}
    if operation == "take":
        return {"rows": [{"id": n, "name": f"t{n}", "price": n, "code": None} for n in (1, 2, 99)]}
    if operation == "issue":
        return {"rows": [{"text": f"t{n}"} for n in range(20)] + [{"text": None}]}
    return {}


def done(project: Project, operation: str, **options: Any) -> Result:
    """The operation, run."""
    return run(project, operation, parameters(operation), options=RunOptions(**options))


def undone(
    project: Project, execution_id: str, policy: UndoPolicy | None = None, **more: Any
) -> UndoResult:
    """The execution, undone."""
    options = RunOptions(confirm=True)
    return undo(project, execution_id, policy=policy, options=options, **more)
