"""Reading YAML: what has no place in a declaration is refused with file, line and column."""

from __future__ import annotations

import time

import pytest

from batch_ops.errors import DeclarationError
from batch_ops.spec.yamlfile import MAX_BYTES, decode, parse, read

REFUSED = [
    ("a: 1\na: 2\n", 2, 1, "twice"),
    ("a:\n  b: 1\n  c: 2\n  b: 3\n", 4, 3, "first in line 2"),
    ("a:\n\tb: 1\n", 2, 1, "tab"),
    ("a:\n  \tb: 1\n", 2, 3, "tab"),
    ("a: &x 1\n", 1, 4, "anchor"),
    ("a: &x {b: 1}\n", 1, 4, "anchor"),
    ("a: *x\n", 1, 4, "alias"),
    ("a: !!python/object:os.system x\n", 1, 4, "tag"),
    ("a: !secret x\n", 1, 4, "tag"),
    ("a: 1\n---\nb: 2\n", 2, 1, "several documents"),
    ("a: [1, 2\nb: 3\n", 2, 2, "no YAML"),
    ("a: 'open\n", 2, 1, "no YAML"),
    ("a: b: c\n", 1, 5, "no YAML"),
    ("a: 1\n b: 2\n", 2, 3, "no YAML"),
    ("a: 1\nb: x\x00y\n", 2, 5, "no YAML"),
    ("? {a: 1}\n: 2\n", 1, 3, "cannot be a name"),
    ("", 1, 1, "empty"),
    ("# nothing but a comment\n", 1, 1, "empty"),
    ("~\n", 1, 1, "empty"),
]


@pytest.mark.parametrize(("text", "line", "column", "word"), REFUSED)
def test_refused_with_its_place(text, line, column, word):
    """Each guard names what is wrong and where it stands."""
    with pytest.raises(DeclarationError, match=word) as caught:
        parse(text, "orders.yaml")
    place = caught.value.location
    assert (place.file, place.line, place.column) == ("orders.yaml", line, column)


@pytest.mark.parametrize("unit", ["[", "- ", "{a: "])
def test_ten_thousand_levels_are_one_clear_error_at_once(unit):
    began = time.perf_counter()
    with pytest.raises(DeclarationError, match="nested deeper than 50 levels"):
        parse(unit * 10_000, "deep.yaml")
    assert time.perf_counter() - began < 2


def test_ten_thousand_indented_levels_are_one_clear_error():
    """Indented ones make a file of 50 MB, which is refused for its size."""
    text = "\n".join(" " * level + "a:" for level in range(10_000))
    with pytest.raises(DeclarationError, match="a declaration may have"):
        parse(text, "deep.yaml")
    with pytest.raises(DeclarationError, match="nested deeper"):
        parse("\n".join(" " * level + "a:" for level in range(1_000)), "deep.yaml")


def test_a_file_that_is_not_utf8_names_the_byte():
    with pytest.raises(DeclarationError, match="not UTF-8") as caught:
        decode(b"a: 1\nb: caf\xe9\n", "latin.yaml")
    assert (caught.value.location.line, caught.value.location.column) == (2, 7)


def test_an_over_large_file_is_refused_before_it_is_parsed(tmp_path):
    path = tmp_path / "large.yaml"
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(DeclarationError, match="5,242,881 bytes"):
        read(path)


def test_a_file_that_cannot_be_read_is_a_declaration_error(tmp_path):
    with pytest.raises(DeclarationError, match="cannot be read"):
        read(tmp_path / "missing.yaml")


def test_a_byte_order_mark_and_crlf_do_not_matter():
    text = decode(b"\xef\xbb\xbfa: 1\r\nb: x\r\n", "windows.yaml")
    root = parse(text, "windows.yaml")
    assert root.plain == {"a": 1, "b": "x"}
    assert root.items["b"].location.line == 2


def test_parameters_are_texts_in_every_style():
    """`:name` works as a plain scalar, also inside of braces and brackets."""
    root = parse("a: {month: :target_month}\nb: [:x, 1]\nc: :product.name\n", "f.yaml")
    assert root.plain == {
        "a": {"month": ":target_month"},
        "b": [":x", 1],
        "c": ":product.name",
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-3", -3),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("2013-01-01", "2013-01-01"),
        ("12:30", "12:30"),
        ("'12'", "12"),
        ('"true"', "true"),
        ("1_000", "1_000"),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_plain_values_follow_yaml_1_2(text, value):
    """`yes` is a text and not true; a date stays the text it is."""
    assert parse(f"a: {text}\n", "f.yaml").plain == {"a": value}


def test_nodes_know_where_key_and_value_stand():
    root = parse("a: 1\nb:\n  - x\n  - c: y\n", "f.yaml")
    second = root.items["b"].elements[1].items["c"]
    assert (second.label.line, second.label.column) == (4, 5)
    assert (second.location.line, second.location.column) == (4, 8)


def test_an_offset_into_a_text_is_a_place_in_the_file():
    root = parse('a: "status = 1"\nb: |\n  one\n  two = 2\n', "f.yaml")
    assert root.items["a"].at(9).column == 14
    block = root.items["b"].at(4)
    assert (block.line, block.column) == (4, 3)


def test_a_value_is_shown_as_the_file_has_it():
    root = parse("a: {b: [true, ~, x], c: 1.5}\n", "f.yaml")
    assert root.items["a"].shown == "{b: [true, null, x], c: 1.5}"
    message = str(root.items["a"].wrong("a name"))
    assert "Expected a name here, found a mapping, {b: [true, null, x], c: 1.5}." in message


@pytest.mark.parametrize(
    ("block", "value"),
    [
        (">\n  one\n  two\n", "one two\n"),
        (">-\n  one\n  two\n\n  three\n", "one two\nthree"),
        (">+\n  one\n\n", "one\n\n"),
        (">\n  one\n    two\n  three\n", "one\n  two\nthree\n"),
        ("|\n  one\n  two\n", "one\ntwo\n"),
        ("one\n  two\n", "one two"),
        ('"one\n  two"\n', "one two"),
    ],
)
def test_a_text_over_several_lines_is_what_yaml_says_it_is(block, value):
    """And nothing else: no sign that marks where a line was folded."""
    assert parse(f"a: {block}", "f.yaml").plain == {"a": value}
