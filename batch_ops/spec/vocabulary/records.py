"""The options that say where records come from, and which of them are good."""

from __future__ import annotations

from batch_ops.spec import forms
from batch_ops.spec.model import StepKind
from batch_ops.spec.option import Option, Place

_E, _O, _S = Place.ENTITY, Place.OPERATION, Place.STEP
_ADDS = (StepKind.INSERT, StepKind.UPSERT)

OPTIONS = (
    Option(
        "data_source",
        (_O, _S),
        forms.SOURCE,
        "Where records come from: a kind of file, `table`, `query`, or `:name` for a list that is"
        " handed over.",
        "data_source: csv_file",
        otherwise="the records that `insert_data` or `upsert_data` name",
        kinds=_ADDS,
        work=True,
    ),
    Option(
        "source_path",
        (_O, _S),
        forms.TEXT,
        "The file, from the project folder or as package://package/path; of `table` the entity; of"
        " `query` the SELECT.",
        "source_path: incoming/orders.csv",
        otherwise="of a file, the parameter `source_path`",
        kinds=_ADDS,
        work=True,
    ),
    Option(
        "csv_delimiter",
        (_O, _S),
        forms.CHARACTER,
        "What stands between two fields.",
        'csv_delimiter: ";"',
        default=",",
        kinds=_ADDS,
        work=True,
    ),
    Option(
        "csv_has_header",
        (_O, _S),
        forms.BOOLEAN,
        "Whether the first line names the fields; without one they are the columns as declared.",
        "csv_has_header: false",
        default=True,
        kinds=_ADDS,
        work=True,
    ),
    Option(
        "csv_quote",
        (_O, _S),
        forms.CHARACTER,
        "What stands around a field that holds a delimiter or a line break.",
        'csv_quote: "\'"',
        default='"',
        kinds=_ADDS,
        work=True,
    ),
    Option(
        "csv_encoding",
        (_O, _S),
        forms.ENCODING,
        "The file's encoding, by a name Python knows.",
        "csv_encoding: cp1252",
        default="utf-8",
        kinds=_ADDS,
        work=True,
    ),
    Option(
        "csv_null_values",
        (_O, _S),
        forms.TEXTS,
        "The texts that mean NULL, also where they are quoted.",
        'csv_null_values: ["", "NA"]',
        default=[""],
        kinds=_ADDS,
        work=True,
    ),
    Option(
        "field_mapping",
        (_O, _S),
        forms.MAPPING,
        "By column the record's field it is filled from, or the field's place in a CSV file as"
        " `csv_column_1`; other fields are passed over.",
        "field_mapping: {sku: article_number}",
        otherwise="every field is a column of its name",
        kinds=_ADDS,
        work=True,
    ),
    Option(
        "validation_rules",
        (_O, _S),
        forms.RULES,
        "A record that breaks one of them is a reject (`invalid`); NULL breaks it too.",
        'validation_rules: ["amount > 0"]',
        otherwise="none",
        kinds=_ADDS,
        work=True,
    ),
)

SOURCES = {
    "csv_file": "CSV, plain or packed (gz, zip with one file); the `csv_…` options belong to it",
    "json": "a JSON list of objects",
    "jsonl": "one JSON object a line",
    "parquet": "a Parquet file",
    "table": "the rows of another entity's table; `source_path` names the entity, `where_condition`"
    " chooses among them",
    "query": "the rows of one SELECT on declared entities, which is the `source_path`; each column"
    " needs a name (`AS`)",
    ":name": "a list of records that is handed over as the parameter `name`",
}
"""What `data_source` may say, and what it is."""
