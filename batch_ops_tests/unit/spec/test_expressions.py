"""The SQL gate: what passes only reads, and everything else is refused with its place."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from sqlglot import exp

from batch_ops import registry
from batch_ops.errors import BatchOpsError, DeclarationError, UnknownNameError
from batch_ops.spec.expressions import Gate, is_call
from batch_ops.spec.functions import AGGREGATES, FUNCTIONS
from batch_ops.spec.model import Entity, Expression, Field, FieldType
from batch_ops_tests.unit.spec.declare import node

if TYPE_CHECKING:
    from collections.abc import Iterator


def entity(name: str, *columns: str, table: str | None = None, schema: str | None = None) -> Entity:
    fields = tuple(Field(column, FieldType.INTEGER) for column in columns)
    return Entity(name, table or name, fields, schema=schema)


T = entity("t", "a", "b", "c", "status", "settled_at", "Amount", "comment", "date", "user")
OTHER = entity("other", "k", "a", "name")
MOVED = entity("moved", "k", "v", table="old_moved", schema="archive")
ENTITIES = {each.name: each for each in (T, OTHER, MOVED)}


def passed(text: str, *, aggregates: bool = False, target: Entity = T) -> Expression:
    return Gate(target, ENTITIES).expression(node(text), aggregates=aggregates)


def sql_of(expression: Expression) -> str:
    return expression.tree.sql(dialect="postgres")


GOOD = [
    ("a = 1", "a"),
    ("a <> 1 AND NOT (b > 2 OR c <= 3)", "a b c"),
    ("a + b * 2 - c / 4 % 3 > -1", "a b c"),
    ("a IS NULL OR b IS NOT NULL", "a b"),
    ("a IS DISTINCT FROM b", "a b"),
    ("a IS NOT DISTINCT FROM b", "a b"),
    ("status IN ('x', 'y') AND a NOT IN (1, 2)", "status a"),
    ("a BETWEEN 1 AND 2", "a"),
    ("status LIKE 'x%' OR status ILIKE '%Y'", "status"),
    ("CASE WHEN a IS NULL THEN 'c' ELSE 'f' END", "a"),
    ("CASE a WHEN 1 THEN 2 END", "a"),
    ("COALESCE(a, b, 0) = NULLIF(c, 1)", "a b c"),
    ("CAST(a AS DECIMAL(10, 2)) = b::int", "a b"),
    ("settled_at < NOW() - INTERVAL '30 days'", "settled_at"),
    ("settled_at < CURRENT_DATE", "settled_at"),
    ("EXTRACT(YEAR FROM settled_at) = 2013", "settled_at"),
    ("DATE_TRUNC('day', settled_at) = DATE '2013-01-01'", "settled_at"),
    ("UPPER(TRIM(status)) || 'x' = LEFT(status, 2)", "status"),
    ("SUBSTRING(status FROM 1 FOR 2) = 'ab'", "status"),
    ("POSITION('a' IN status) > 0", "status"),
    ("REPLACE(status, 'a', 'b') = 'x'", "status"),
    ("status = 'it''s; -- no comment'", "status"),
    ("status = 'DROP TABLE t'", "status"),
    ("t.a = 1", "a"),
    ("A = 1", "a"),
    ("amount > 1", "Amount"),
    ('"Amount" > 1', "Amount"),
    ("comment = 'x'", "comment"),
    ('date = 1 AND "user" = 2', "date user"),
    ("TRUE", ""),
    ("NOW()", ""),
]


@pytest.mark.parametrize(("text", "columns"), GOOD)
def test_what_only_reads_passes(text, columns):
    expression = passed(text)
    assert expression.columns == set(columns.split())
    assert expression.text == text
    assert expression.parameters == set()


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        (":x", "x"),
        ("a = ANY(:ids)", "ids"),
        ("a IN (:ids)", "ids"),
        ("a NOT IN (:ids)", "ids"),
        ("(a, b, c) IN (:ids)", "ids"),
        ("a BETWEEN :low AND :high", "low high"),
        ("a = :x::int", "x"),
        ("a = :x OR b = :x", "x"),
        ("a = :delete", "delete"),
        ("settled_at < NOW() - :age * INTERVAL '1 day'", "age"),
    ],
)
def test_parameters_stay_placeholders(text, parameters):
    """They are never pasted: the tree holds a placeholder of that name."""
    expression = passed(text)
    assert expression.parameters == set(parameters.split())
    names = {found.name for found in expression.tree.find_all(exp.Placeholder)}
    assert names == expression.parameters


@pytest.mark.parametrize(
    "text",
    [
        "COUNT(*) > 0",
        "COUNT(*) FILTER (WHERE status = 'pending') > 0",
        "COUNT(DISTINCT a) = COUNT(a)",
        "SUM(a) BETWEEN MIN(b) AND MAX(c)",
        "AVG(a) > 1 AND BOOL_AND(a > 0) AND NOT BOOL_OR(b = 1)",
        "(SELECT COUNT(*) FROM other) > COUNT(*)",
    ],
)
def test_aggregates_pass_in_a_condition_only(text):
    assert passed(text, aggregates=True).text == text
    with pytest.raises(DeclarationError, match="aggregate"):
        passed(text)


def test_a_column_outside_of_an_aggregate_is_no_condition():
    with pytest.raises(DeclarationError, match="'a' stands outside of an aggregate"):
        passed("a > 0 AND COUNT(*) > 0", aggregates=True)


HOSTILE = [
    # statements
    *("DROP TABLE t", "DELETE FROM t", "UPDATE t SET a = 1", "INSERT INTO t VALUES (1)"),
    *("TRUNCATE t", "ALTER TABLE t ADD x int", "CREATE TABLE x (a int)", "GRANT ALL ON t TO x"),
    *("COPY t TO '/tmp/x'", "EXECUTE x", "CALL x()", "DO $$ BEGIN END $$", "SET a = 1"),
    *("SELECT 1", "SELECT a FROM t", "VALUES (1)", "TABLE t", "WITH x AS (SELECT 1) SELECT 1"),
    *("VACUUM", "BEGIN", "COMMIT", "ROLLBACK", "SHOW x", "PRAGMA x", "ATTACH 'x' AS y"),
    *("MERGE INTO t USING other ON TRUE WHEN MATCHED THEN DELETE", "LOCK TABLE t", "USE x"),
    *("EXPLAIN SELECT 1", "REFRESH MATERIALIZED VIEW x", "LISTEN x", "NOTIFY x", "KILL 1"),
    # stacked
    *("a = 1; DROP TABLE t", "a = 1;", "; DROP TABLE t", "a = 1; SELECT 2", "1; 2"),
    # comments
    *("a = 1 -- or", "a = 1 /* or */", "-- nothing", "/* x */ a = 1", "a /*! = 1 */", "a = 1--"),
    *("/* open", "a = /*+ hint */ 1", "/**/"),
    # broken out of
    *("a = 1) OR (1 = 1", "a = 1 UNION SELECT 2", "a = 1 LIMIT 1", "a ORDER BY a", "a = 'open"),
    *("(a = 1", "a = 1 AND", "a b c", "a,", "a, b", "= 1", "a = = 1", "", "   ", "a AS b", "*"),
    # functions
    *("pg_sleep(10)", "pg_read_file('/etc/passwd')", "lo_import('x')", "current_setting('x')"),
    *("pg_catalog.pg_sleep(1)", '"pg_sleep"(1)', "load_extension('x')", "readfile('x')"),
    *("RANDOM() > 0", "nextval('s')", "set_config('a', 'b', false)", "query_to_xml('x')", "foo()"),
    *("dblink('x', 'y')", "version()", "pg_terminate_backend(1)", "IF(a, 1, 2)", "a = ALL(:x)"),
    *("CURRENT_USER = 'x'", "SESSION_USER = 'x'", "CURRENT_SCHEMA = 'x'", "CURRENT_CATALOG = 'x'"),
    *("CURRENT_USER_ID(1) = 1", "CURRENT_USER_HAS_PERMISSION()", "COUNT(*) FILTER (WHERE nope)"),
    *("NOW() FILTER (WHERE a = 1)", "CURRENT_USER_HAS_PERMISSION('x', 'y')"),
    # windows
    *("SUM(a) OVER () > 1", "ROW_NUMBER() OVER (ORDER BY a) = 1", "LAG(a) OVER (ORDER BY b) = 1"),
    # sub-selects
    *("a IN (SELECT usename FROM pg_user)", "a IN (SELECT k FROM pg_catalog.pg_class)"),
    *("a IN (SELECT k FROM archive.other)", "a IN (SELECT k FROM undeclared)"),
    *("a IN (SELECT * FROM other)", "a IN (SELECT other.* FROM other)"),
    *("a IN (SELECT nope FROM other)", "a IN (SELECT k FROM other WHERE nope = 1)"),
    *("a IN (SELECT k FROM other FOR UPDATE)", "a IN (SELECT k INTO x FROM other)"),
    *("a IN (SELECT k FROM generate_series(1, 2))", "a IN (DELETE FROM other RETURNING k)"),
    *("a IN (WITH d AS (DELETE FROM other RETURNING k) SELECT k FROM d)",),
    *("a IN (SELECT k FROM (SELECT k FROM other) q)", "a IN (SELECT k FROM other, LATERAL other)"),
    *("a IN (SELECT k FROM other TABLESAMPLE SYSTEM (1))", "a IN (VALUES (1))"),
    *("a IN (SELECT k FROM other JOIN moved USING (k))", "a IN (SELECT pg_sleep(1) FROM other)"),
    # other ways to hand values over, and what the databases do not share
    *("a = $1", "a = ?", "a = %s", "a = %(x)s", "a = @x", "a = {x}", "a = {{ x }}", "a = :1"),
    *(
        "a = :x.field",
        "a = :x.y.z",
        "a = (:x).y",
        "a = :x.upper(1)",
        "a = $$x$$",
        "status = E'\\x41'",
        "status = U&'x'",
        "a = x'1F'",
    ),
    *("a[1] = 1", "ARRAY[1] = a", "status ~ 'x'", "status SIMILAR TO 'x'", "a->>'b' = 'x'"),
    *("a::nosuchtype = 1", "a::int[] = 1", "CAST(a AS regclass) = 1", 'a COLLATE "C" = 1'),
    *("a < NOW() - INTERVAL '1-2' YEAR TO MONTH", "a < NOW() - INTERVAL :x DAY"),
    *("a < NOW() - INTERVAL a DAY", "a < NOW() - INTERVAL '1'"),
    *("(a).b = 1", "u.a = 1", "x.t.a = 1", "nope = 1", '"A" = 1'),
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("aggregates", [False, True])
def test_what_does_more_than_read_is_refused(text, aggregates, caplog):
    """One error of ours with a place; the parser says nothing on its own."""
    caplog.set_level(logging.WARNING)
    with pytest.raises((DeclarationError, UnknownNameError)) as caught:
        passed(text, aggregates=aggregates)
    assert caught.value.location.file == "orders.yaml"
    assert caught.value.location.line == 1
    assert caught.value.what
    assert not caplog.records


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5_000 + "a" + ")" * 5_000,
        "(" * 400 + "a" + ")" * 400,
        "NOT " * 2_000 + "a",
        "- " * 4_000 + "a",
        "a + " * 2_000 + "a",
        "CASE WHEN a THEN " * 300 + "1" + " END" * 300,
        "COALESCE(" * 300 + "a" + ")" * 300,
        "a = 'x" + "x" * 20_000 + "'",
        "a = 1 OR " * 5_000 + "a = 1",
        "a::int" + "::int" * 1_000,
    ],
)
def test_a_huge_or_deep_expression_is_an_error_and_no_recursion(text):
    with pytest.raises(DeclarationError, match=r"nested deeper|characters"):
        passed(text)


def test_a_long_chain_of_conditions_is_no_depth():
    """1,000 alternatives pass, and can be rendered and copied."""
    expression = passed("a=1 OR " * 1_000 + "a=1")
    assert sql_of(expression).count("OR") == 1_000
    assert expression.tree.copy() == expression.tree


@pytest.mark.parametrize(
    ("text", "kind", "right", "column"),
    [
        ("stats = 1", "column", "status", 1),
        ("a = 1 AND setled_at IS NULL", "column", "settled_at", 11),
        ("COALESC(a, 1) = 1", "function", "coalesce", 1),
        ("a = UPER(status)", "function", "upper", 5),
        ("a IN (SELECT k FROM othr)", "entity", "other", 1),
        ("a IN (SELECT nam FROM other)", "column", "name", 14),
        ("a::intt = 1", "type", "int", 1),
    ],
)
def test_a_typo_gets_the_nearest_right_word(text, kind, right, column):
    with pytest.raises(UnknownNameError) as caught:
        passed(text)
    assert (caught.value.kind, caught.value.suggestion) == (kind, right)
    assert caught.value.location.column == column


@pytest.mark.parametrize(
    ("text", "column"), [("a = 1; DROP TABLE t", 6), ("a = 1 AND DELETE", 11), ("a = = 1", 5)]
)
def test_the_place_within_the_text_is_told(text, column):
    with pytest.raises(BatchOpsError) as caught:
        passed(text)
    assert caught.value.location.column == column


@pytest.mark.parametrize(
    ("text", "sql", "columns", "entities"),
    [
        (
            "a NOT IN (SELECT k FROM other)",
            'NOT "a" IN (SELECT "k" FROM "other")',
            "a",
            "other",
        ),
        (
            "EXISTS (SELECT 1 FROM other o WHERE o.k = t.b AND c = 1)",
            'EXISTS(SELECT 1 FROM "other" AS "o" WHERE "o"."k" = "t"."b" AND "c" = 1)',
            "b c",
            "other",
        ),
        (
            "a IN (SELECT v FROM moved WHERE moved.k = 1)",
            '"a" IN (SELECT "v" FROM "archive"."old_moved" AS "moved" WHERE "moved"."k" = 1)',
            "a",
            "moved",
        ),
        (
            "a IN (SELECT o.k FROM other o JOIN moved ON o.k = moved.k)",
            (
                '"a" IN (SELECT "o"."k" FROM "other" AS "o" JOIN "archive"."old_moved" AS "moved"'
                ' ON "o"."k" = "moved"."k")'
            ),
            "a",
            "moved other",
        ),
        (
            "a IN (SELECT k FROM other UNION SELECT v FROM moved)",
            (
                '"a" IN (SELECT "k" FROM "other" UNION SELECT "v" FROM "archive"."old_moved"'
                ' AS "moved")'
            ),
            "a",
            "moved other",
        ),
        (
            "EXISTS (SELECT * FROM other WHERE k = b)",
            'EXISTS(SELECT * FROM "other" WHERE "k" = "b")',
            "b",
            "other",
        ),
        (
            "b > (SELECT MAX(a) FROM other)",
            '"b" > (SELECT MAX("a") FROM "other")',
            "b",
            "other",
        ),
    ],
)
def test_sub_selects_read_declared_entities_by_their_tables(text, sql, columns, entities):
    """Inner names go before outer ones; only the target's own columns count as read."""
    expression = passed(text)
    assert sql_of(expression) == sql
    assert expression.columns == set(columns.split())
    assert expression.entities == set(entities.split())


