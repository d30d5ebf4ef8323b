"""A project full of secrets, and a list of everything that can come of it: successes, rejects,
refusals, errors of the database. All secrets contain `s3cret`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "s3cret"
ENVIRONMENT = {
    "VAULT_TOKEN": "s3cretTOKEN",
    "BATCH_OPS_DATABASE_URL_ARCHIVE": "postgresql://keeper:s3cretARCHIVE@127.0.0.1:1/archive",
}
DECLARATION = """
name: vault
key: [id]
hidden: [pin, card]
fields:
  id: integer
  name: {type: string(20), nullable: false}
  pin: text
  card: integer
  status: string(40)
patterns:
  - name: batch_operations
    operation: import_vault
    operation_type: insert
    data_source: csv_file
    source_path: vault.csv
    validation_rules: ["LENGTH(pin) > 3"]
    batch_size: 5
    error_handling: collect_errors
    logging_level: detailed
    collect_metrics: true
    notify_on_completion: true
    notification_channels: [hook, dead, lost]
    notification_message: "{operation} {status} {message}"
  - name: batch_operations
    operation: cast_pins
    operation_type: update
    update_data: {card: {sql: "CAST(pin AS integer)"}}
    error_handling: collect_errors
    notification_channels: [hook]
    notify_on_completion: true
    batch_size: 5
  - name: batch_operations
    operation: cast_strictly
    operation_type: update
    update_data: {card: {sql: "CAST(pin AS integer)"}}
    error_handling: stop_on_error
    notification_channels: [hook]
  - name: batch_operations
    operation: cast_atomically
    operation_type: update
    atomic: true
    update_data: {card: {sql: "CAST(pin AS integer)"}}
    notification_channels: [hook]
  - name: batch_operations
    operation: where_cast
    operation_type: update
    update_data: {status: x}
    where_condition: "CAST(pin AS integer) > 5"
    notification_channels: [hook]
  - name: batch_operations
    operation: guarded
    operation_type: update
    update_data: {status: x}
    preconditions: ["MAX(pin) < 'a'", {row: "pin = 'none'", name: of_rows}]
    notification_channels: [hook]
  - name: batch_operations
    operation: guarded_wrongly
    operation_type: update
    update_data: {status: x}
    preconditions: ["MAX(CAST(pin AS integer)) > 0"]
    notification_channels: [hook]
  - name: batch_operations
    operation: afterwards
    operation_type: update
    update_data: {status: x}
    postconditions: ["MAX(pin) < 'a'", {type: expect_column_values_to_be_null, column: pin}]
    notification_channels: [hook]
  - name: batch_operations
    operation: by_trigger
    operation_type: update
    update_data: {status: triggered}
    where_condition: "id < 4"
    batch_size: 2
  - name: batch_operations
    operation: with_token
    parameters: {token: {type: text, env: VAULT_TOKEN}}
    operation_type: update
    update_data: {status: {sql: "'t' || LENGTH(:token)"}}
    where_condition: "name <> :token"
  - name: batch_operations
    operation: with_token_wrongly
    parameters: {token: {type: text, env: VAULT_TOKEN}}
    operation_type: update
    update_data: {status: {sql: "CAST(CAST(:token AS integer) AS text)"}}
    where_condition: "id < 4"
  - name: batch_operations
    operation: call_out
    parameters: {token: {type: text, env: VAULT_TOKEN}}
    notification_channels: [hook]
    retry: {max_retries: 0}
    steps:
      - name: find
        operation_type: select
        where_condition: "id < 3"
        select_fields: [pin]
      - name: call
        operation_type: custom_function
        function: vault_functions:call
        input: :found
  - name: batch_operations
    operation: call_keys
    steps:
      - name: find
        operation_type: select
        where_condition: "id < 3"
        select_fields: [pin]
      - name: call
        operation_type: custom_function
        function: vault_functions:refuse
        input: :found_ids
"""
CARDS = """
name: cards
key: [number]
hidden: [number]
fields: {number: string(30), owner: string(5)}
patterns:
  - name: batch_operations
    operation: rename_cards
    operation_type: update
    update_data: {owner: {sql: "owner || 'longer'"}}
    batch_size: 2
  - name: batch_operations
    operation: add_cards
    operation_type: insert
    data_source: :new
    batch_size: 2
"""
PLAIN = """
name: plain
key: [id]
fields: {id: integer, number: integer, note: string(5)}
patterns:
  - name: batch_operations
    operation: number_by_token
    parameters: {token: {type: text, env: VAULT_TOKEN}}
    operation_type: update
    update_data: {number: {sql: "CAST(:token AS integer)"}}
    batch_size: 1
  - name: batch_operations
    operation: add_token
    parameters: {token: {type: text, env: VAULT_TOKEN}, more: {type: 'list'}}
    operation_type: insert
    data_source: :more
    insert_data: {id: :row.id, note: ":token"}
  - name: batch_operations
    operation: plan_by_token
    parameters: {token: {type: text, env: VAULT_TOKEN}}
    operation_type: update
    update_data: {number: 1}
    where_condition: "number = CAST(:token AS integer)"
