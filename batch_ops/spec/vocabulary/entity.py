"""The options of an entity: which table it is."""

from __future__ import annotations

from batch_ops.spec import forms
from batch_ops.spec.option import Option, Place

_E, _O, _S = Place.ENTITY, Place.OPERATION, Place.STEP

OPTIONS = (
    Option(
        "fields",
        (_E,),
        forms.FIELDS,
        "The columns with their types; one that is not named here cannot be used.",
        'fields: {id: bigint, status: {type: "string(20)", nullable: false}}',
        otherwise="must be given",
    ),
    Option(
        "key",
        (_E,),
        forms.NAMES,
        "The columns that tell two rows apart, in key order.",
        "key: [region, number]",
        otherwise="the table's primary key",
    ),
    Option(
        "table",
        (_E,),
        forms.TABLE,
        "The table in the database, with its schema where it is not the usual one.",
        "table: sales.orders",
        otherwise="the entity's name",
    ),
    Option(
        "create_table",
        (_E,),
        forms.BOOLEAN,
        "Make the table from the fields when it is missing.",
        "create_table: true",
        default=False,
    ),
    Option(
        "connection",
        (_E,),
        forms.NAME,
        "The named connection of batch_ops.toml the table is reached by.",
        "connection: archive",
        otherwise="BATCH_OPS_DATABASE_URL",
    ),
    Option(
        "hidden",
        (_E,),
        forms.NAMES,
        "Columns whose values nobody is shown: not in plans, errors, logs or pages. The journal's"
        " tables, beside them in the database, keep rejected rows whole.",
        "hidden: [password]",
        otherwise="none",
    ),
    Option(
        "soft_delete",
        (_E,),
        forms.NAME,
        "The timestamp a delete sets instead of removing the row; rows that have one are passed"
        " over.",
        "soft_delete: deleted_at",
        otherwise="rows are removed",
    ),
    Option(
        "expires",
        (_E,),
        forms.EXPIRES,
        "New rows get the time of the batch plus a duration in this timestamp column.",
        'expires: {column: expires_at, after: "30 days"}',
        otherwise="nothing expires",
    ),
    Option(
        "patterns",
        (_E,),
        forms.PATTERNS,
        "The operations on the entity, each an item with `name: batch_operations`.",
        "patterns: []",
        otherwise="none",
    ),
)

SHARED = (
    Option(
        "name",
        (_E, _O, _S),
        forms.OWN_NAME,
        "Of an entity or a step its name; of an operation always `batch_operations`.",
        "name: orders",
        otherwise="must be given",
    ),
)