def test_qualified_columns_carry_the_real_table():
    expression = passed("moved.k = 1 AND v = 2", target=MOVED)
    assert sql_of(expression) == '"old_moved"."k" = 1 AND "v" = 2'


@pytest.mark.parametrize(
    ("text", "volatile"),
    [("NOW()", True), ("CURRENT_TIMESTAMP", True), ("CURRENT_DATE", True), ("a = 1", False)],
)
def test_what_changes_by_itself_is_known(text, volatile):
    assert passed(text).volatile is volatile


ARGUMENTS = {
    **dict.fromkeys(("mod", "power", "nullif", "left", "right", "greatest", "least"), "a, 1"),
    **dict.fromkeys(("lpad", "rpad"), "status, 2, '0'"),
    **dict.fromkeys(("strpos", "starts_with"), "status, 'x'"),
    **dict.fromkeys(("substr", "substring"), "status, 1, 2"),
    "cast": "a AS int",
    "date_part": "'year', settled_at",
    "date_trunc": "'day', settled_at",
    "extract": "YEAR FROM settled_at",
    "now": "",
    "position": "'a' IN status",
    "replace": "status, 'a', 'b'",
    "split_part": "status, '-', 1",
}


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_function_of_the_table_passes(name):
    text = f"{name.upper()}({ARGUMENTS.get(name, 'a')})"
    assert passed(text, aggregates=name in AGGREGATES) if name in AGGREGATES else passed(text)
    assert is_call(text)


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("NOW()", True),
        (" now() ", True),
        ("COALESCE(a, ')')", True),
        ("CURRENT_USER_ID()", True),
        ("NOW() - 1", False),
        ("NOW() || LOWER(a)", False),
        ("(NOW())", False),
        ("now", False),
        ("nowhere()", False),
        ("left (or right) of it", False),
    ],
)
def test_whether_a_text_is_one_call(text, call):
    assert is_call(text) is call


