"""The functions and types an expression may use."""

from __future__ import annotations

from batch_ops import registry

AGGREGATES = frozenset({"avg", "bool_and", "bool_or", "count", "max", "min", "sum"})
"""Allowed in conditions and inside sub-selects only."""

VOLATILE = frozenset({"now"})
"""A different answer each time; bound once per execution in a condition."""

SCALARS = frozenset(
    [
        "abs",
        "ceil",
        "ceiling",
        "floor",
        "mod",
        "power",
        "round",
        "sign",
        "sqrt",
        "trunc",
        "char_length",
        "concat",
        "left",
        "length",
        "lower",
        "lpad",
        "ltrim",
        "position",
        "replace",
        "right",
        "rpad",
        "rtrim",
        "split_part",
        "starts_with",
        "strpos",
        "substr",
        "substring",
        "trim",
        "upper",
        "cast",
        "coalesce",
        "date_part",
        "date_trunc",
        "extract",
        "greatest",
        "least",
        "nullif",
    ]
)

FUNCTIONS = SCALARS | AGGREGATES | VOLATILE
"""Every function name of today, in lower case."""

OWN = {"current_user_has_permission": 1, "current_user_id": 0}
"""Functions that batch_ops answers itself, with the number of their arguments."""

NAMELESS = frozenset({"CurrentTimestamp", "CurrentDate"})
"""What the parser makes of NOW(), CURRENT_TIMESTAMP and CURRENT_DATE: volatile all three."""

WORDS = frozenset(
    [
        "all",
        "and",
        "any",
        "between",
        "by",
        "case",
        "cast",
        "distinct",
        "else",
        "exists",
        "filter",
        "from",
        "having",
        "in",
        "interval",
        "is",
        "like",
        "ilike",
        "not",
        "on",
        "or",
        "over",
        "select",
        "then",
        "union",
        "using",
        "values",
        "when",
        "where",
    ]
)
"""Words that may stand before a parenthesis and call no function."""

TYPES = frozenset(
    [
        "bigint",
        "bool",
        "boolean",
        "char",
        "date",
        "decimal",
        "double",
        "float",
        "int",
        "int2",
        "int4",
        "int8",
        "integer",
        "interval",
        "json",
        "jsonb",
        "numeric",
        "real",
        "smallint",
        "text",
        "time",
        "timestamp",
        "timestamptz",
        "uuid",
        "varchar",
    ]
)
"""Types of a CAST."""

NODES = frozenset(
    [
        "Column",
        "Identifier",
        "Literal",
        "Boolean",
        "Null",
        "Placeholder",
        "Paren",
        "Tuple",
        "Star",
        "Var",
        "And",
        "Or",
        "Not",
        "EQ",
        "NEQ",
        "GT",
        "GTE",
        "LT",
        "LTE",
        "Is",
        "In",
        "Between",
        "Like",
        "ILike",
        "Any",
        "Exists",
        "Distinct",
        "NullSafeEQ",
        "NullSafeNEQ",
        "Escape",
        "Add",
        "Sub",
        "Mul",
        "Div",
        "Mod",
        "Neg",
        "DPipe",
        "Case",
        "If",
        "Cast",
        "DataType",
        "DataTypeParam",
        "Interval",
        "Select",
        "Subquery",
        "From",
        "Table",
        "TableAlias",
        "Where",
        "Group",
        "Having",
        "Order",
        "Ordered",
        "Limit",
        "Join",
        "Alias",
        "Filter",
        "Union",
        "Intersect",
        "Except",
        "Abs",
        "Ceil",
        "Floor",
        "Pow",
        "Round",
        "Sign",
        "Sqrt",
        "Trunc",
        "Concat",
        "Left",
        "Right",
        "Length",
        "Lower",
        "Upper",
        "Pad",
        "Trim",
        "Replace",
        "SplitPart",
        "StartsWith",
        "StrPosition",
        "Substring",
        "Coalesce",
        "Extract",
        "TimestampTrunc",
        "Greatest",
        "Least",
        "Nullif",
        "Avg",
        "Count",
        "Max",
        "Min",
        "Sum",
        "LogicalAnd",
        "LogicalOr",
        "CurrentTimestamp",
        "CurrentDate",
    ]
)
"""The parser's node classes that pass the gate; everything else is refused."""

AGGREGATE_NODES = frozenset({"Avg", "Count", "Max", "Min", "Sum", "LogicalAnd", "LogicalOr"})

registry.reserve(FUNCTIONS | frozenset(OWN) | WORDS | TYPES)


def called_by_python() -> frozenset[str]:
    """The functions that Python answers and no database: the own ones and a project's."""
    return frozenset(OWN) | frozenset(registry.registered())


def known() -> frozenset[str]:
    """Every function an expression may call now, in lower case."""
    return FUNCTIONS | called_by_python()
