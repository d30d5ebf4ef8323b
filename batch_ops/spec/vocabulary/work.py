"""The options that say what an operation is and what its steps do."""

from __future__ import annotations

from batch_ops.spec import forms
from batch_ops.spec.model import StepKind
from batch_ops.spec.option import Option, Place

_E, _O, _S = Place.ENTITY, Place.OPERATION, Place.STEP
_ADDS = (StepKind.INSERT, StepKind.UPSERT)
_CHANGES = (StepKind.UPDATE, StepKind.DELETE)

OPERATION = (
    Option(
        "operation",
        (_O,),
        forms.OWN_NAME,
        "The operation's name, once in all files of the project.",
        "operation: ship_orders",
        otherwise="must be given",
    ),
    Option(
        "description",
        (_O,),
        forms.TEXT,
        "One line for people: in the list, in the plan, in the UI.",
        'description: "Mark paid orders as shipped"',
        otherwise="none",
    ),
    Option(
        "parameters",
        (_O,),
        forms.PARAMETERS,
        "Types and defaults of the `:names` the operation uses.",
        "parameters: {ids: 'bigint[]', limit: {type: decimal, default: 100}}",
        otherwise="found where they are used",
    ),
    Option(
        "steps",
        (_O,),
        forms.STEPS,
        "Several steps instead of one; each hands its rows on to those behind it.",
        "steps: [{name: clean, operation_type: delete, where_condition: status IS NULL}]",
        otherwise="one step, named after what it does",
    ),
)

STEP = (
    Option(
        "target_entity",
        (_O, _S),
        forms.NAME,
        "The entity that is worked on.",
        "target_entity: orders",
        otherwise="the entity of the file; of a step, the operation's",
    ),
    Option(
        "operation_type",
        (_O, _S),
        forms.KIND,
        "What the step does, in one word.",
        "operation_type: delete",
        otherwise="`insert` where there is a `data_source`",
        work=True,
    ),
    Option(
        "where_condition",
        (_O, _S),
        forms.EXPRESSION,
        "Which rows; of an insert or upsert, which rows of the table it reads.",
        "where_condition: \"status = 'paid' AND amount <= :limit\"",
        otherwise="all rows",
        kinds=(StepKind.SELECT, *_CHANGES, *_ADDS),
        work=True,
    ),
    Option(
        "select_fields",
        (_O, _S),
        forms.NAMES,
        "Columns that are handed on to later steps besides the key.",
        "select_fields: [customer_id, amount]",
        otherwise="the key",
        kinds=(StepKind.SELECT,),
        work=True,
    ),
    Option(
        "update_data",
        (_O, _S),
        forms.VALUES,
        "What an update sets, by column.",
        'update_data: {status: shipped, shipped_at: "NOW()"}',
        otherwise="must be given",
        kinds=(StepKind.UPDATE,),
        work=True,
    ),
    Option(
        "insert_data",
        (_O, _S),
        forms.VALUES,
        "What a new row is made of, by column.",
        "insert_data: {id: :order.id, status: new}",
        otherwise="the records' own fields",
        kinds=(StepKind.INSERT,),
        work=True,
    ),
    Option(
        "upsert_data",
        (_O, _S),
        forms.VALUES,
        "The same for an upsert.",
        "upsert_data: {id: :order.id, amount: :order.amount}",
        otherwise="the records' own fields",
        kinds=(StepKind.UPSERT,),
        work=True,
    ),
    Option(
        "conflict_target",
        (_O, _S),
        forms.NAMES,
        "The columns that make a record and a row the same.",
        "conflict_target: sku",
        otherwise="the key",
        kinds=_ADDS,
        work=True,
    ),
    Option(
        "on_conflict",
        (_O, _S),
        forms.ON_CONFLICT,
        "What becomes of a record that is in the table already: `error` (a reject), `skip`,"
        " `update` (the given columns) or `replace` (the whole row).",
        "on_conflict: skip",
        otherwise="`error` of an insert, `update` of an upsert",
        kinds=_ADDS,
        work=True,
    ),
    Option(
        "function",
        (_O, _S),
        forms.FUNCTION_NAME,
        "The Python function a `custom_function` calls: its registered name, or module:function.",
        "function: shop.prices:fetch",
        otherwise="must be given",
        kinds=(StepKind.FUNCTION,),
        work=True,
    ),
    Option(
        "input",
        (_O, _S),
        forms.INPUT,
        "What the function is given: rows of an earlier step, a parameter, or values by name.",
        "input: {month: :month, currency: EUR}",
        otherwise="nothing",
        kinds=(StepKind.FUNCTION,),
        work=True,
    ),
    Option(
        "depends_on",
        (_S,),
        forms.NAMES_OR_NONE,
        "The steps that must have finished before; `[]` frees the step of the one before it.",
        "depends_on: []",
        otherwise="the step before it",
    ),
    Option(
        "output",
        (_S,),
        forms.NAME,
        "The name later steps call its rows by.",
        "output: stale",
        otherwise="the words of its name",
    ),
)