def test_a_field_of_a_record_is_read_where_records_are(caplog):
    expression = Gate(T, ENTITIES).expression(node("a + :x.Price * :y"), records=True)
    assert expression.fields == {("x", "Price")}
    assert expression.parameters == {"y"}


def test_a_field_of_a_record_elsewhere_is_told_where_it_may_stand():
    with pytest.raises(DeclarationError) as caught:
        passed(":x.price")
    assert caught.value.what == "A field of a record (:x.price) is not allowed here."
    assert "insert_data and upsert_data" in caught.value.todo


@pytest.fixture
def twice() -> Iterator[None]:
    """A project's function `twice`."""

    @registry.sql_function("Twice")
    def twice(value: int) -> int:
        return 2 * value

    yield
    registry.unregister("twice")


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("CURRENT_USER_ID()", "current_user_id"),
        ("status = current_user_id()", "current_user_id"),
        ("CURRENT_USER_HAS_PERMISSION('x')", "current_user_has_permission"),
        ("TWICE(twice(-1)) > a", "twice"),
        ("twice(:x) = 2 AND CURRENT_USER_HAS_PERMISSION(:y)", "twice current_user_has_permission"),
        ("UPPER(status) = 'X'", ""),
    ],
)
def test_functions_that_python_answers_are_known_by_name(text, calls, twice):
    assert passed(text).calls == set(calls.split())
    assert passed(text, aggregates=not passed(text).columns).calls == set(calls.split())


