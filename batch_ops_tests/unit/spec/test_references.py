"""What `:name` means in a step."""

from __future__ import annotations

import pytest

from batch_ops.errors import DeclarationError
from batch_ops.spec.model import FieldType, Parameter
from batch_ops.spec.references import stems
from batch_ops_tests.unit.spec.declare import UPDATE, declared, stepped

UPDATE_WHERE = (
    '- {{name: last, operation_type: update, update_data: {{status: x}}, where_condition: "{}"}}'
)


def bound(selects: list[str], condition: str, options: str = "") -> dict[str, str]:
    """The outputs of an update that follows these select steps."""
    first = "".join(f"- {{name: {name}, operation_type: select}}\n" for name in selects)
    return dict(stepped(first + UPDATE_WHERE.format(condition), options).step("last").outputs)


@pytest.mark.parametrize(
    ("selects", "reference", "step"),
    [
        (["validate_data"], "validated_user_ids", "validate_data"),
        (["validate"], "validated_ids", "validate"),
        (["identify_stale"], "stale_product_ids", "identify_stale"),
        (["identify_stale", "fetch_fresh_data"], "fresh_data", "fetch_fresh_data"),
        (["calculate_usage"], "usage", "calculate_usage"),
        (["create_invoices", "find_invoices"], "created_invoice_ids", "create_invoices"),
        (["select_old", "plan_work"], "planned", "plan_work"),
        (["process_orders", "find_open"], "processed_ids", "process_orders"),
        (["copy_rows"], "copied_ids", "copy_rows"),
        (["find_old", "make_new"], "found_ids", "find_old"),
        (["find_old", "make_new"], "made_ids", "make_new"),
    ],
)
def test_a_name_means_the_earlier_step_with_most_of_its_words(selects, reference, step):
    assert bound(selects, f"id = ANY(:{reference})") == {reference: step}


def test_two_steps_that_match_alike_are_an_error_that_shows_the_line_to_add():
    with pytest.raises(DeclarationError, match="'find_old' and 'find_new'") as caught:
        bound(["find_old", "find_new"], "id = ANY(:found_finds_ids)")
    assert "output: found_finds_ids" in caught.value.todo


def test_the_output_option_names_the_step_outright():
    operation = stepped(
        "- {name: find_old, operation_type: select}\n"
        "- {name: find_new, operation_type: select, output: finds}\n"
        + UPDATE_WHERE.format("id = ANY(:finds)")
    )
    assert operation.step("last").outputs == {"finds": "find_new"}
    assert operation.parameters == ()


def test_one_output_name_is_given_once():
    with pytest.raises(DeclarationError, match="'o' is declared twice"):
        stepped(
            "- {name: a, operation_type: select, output: o}\n"
            "- {name: b, operation_type: select, output: o}\n"
        )


@pytest.mark.parametrize("kind", ["select", "delete"])
def test_the_rows_of_every_kind_of_step_can_be_named(kind):
    operation = stepped(
        f"- {{name: a, operation_type: {kind}, output: o}}\n" + UPDATE_WHERE.format("id IN (:o)")
    )
    assert operation.step("last").outputs == {"o": "a"}


def test_a_name_that_stands_for_one_value_is_no_steps_rows():
    """`:new_status` after a step called update_status is a parameter still."""
    operation = stepped(
        "- {name: find_status, operation_type: select}\n"
        '- {name: last, operation_type: update, update_data: {status: ":new_status"}}'
    )
    assert operation.step("last").outputs == {}
    assert [p.name for p in operation.parameters] == ["new_status"]


def test_a_declared_parameter_comes_before_a_step():
    assert bound(["validate"], "id = ANY(:validated)", "parameters: {validated: integer}") == {}


def test_a_step_that_is_not_sure_to_be_finished_is_not_meant():
    operation = stepped(
        "- {name: validate, operation_type: select}\n"
        "- {name: last, operation_type: delete, depends_on: [],"
        ' where_condition: "id = ANY(:validated_ids)"}\n'
    )
    assert operation.step("last").outputs == {}
    assert [parameter.name for parameter in operation.parameters] == ["validated_ids"]


def test_a_step_reached_over_another_one_is_meant():
    operation = stepped(
        "- {name: validate, operation_type: select}\n"
        "- {name: between, operation_type: delete, where_condition: status = 'x'}\n"
        + UPDATE_WHERE.format("(id, status) IN (:validated_ids)")
    )
    assert operation.step("last").outputs == {"validated_ids": "validate"}


@pytest.mark.parametrize(
    ("condition", "parameter"),
    [
        ("price <= :p", Parameter("p", FieldType.DECIMAL)),
        (":p < ordered_on", Parameter("p", FieldType.DATE)),
        ("id = ANY(:p)", Parameter("p", FieldType.INTEGER, many=True)),
        ("id IN (:p)", Parameter("p", FieldType.INTEGER, many=True)),
        ("(id, status) IN (:p)", Parameter("p", None, many=True)),
        ("status IN (:p, 'x')", Parameter("p", FieldType.STRING)),
        ("price BETWEEN :p AND 10", Parameter("p", FieldType.DECIMAL)),
        ("note LIKE :p", Parameter("p", FieldType.TEXT)),
        ("price * 2 > :p", Parameter("p", None)),
        ("id IN (SELECT id FROM customers WHERE email = :p)", Parameter("p", None)),
    ],
)
def test_what_is_bound_to_nothing_is_a_parameter_typed_by_its_use(condition, parameter):
    assert declared(f'where_condition: "{condition}"').parameters == (parameter,)


def test_an_assigned_parameter_takes_the_type_of_its_column():
    work = "operation_type: update\nupdate_data: {paid: :p}\n"
    assert declared("", work).parameters == (Parameter("p", FieldType.BOOLEAN),)


def test_preconditions_and_rules_name_parameters_too():
    operation = declared("preconditions: ['COUNT(*) > :least']")
    assert [parameter.name for parameter in operation.parameters] == ["least"]
    rules = declared("validation_rules: ['price < :most']", "data_source: :rows\n")
    assert rules.parameters == (
        Parameter("rows", many=True),
        Parameter("most", FieldType.DECIMAL),
    )


def test_a_declared_parameter_keeps_its_word_and_gets_what_it_left_open():
    options = 'where_condition: "id = ANY(:p)"\nparameters: {p: {description: The ones}}'
    (parameter,) = declared(options, UPDATE).parameters
    assert parameter == Parameter("p", FieldType.INTEGER, description="The ones", many=True)
    options = 'where_condition: "price > :p"\nparameters: {p: integer}'
    assert declared(options, UPDATE).parameters == (Parameter("p", FieldType.INTEGER),)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("validated", "validate"),
        ("created", "create"),
        ("invoices", "invoice"),
        ("settled", "settling"),
        ("planned", "plan"),
        ("processed", "process"),
        ("copied", "copy"),
        ("filled", "fill"),
        ("categories", "category"),
    ],
)
def test_words_of_one_stem(one, other):
    assert stems(one) == stems(other)


@pytest.mark.parametrize(("one", "other"), [("order", "border"), ("user", "use"), ("data", "date")])
def test_words_of_different_stems(one, other):
    assert stems(one) != stems(other)