"""
ARCHIVED = "name: old\nconnection: archive\nkey: [id]\nfields: {id: integer}\n"
FUNCTIONS = """
def call(rows, context):
    raise RuntimeError("refused " + context.parameters["token"] + " for " + rows[0]["pin"])

def refuse(pins, context):
    for pin in pins:
        context.reject(pin, "nobody knows " + pin)
"""
FILE = """id,name,pin,card
1,ann,s3cretPIN1,4711
2,,s3cretPIN2,4712
3,cec,s3cretPIN3,s3cretCARD3
4,dan,s3c,4714
5,eve,s3cretPIN5
1,fay,s3cretPIN6,4716
7,a name that is much too long for it,s3cretPIN7,4717
8,gus,s3cretPIN8,99999999999999999999
9,hal,s3cretPIN9,4719
"""
OPERATIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("import_vault", {}),
    ("cast_pins", {}),
    ("cast_strictly", {}),
    ("cast_atomically", {}),
    ("where_cast", {}),
    ("guarded", {}),
    ("guarded_wrongly", {}),
    ("afterwards", {}),
    ("by_trigger", {}),
    ("with_token", {}),
    ("with_token_wrongly", {}),
    ("call_out", {}),
    ("call_keys", {}),
    ("rename_cards", {}),
    ("number_by_token", {}),
    ("add_token", {"more": [{"id": 8}]}),
    ("plan_by_token", {}),
    ("add_cards", {"new": [{"number": "s3cretCARDnew", "owner": "x"},
                           {"number": "s3cretCARD1", "owner": "too long"}]}),
)  # fmt: skip
TABLES = (
    (
        "CREATE TABLE vault (id INTEGER PRIMARY KEY, name VARCHAR(20) NOT NULL, pin TEXT UNIQUE,"
        " card INTEGER, status VARCHAR(40))"
    ),
    "CREATE TABLE cards (number VARCHAR(30) PRIMARY KEY, owner VARCHAR(5), CHECK (owner <> 'no'))",
    "CREATE TABLE plain (id INTEGER PRIMARY KEY, number INTEGER, note VARCHAR(5))",
    "INSERT INTO plain VALUES (1, 1, 'a'), (2, 2, 'b')",
    "INSERT INTO cards VALUES ('s3cretCARD1', 'ann'), ('s3cretCARD2', 'bob')",
)
TRIGGER = {
    "sqlite": (
        (
            "CREATE TRIGGER tell BEFORE UPDATE ON vault WHEN NEW.status = 'triggered'"
            " BEGIN SELECT RAISE(ABORT, 'no s3cretPIN1 here'); END"
        ),
    ),
    "postgresql": (
        (
            "CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN IF NEW.status = ''triggered'' THEN RAISE EXCEPTION USING MESSAGE ="
            " ''no '' || NEW.pin || '' here'';"
            " END IF; RETURN NEW; END'"
        ),
        "CREATE TRIGGER tell BEFORE UPDATE ON vault FOR EACH ROW EXECUTE FUNCTION tell()",
    ),
}


def make(folder: Path, url: str, hook: str) -> None:
    """Write the project, fill its database, set its environment. hook: where messages go."""
    (folder / "defs").mkdir(parents=True)
    for name, text in (("vault", DECLARATION), ("cards", CARDS), ("plain", PLAIN)):
        (folder / "defs" / f"{name}.yaml").write_text(text)
    (folder / "vault.csv").write_text(FILE)
    (folder / "vault_functions.py").write_text(FUNCTIONS)
    (folder / "batch_ops.toml").write_text(
        '[python]\nmodules = ["vault_functions"]\n\n[notify]\n'
        f'hook = "{hook}"\ndead = "json://keeper:s3cretDEAD@127.0.0.1:1/s3cretPATH"\n'
        'lost = {env = "VAULT_LOST_ADDRESS"}\n'
    )
    os.environ.update(ENVIRONMENT)
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for statement in (*TABLES, *TRIGGER[engine.dialect.name]):
            connection.exec_driver_sql(statement)
    engine.dispose()


def leaks(texts: dict[str, str]) -> list[str]:
    """Where a secret stands, each with what is around it."""
    found = []
    for place, text in texts.items():
        at = text.find(SECRET)
        while at >= 0:
            found.append(f"{place}: …{text[max(0, at - 60) : at + 20]!r}")
            at = text.find(SECRET, at + 400)
    return found
