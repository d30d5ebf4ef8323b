"""Fields and the head of an entity file."""

from __future__ import annotations

import pytest

from batch_ops.errors import DeclarationError, UnknownNameError
from batch_ops.spec.catalog import Catalog
from batch_ops.spec.fields import ALIASES, read_field
from batch_ops.spec.model import Field, FieldType, Reference
from batch_ops.spec.yamlfile import parse


def field_of(declaration: str) -> Field:
    return read_field("a", parse(f"a: {declaration}\n", "f.yaml").items["a"])


@pytest.mark.parametrize("kind", list(FieldType))
def test_every_type_is_understood_by_its_name(kind):
    assert field_of(kind.value) == Field("a", kind)


@pytest.mark.parametrize(("alias", "kind"), ALIASES.items())
def test_usual_aliases_are_understood(alias, kind):
    assert field_of(alias).type is kind


@pytest.mark.parametrize(
    ("declaration", "field"),
    [
        ("string(20)", Field("a", FieldType.STRING, length=20)),
        ("VARCHAR( 20 )", Field("a", FieldType.STRING, length=20)),
        ("decimal(10,2)", Field("a", FieldType.DECIMAL, precision=(10, 2))),
        ("numeric(5)", Field("a", FieldType.DECIMAL, precision=(5, 0))),
        ("{type: int, nullable: false}", Field("a", FieldType.INTEGER, nullable=False)),
        ("{type: int, unique: true}", Field("a", FieldType.INTEGER, unique=True)),
        ("{type: string(3), default: new}", Field("a", FieldType.STRING, length=3, default="new")),
        (
            "{type: int, references: customers.id}",
            Field("a", FieldType.INTEGER, references=Reference("customers", "id")),
        ),
    ],
)
def test_sizes_and_constraints(declaration, field):
    assert field_of(declaration) == field


@pytest.mark.parametrize(
    ("declaration", "word"),
    [
        ("strng", "'string'"),
        ("{type: integr}", "'integer'"),
        ("{type: int, nulable: true}", "'nullable'"),
        ("{type: int, chek: a > 0}", "'check'"),
        ("{nullable: true}", "has no type"),
        ("{type: int, nullable: maybe}", "true or false"),
        ("{type: int, default: x}", "integer"),
        ("{type: int, references: customers}", "entity.field"),
        ("integer(3)", "takes no size"),
        ("string(0)", "length of 1"),
        ("string(3,4)", "takes no size"),
        ("decimal(2,5)", "decimal"),
        ("3", "mapping"),
        ("[int]", "mapping"),
    ],
)
def test_what_is_wrong_is_named(declaration, word):
    with pytest.raises((DeclarationError, UnknownNameError), match=word) as caught:
        field_of(declaration)
    assert caught.value.location.line == 1
    assert caught.value.location.column > 1


ENTITY = "name: items\nfields: {id: int, size: int, secret: text}\n"


@pytest.mark.parametrize(
    ("option", "attribute", "value"),
    [
        ("key: id", "key", ("id",)),
        ("key: [id, size]", "key", ("id", "size")),
        ("table: old_items", "table", "old_items"),
        ("table: shop.items", "schema", "shop"),
        ("create_table: true", "create_table", True),
        ("connection: archive", "connection", "archive"),
        ("hidden: [secret]", "hidden", frozenset({"secret"})),
    ],
)
def test_every_option_of_an_entity_has_its_effect(option, attribute, value):
    entity = Catalog.from_texts({"items.yaml": ENTITY + option}).entity("items")
    assert getattr(entity, attribute) == value


def test_the_table_is_the_name_unless_said_otherwise():
    entity = Catalog.from_texts({"items.yaml": ENTITY}).entity("items")
    assert (entity.table, entity.schema, entity.create_table) == ("items", None, False)
    assert entity.columns == ("id", "size", "secret")


def test_key_columns_are_not_nullable():
    entity = Catalog.from_texts({"items.yaml": ENTITY + "key: id"}).entity("items")
    assert not entity.field("id").nullable
    assert entity.field("size").nullable


@pytest.mark.parametrize(
    ("text", "word", "line", "column"),
    [
        (ENTITY + "key: [id, siz]", "'size'", 3, 11),
        (ENTITY + "hidden: secrt", "'secret'", 3, 9),
        (ENTITY + "kee: id", "'key'", 3, 1),
        (ENTITY + "soft_delete: deleted_at", "no column 'deleted_at'", 3, 14),
        (ENTITY + "soft_delete: size", "'size' is no timestamp", 3, 14),
        (ENTITY + "expires: expires_at", "Expected a mapping", 3, 10),
        (ENTITY + "batch_size: 10", "belongs to the operation or the step", 3, 1),
        (ENTITY + "create_table: maybe", "true or false", 3, 15),
        (ENTITY + "table: a.b.c", "schema.table", 3, 8),
        (ENTITY + "table: a;b", "schema.table", 3, 8),
        (ENTITY + "key: [id, id]", "twice", 3, 11),
        (ENTITY + "patterns: 3", "a list", 3, 11),
        ("name: items\n", "'fields' is missing", 1, 1),
        ("fields: {id: int}\n", "'name' is missing", 1, 1),
        ("name: items\nfields: {}\n", "at least one field", 2, 9),
        ("name: my items\nfields: {id: int}\n", "a name", 1, 7),
        ("name: items\nfields: {my id: int}\n", "no name of a column", 2, 10),
        ("name: items\nfields: {id: {type: int, references: itms.id}}", "'items'", 2, 38),
        ("name: items\nfields: {id: {type: int, references: items.di}}", "Known: id", 2, 38),
        ("- name\n", "a mapping", 1, 1),
        ("just a text\n", "a mapping", 1, 1),
    ],
)
def test_mistakes_in_an_entity_are_named_with_their_place(text, word, line, column):
    with pytest.raises((DeclarationError, UnknownNameError), match=word) as caught:
        Catalog.from_texts({"items.yaml": text})
    place = caught.value.location
    assert (place.file, place.line, place.column) == ("items.yaml", line, column)


def test_two_entities_of_one_name_are_refused_with_both_places():
    with pytest.raises(DeclarationError, match="twice") as caught:
        Catalog.from_texts({"a.yaml": ENTITY, "b.yaml": ENTITY})
    assert "a.yaml" in caught.value.what
    assert caught.value.location.file == "b.yaml"
