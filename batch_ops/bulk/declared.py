"""Columns that SQLAlchemy has declared: types that are more than the database's own write and read
their values as SQLAlchemy does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.sql import functions
from sqlalchemy.types import TypeDecorator

from batch_ops.database import reflect
from batch_ops.database.plain import plain_value
from batch_ops.errors import ParameterError
from batch_ops.spec.model import Field

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy.types import TypeEngine

Step = Callable[[Any], Any]
_NOW = (functions.now, functions.current_timestamp, functions.localtimestamp, functions.sysdate)


def _same(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class Codec:
    """How a declared type keeps values. write: the database's own for what was given; read: back.

    Both raise what the type raises on values that are none of its own.
    """

    write: Step = _same
    read: Step = _same

    def many(self, values: Sequence[Any]) -> tuple[list[Any], list[int]]:
        """Values as they are kept, and the places of those the type refuses."""
        done: list[Any] = []
        refused: list[int] = []
        for place, value in enumerate(values):
            try:
                done.append(self.write(_given(value)))
            except Exception:
                done.append(None)
                refused.append(place)
        return done, refused

    def within(self, inner: Codec) -> Codec:
        """Around another one, which is nearer to the database."""
        return Codec(
            lambda value: inner.write(self.write(value)), lambda value: self.read(inner.read(value))
        )


def fields_of(table: sa.Table, dialect: sa.Dialect) -> tuple[Field, ...]:
    """The declared columns' types, where they say more than the database itself does."""
    return tuple(_fields(table, dialect))


def _fields(table: sa.Table, dialect: sa.Dialect) -> Iterator[Field]:
    for column in table.columns:
        kind = kept_as(column.type, dialect)
        found = None if isinstance(kind, sa.Enum) else reflect.field_type(kind)
        if found is not None:
            yield Field(column.name, found, length=getattr(kind, "length", None))


def codecs_of(table: sa.Table, dialect: sa.Dialect) -> Mapping[str, Codec]:
    """By column how values are kept, where it is not as they are."""
    found = ((column.name, _codec(column.type, dialect)) for column in table.columns)
    return {name: codec for name, codec in found if codec is not None}


def defaults_of(table: sa.Table) -> Mapping[str, Callable[[], Any]]:
    """By column what makes its value where none is given, of what Python makes."""
    made = {column.name: column.default for column in table.columns}
    return {name: _maker(name, default) for name, default in made.items() if _is_made(default)}


def _is_made(default: Any) -> bool:
    """A sequence is the database's affair."""
    return default is not None and not default.is_sequence


def _maker(name: str, default: Any) -> Callable[[], Any]:
    if default.is_scalar:
        return lambda: default.arg
    if isinstance(default.arg, _NOW):
        return lambda: datetime.now(UTC)

    def make() -> Any:
        try:
            return default.arg(None)  # SQLAlchemy has made it take a context
        except (AttributeError, TypeError) as error:
            what = f"Only SQLAlchemy itself can make the default of the column {name!r}."
            todo = "Give the column's values, or declare it as server_default."
            raise ParameterError(what, todo=todo) from error

    return make


def read_with(codecs: Mapping[str, Codec], row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the database as SQLAlchemy would read it; a value it would not read as it is."""
    found = dict(row)
    for name in codecs.keys() & found.keys():
        found[name] = _read(codecs[name], found[name])
    return found


def _read(codec: Codec, value: Any) -> Any:
    try:
        return codec.read(value)
    except Exception:
        return value


def kept_as(kind: TypeEngine[Any], dialect: sa.Dialect) -> TypeEngine[Any]:
    """The type a database has for a declared one."""
    own = kind.dialect_impl(dialect)
    return kept_as(own.impl_instance, dialect) if isinstance(own, TypeDecorator) else own


def _codec(kind: TypeEngine[Any], dialect: sa.Dialect) -> Codec | None:
    own = kind.dialect_impl(dialect)
    if isinstance(own, sa.Interval):
        epoch = own.epoch
        return Codec(_known(lambda span: epoch + span), _known(lambda moment: moment - epoch))
    if isinstance(own, sa.Enum):
        return _processed(own, dialect).within(Codec(write=_known(_one_of(own.enums))))
    if isinstance(own, sa.ARRAY) or _writes_itself(own):
        return _processed(own, dialect)
    if isinstance(own, TypeDecorator):
        return _decorated(own, dialect)
    if isinstance(own, sa.Uuid) and not own.as_uuid:
        return Codec(read=_known(str))
    if isinstance(own, sa.Numeric | sa.Float) and own.asdecimal is isinstance(own, sa.Float):
        return Codec(read=_known(_decimal if own.asdecimal else float))
    return None


def _writes_itself(kind: TypeEngine[Any]) -> bool:
    """Whether a decorator, as PickleType, makes what the driver takes."""
    decorator = isinstance(kind, TypeDecorator)
    return decorator and type(kind).bind_processor is not TypeDecorator.bind_processor


def _processed(kind: TypeEngine[Any], dialect: sa.Dialect) -> Codec:
    bind, result = kind.bind_processor(dialect), kind.result_processor(dialect, None)
    # drivers wrap bytes
    write: Step = _same if bind is None else lambda value: getattr(v := bind(value), "obj", v)
    return Codec(write, result or _same)


def _decorated(kind: TypeDecorator[Any], dialect: sa.Dialect) -> Codec:
    decorator = type(kind)
    binds = decorator.process_bind_param is not TypeDecorator.process_bind_param
    reads = decorator.process_result_value is not TypeDecorator.process_result_value
    own = Codec(
        (lambda value: kind.process_bind_param(value, dialect)) if binds else _same,
        (lambda value: kind.process_result_value(value, dialect)) if reads else _same,
    )
    return own.within(_codec(kind.impl_instance, dialect) or Codec())


def _known(step: Step) -> Step:
    """NULL stays NULL."""
    return lambda value: None if value is None else step(value)


def _one_of(words: Sequence[str]) -> Step:
    """Refuses words an enumeration has not got, which it would not read."""

    def judged(word: str) -> str:
        if word not in words:
            raise LookupError(f"not one of {len(words)} words")
        return word

    return judged


def _decimal(value: Any) -> Decimal:
    return Decimal(str(value))


def _given(value: Any) -> Any:
    """What a type is given: NaN and the like are None to it."""
    return None if plain_value(value) is None else value