@pytest.mark.parametrize("text", ["twice(1)", " Twice( :x )", "TWICE(twice(1))"])
def test_one_call_of_a_projects_function_is_a_call(text, twice):
    assert is_call(text)


def test_a_function_nobody_registers_any_more_is_unknown(twice):
    registry.unregister("twice")
    with pytest.raises(UnknownNameError):
        passed("twice(1)")
    assert not is_call("twice(1)")


def test_the_nearest_right_word_may_be_a_projects(twice):
    with pytest.raises(UnknownNameError) as caught:
        passed("twicce(1) = a")
    assert caught.value.suggestion == "twice"


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ("a", "the column 'a'"),
        (":r.price", "a field of a record (:r.price)"),
        ("NOW()", "'CURRENT_TIMESTAMP'"),
        ("1 + 1", "'1 + 1'"),
        ("(SELECT MAX(a) FROM other)", "SELECT"),
        ("DISTINCT 1", "DISTINCT"),
    ],
)
def test_python_is_called_with_literals_and_parameters_only(argument, told, twice):
    with pytest.raises(DeclarationError) as caught:
        Gate(T, ENTITIES).expression(node(f"twice({argument})"), records=True)
    assert told in caught.value.what
    assert "called once and not for each row" in caught.value.what


def test_a_projects_function_with_a_name_sql_knows_is_refused_where_it_is_called():
    """The parser would take it for COALESCE."""
    registry.sql_function("ifnull")(lambda _one, _two: 1)
    try:
        with pytest.raises(DeclarationError, match="under another name"):
            passed("ifnull(1, 2)")
    finally:
        registry.unregister("ifnull")
