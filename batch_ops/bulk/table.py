"""BatchTable: bulk calls on one table."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypedDict, TypeVar, Unpack, overload

from batch_ops.bulk.calls import Calls
from batch_ops.bulk.chosen import Chosen
from batch_ops.bulk.inputs import input_of
from batch_ops.bulk.options import BATCH_SIZE, OnError, OnProgress, Options, RetryPolicy, throttled
from batch_ops.bulk.place import Bind, place_of
from batch_ops.bulk.predicate import Rows
from batch_ops.bulk.rowtypes import row_type
from batch_ops.bulk.shape import named_table, shape_of
from batch_ops.bulk.validation import model_of
from batch_ops.errors import ParameterError, UnknownNameError
from batch_ops.spec.model import OnConflict

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    import sqlalchemy as sa
    from pydantic import BaseModel

    from batch_ops.bulk.journaled import Journaled
    from batch_ops.bulk.result import BatchResult
    from batch_ops.bulk.shape import Shape
    from batch_ops.spec.model import Throttle

T = TypeVar("T")
R = TypeVar("R")
M = TypeVar("M", bound="BaseModel")
D = TypeVar("D")


class WriteOptions(TypedDict, total=False):
    """Options of every writing call.

    Keys:
        atomic: one transaction over the whole call, default True; False: one per batch.
        continue_on_error: a row that fails does not end the call. Default: False when atomic,
            else True. Atomic and True: every row is tried, all bad ones are told, and nothing is
            written when there is one.
        return_rows: fill `created`, `updated`, `unchanged`, `deleted` of the result; default False.
        validate: let the schema judge the rows first, default True.
        batch_size: rows of a statement, and of a transaction where not atomic; default 20,000.
        max_concurrency: connections that write at once, default 1; more exclude atomic.
        retry: what is done when the database's trouble may pass; default `RetryPolicy()`.
        throttle: seconds, or a timedelta, between two batches; or a `Throttle`, also by rows a
            second and by how busy the database is. Default none.
        on_progress: called with rows done, and of how many (None: nobody knows), after each batch.
        on_error: called with each failed row and its error; gives "continue", "stop", "retry", or
            another row to be tried in its place (None: "continue").
        expires_in: seconds, or a timedelta, after which the rows expire: sets the table's expiry
            column.

    Raises:
        ParameterError: a value is out of range, or two exclude each other.
        UnknownNameError: a word is no option.

    Example:
        >>> gently: WriteOptions = {"atomic": False, "batch_size": 1000, "throttle": 0.1}
        >>> users.touch_many([1, 2], **gently).stats.updated
        2
    """

    atomic: bool
    continue_on_error: bool | None
    return_rows: bool
    validate: bool
    batch_size: int | None
    max_concurrency: int
    retry: RetryPolicy
    throttle: float | timedelta | Throttle | None
    on_progress: OnProgress | None
    on_error: OnError | None
    expires_in: float | timedelta | None


class BatchTable(Generic[T]):
    """Bulk calls on one table, at the database's own speed.

    Args:
        bind: a URL, or an Engine of SQLAlchemy; or a Connection or Session, whose transaction the
            calls then take part in: atomic means a savepoint in it, and nothing is committed.
        table: its name (`schema.table`), a Table of SQLAlchemy, or a mapped class (also SQLModel).
        schema: judges rows before they are written: a pydantic model, or a dict of types by column.
            Rows are then given back as that model.
        key: the columns by which rows are known, where they are not the primary key.
        hidden: columns whose values no error, result text or representation tells.
        soft_delete: the timestamp column that says a row counts as deleted.
        expires: the timestamp column that says when a row expires.
        version: the number column that counts a row's changes, for `expected_version`.

    Raises:
        ParameterError: an argument is none of these.

    Example:
        >>> users = BatchTable("sqlite:///shop.db", "users")
        >>> users.create_many([{"id": 4, "name": "Dan"}])
        <create_many: 1 of 1 rows created, in ...>
    """

    @overload
    def __init__(
        self: BatchTable[M],
        bind: Bind,
        table: str | sa.Table | type[Any],
        *,
        schema: type[M],
        key: str | Sequence[str] | None = None,
        hidden: Collection[str] = (),
        soft_delete: str | None = None,
        expires: str | None = None,
        version: str | None = None,
    ) -> None: ...

    @overload
    def __init__(
        self: BatchTable[dict[str, Any]],
        bind: Bind,
        table: str | sa.Table,
        *,
        schema: Mapping[str, Any] | None = None,
        key: str | Sequence[str] | None = None,
        hidden: Collection[str] = (),
        soft_delete: str | None = None,
        expires: str | None = None,
        version: str | None = None,
    ) -> None: ...

    @overload
    def __init__(
        self: BatchTable[D],
        bind: Bind,
        table: type[D],
        *,
        schema: Mapping[str, Any] | None = None,
        key: str | Sequence[str] | None = None,
        hidden: Collection[str] = (),
        soft_delete: str | None = None,
        expires: str | None = None,
        version: str | None = None,
    ) -> None: ...

    def __init__(
        self,
        bind: Bind,
        table: Any,
        *,
        schema: Any = None,
        key: str | Sequence[str] | None = None,
        hidden: Collection[str] = (),
        soft_delete: str | None = None,
        expires: str | None = None,
        version: str | None = None,
    ) -> None:
        self._place = place_of(bind)
        self._named = named_table(table, key)
        self._schema = None if schema is None else model_of(schema)
        self._hidden = frozenset([hidden] if isinstance(hidden, str) else hidden)
        self._soft_delete, self._expires, self._version = soft_delete, expires, version
        self._row: Callable[[dict[str, Any]], T] = row_type(schema, self._named)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close connections this object has opened itself (by a URL).

        Example:
            >>> with BatchTable("sqlite:///shop.db", "users") as users:
            ...     users.delete_many([3]).stats.deleted
            1
        """
        self._place.dispose()

    def __repr__(self) -> str:
        return f"<BatchTable {self.name}>"

    @property
    def name(self) -> str:
        """The table's full name.

        Example:
            >>> users.name
            'users'
        """
        schema = self._named.schema
        return f"{schema}.{self._named.name}" if schema else self._named.name

    # writing

    def create_many(
        self,
        rows: Any,
        *,
        columns: Sequence[str] | None = None,
        on_conflict: Literal["error", "skip", "update", "replace"] = "error",
        conflict_target: str | Sequence[str] | None = None,
        journal: bool = False,
        **options: Unpack[WriteOptions],
    ) -> BatchResult[T]:
        """Put new rows into the table.

        Args:
            rows: dicts, dataclasses, models, mapped objects, named tuples; a generator of them; a
                DataFrame of pandas or polars; an Arrow table. A field that other rows have and this
                one has not is the column's default.
            columns: names of the values, where rows are tuples.
            on_conflict: what becomes of a row that is there already: it fails ("error"), the new
                one is skipped ("skip"), its columns that are given are set ("update"), or all of
                them, those not given to their defaults ("replace").
            conflict_target: the columns that make two rows the same; default: the key; for "skip"
                any unique constraint.
            journal: make the call an execution in the database's journal: with an id
                (`execution_id`), shown by `batch-ops status` and `errors`, and `resume`d where it
                stopped. A field that is left out is then NULL, the same rows are refused a second
                time, and of the options only `atomic`, `continue_on_error`, `batch_size` and
                `on_progress` are taken.
            **options: see `WriteOptions`.

        Returns:
            What became of the rows. Of rows with one key the first is written; the others fail.

        Raises:
            BatchValidationError: the schema refused rows, and `continue_on_error` is not said.
            BatchOperationError: other rows failed, and `continue_on_error` is not said.
            BatchBrokenError: the database could not go on; it says what was written before.
            UnknownNameError: a row has a field that is no column.

        Example:
            >>> result = users.create_many([{"id": 4, "name": "Dan"}, {"id": 5, "name": "Eve"}])
            >>> result.stats.created
            2
            >>> result = users.create_many([{"id": 1}, {"id": 6, "name": "Fay"}], atomic=False)
            >>> [(row.key, row.error.field) for row in result.failed]
            [(1, 'name')]
        """
        mode, target, done = _mode(on_conflict), _names(conflict_target), self._options(options)
        if journal:
            return self._unjudged.run("create_many", rows, columns, mode, target, done)
        return self._calls.create("create_many", rows, columns, mode, target, done)

    def upsert_many(
        self,
        rows: Any,
        *,
        columns: Sequence[str] | None = None,
        conflict_target: str | Sequence[str] | None = None,
        on_conflict: Literal["update", "replace"] = "update",
        journal: bool = False,
        **options: Unpack[WriteOptions],
    ) -> BatchResult[T]:
        """Put rows into the table, or set the columns given on those that are there.

        Rows that are there and would not change are not written: they are `unchanged`. Of rows
        with one key the last is written; the others are `skipped`.

        Args:
            rows: as in `create_many`; each must be one that could be created.
            columns: names of the values, where rows are tuples.
            conflict_target: the columns (with a unique constraint) that make two rows the same;
                default: the key.
            on_conflict: "update" sets the columns that are given, "replace" all.
            journal: as in `create_many`.
            **options: see `WriteOptions`.

        Returns:
            What became of the rows: `created`, `updated`, `unchanged`, `skipped`.

        Raises:
            BatchOperationError: rows failed, as in `create_many`.
            DatabaseUnfitError: no unique constraint is on the columns of `conflict_target`.

        Example:
            >>> users.upsert_many([{"id": 1, "name": "Ada"}, {"id": 4, "name": "Dan"}])
            <upsert_many: 1 of 2 rows created, 1 unchanged, in ...>
        """
        mode, target = _mode(on_conflict, ("update", "replace")), _names(conflict_target)
        done = self._options(options)
        if journal:
            return self._unjudged.run("upsert_many", rows, columns, mode, target, done)
        return self._calls.upsert(rows, columns, mode, target, done)

    def resume(self, execution_id: str | None = None) -> BatchResult[T]:
        """Go on with a call that was made with `journal=True` and has not reached its end: killed,
        interrupted, or stopped by trouble of the database.

        Args:
            execution_id: its id; default: the newest one that is unfinished.

        Returns:
            What became of all its rows, those before the stop included.

        Raises:
            UsageError: there is no such call.

        Example:
            >>> def interrupt(done, total):
            ...     raise KeyboardInterrupt
            >>> rows = [{"id": number, "name": "Dan"} for number in range(10, 20)]
            >>> slowly = {"atomic": False, "batch_size": 5, "on_progress": interrupt}
            >>> try:
            ...     result = users.create_many(rows, journal=True, **slowly)
            ... except KeyboardInterrupt:
            ...     result = users.resume()
            >>> result.stats.created
            10
        """
        return self._journaled.resume(execution_id)

    def update_many(
        self,
        items: Any,
        values: Mapping[str, Any] | None = None,
        *,
        columns: Sequence[str] | None = None,
        fields: Sequence[str] | None = None,
        expected_version: Any = None,
        **options: Unpack[WriteOptions],
    ) -> BatchResult[T]:
        """Set columns of rows that are there.

        Args:
            items: `{"key": …, "data": {…}, "options": {…}}`, pairs of key and data, or rows that
                hold their key; or `where(…)`: then `values` are set on all those rows.
                An item's options: `expires_in`, `expected_version`.
            values: for `where(…)`: by column a value, or `{"sql": "age + 1"}`.
            columns: names of the values, where items are tuples.
            fields: of all columns that are given, those that are set.
            expected_version: what the version column must hold; a row in which it does not has been
                changed by somebody else and fails.
            **options: see `WriteOptions`.

        Returns:
            What became of the rows; a key no row has is in `not_found`, which is no failure. Of
            items with one key the last counts; the others are `skipped`.

        Raises:
            BatchValidationError: the schema refuses rows as they would become.
            BatchOperationError: other rows failed.
            ParameterError: an item has no key, or would change it.

        Example:
            >>> users.update_many([{"key": 1, "data": {"age": 37}}, {"key": 9, "data": {"age": 1}}])
            <update_many: 1 of 2 rows updated, 1 not_found, in ...>
            >>> users.update_many([{"id": 2, "name": "Rob", "age": 30}], fields=["age"])
            <update_many: 1 of 1 rows updated, in ...>
            >>> users.update_many(users.where("age > 30"), {"category": "senior"})
            <update_many: 2 of 2 rows updated, in ...>
        """
        done = self._options(options)
        if isinstance(items, Rows):
            if values is None or fields is not None or expected_version is not None:
                raise ParameterError(
                    "update_many(where(…)) takes values, and neither fields nor expected_version.",
                    todo='Write update_many(table.where("age > 30"), {"category": "senior"}).',
                )
            return self._chosen.update(items, values, done)
        if values is not None:
            raise ParameterError(
                "values= belongs to where(…); other items bear their own data.",
                todo='Write {"key": …, "data": {…}} for each.',
            )
        return self._calls.update(items, columns, fields, expected_version, done)

    def delete_many(
        self,
        keys: Any,
        *,
        cascade: bool = False,
        plan: bool = False,
        **options: Unpack[WriteOptions],
    ) -> BatchResult[T]:
        """Delete rows by key.

        Args:
            keys: keys (a value, a tuple in key order, a dict, an object), alone or as
                `{"key": …, "options": {"cascade": True}}`; or `where(…)`.
            cascade: delete what refers to the rows as well, by the table's real foreign keys.
            plan: delete nothing; `cascaded` of the result tells what would go, by table.
            **options: see `WriteOptions`.

        Returns:
            What became of the distinct keys; one that no row has is in `not_found`.

        Raises:
            BatchOperationError: rows failed: others refer to them.

        Example:
            >>> users.delete_many([2, 9])
            <delete_many: 1 of 2 rows deleted, 1 not_found, in ...>
            >>> users.delete_many([1], cascade=True, plan=True).cascaded
            {'posts': 1, 'users': 1}
            >>> users.delete_many([{"key": 1, "options": {"cascade": True}}]).cascaded
            {'posts': 1}
        """
        done = self._options(options)
        if isinstance(keys, Rows):
            if cascade or plan:
                keys = (row_key for row_key in self._chosen.keys_of(keys))
            else:
                return self._chosen.delete(keys, done)
        if plan:
            return self._calls.plan_delete(keys, done)
        return self._calls.delete(keys, cascade, done)

    def soft_delete_many(self, keys: Any, **options: Unpack[WriteOptions]) -> BatchResult[T]:
        """Mark rows as deleted: the table's `soft_delete` column is set to now.

        Args:
            keys: as in `delete_many`.
            **options: see `WriteOptions`.

        Returns:
            What became of the distinct keys; one that no row has, or whose row is marked already,
            is in `not_found`.

        Raises:
            ParameterError: the table was made without `soft_delete`.

        Example:
            >>> users = BatchTable("sqlite:///shop.db", "users", soft_delete="deleted_at")
            >>> users.soft_delete_many([1, 2]).stats.deleted
            2
            >>> [user["name"] for user in users.where("deleted_at IS NULL")]
            ['Cleo']
        """
        column = self._needed("soft_delete", self._soft_delete)
        return self._calls.mark(
            "soft_delete_many", keys, {column: datetime.now(UTC)}, self._options(options), column
        )

    def touch_many(
        self,
        keys: Any,
        *,
        column: str = "updated_at",
        value: Any = None,
        **options: Unpack[WriteOptions],
    ) -> BatchResult[T]:
        """Set one column of rows to one value: now, unless another is given.

        Args:
            keys: as in `delete_many`.
            column: the one that is set.
            value: what it is set to; None: now.
            **options: see `WriteOptions`.

        Returns:
            What became of the distinct keys; one that no row has is in `not_found`.

        Raises:
            UnknownNameError: there is no such column.

        Example:
            >>> users.touch_many([1, 2], column="last_login_at").stats.updated
            2
        """
        given = datetime.now(UTC) if value is None else value
        return self._calls.mark("touch_many", keys, {column: given}, self._options(options))

    def write_many(
        self, puts: Any = (), deletes: Any = (), **options: Unpack[WriteOptions]
    ) -> BatchResult[T]:
        """Upsert rows and delete others, in one transaction where atomic.

        Args:
            puts: rows, as in `upsert_many`.
            deletes: keys, as in `delete_many`.
            **options: see `WriteOptions`.

        Returns:
            What became of both; the index of a failed row counts on from the puts to the deletes.

        Raises:
            BatchOperationError: rows failed.
            ParameterError: a row is to be put and deleted.

        Example:
            >>> users.write_many(puts=[{"id": 4, "name": "Dan"}], deletes=[3])
            <write_many: 1 of 2 rows created, 1 deleted, in ...>
        """
        return self._calls.write(puts, deletes, self._options(options))

    # reading

    @overload
    def get_many(
        self,
        keys: Any,
        *,
        columns: Sequence[str] | None = None,
        batch_size: int | None = None,
        stream: Literal[False] = False,
    ) -> BatchResult[T]: ...

    @overload
    def get_many(
        self,
        keys: Any,
        *,
        columns: Sequence[str] | None = None,
        batch_size: int | None = None,
        stream: Literal[True],
    ) -> Iterator[tuple[Any, T | None]]: ...

    def get_many(
        self,
        keys: Any,
        *,
        columns: Sequence[str] | None = None,
        batch_size: int | None = None,
        stream: bool = False,
    ) -> BatchResult[T] | Iterator[tuple[Any, T | None]]:
        """Look rows up by key.

        Args:
            keys: as in `delete_many`.
            columns: those that are read; default: all.
            batch_size: keys that are looked up at once; default 20,000.
            stream: give pairs of a key and its row (None: there is none), one after the other.

        Returns:
            `found` holds the rows in the order of the keys, each distinct key once, and `not_found`
            the keys no row has. With `stream` an iterator, in which a key comes as often as it was
            given.

        Raises:
            ExecutionError: the database could not go on.
            UnknownNameError: a column is none of the table's.

        Example:
            >>> result = users.get_many([2, 9, 1], columns=["name", "age"])
            >>> result.found
            [{'name': 'Bob', 'age': 29}, {'name': 'Ada', 'age': 36}]
            >>> result.not_found
            [Missing(key=9, index=1)]
            >>> [(key, user is None) for key, user in users.get_many([3, 9], stream=True)]
            [(3, False), (9, True)]
        """
        size = Options(batch_size=batch_size).size
        if stream:
            return self._calls.lookup(columns, size).stream(input_of(keys, what="keys"))
        return self._calls.get(keys, columns, size)

    def where(self, condition: str, *, batch_size: int = BATCH_SIZE, **parameters: Any) -> Rows[T]:
        """The rows for which a condition is true: to go through, or for `update_many` and
        `delete_many`.

        Args:
            condition: one SQL expression over the table's columns, in the PostgreSQL dialect.
            batch_size: rows that are read at once.
            **parameters: values of `:name` in it; never pasted. A list is `IN (:name)`.

        Returns:
            The rows; they are read when somebody goes through them, each time anew.

        Raises:
            DeclarationError: it is no such expression; told when the rows are read.

        Example:
            >>> [user["name"] for user in users.where("age > :least", least=30)]
            ['Ada', 'Cleo']
            >>> users.delete_many(users.where("name IN (:names)", names=["Bob", "Cleo"]))
            <delete_many: 2 of 2 rows deleted, in ...>
        """
        size = Options(batch_size=batch_size).size
        return Rows(condition, parameters, self._read, size, self.name)

    def purge_expired(self, **options: Unpack[WriteOptions]) -> BatchResult[T]:
        """Delete the rows whose time has come, by the table's `expires` column.

        Args:
            **options: see `WriteOptions`.

        Raises:
            ParameterError: the table was made without `expires`.

        Example:
            >>> users = BatchTable("sqlite:///shop.db", "users", expires="expires_at")
            >>> users.touch_many([2], expires_in=0).stats.updated
            1
            >>> users.purge_expired().stats.deleted
            1
        """
        column = self._needed("expires", self._expires)
        quoted = '"' + column.replace('"', '""') + '"'
        return self.delete_many(self.where(f"{quoted} <= NOW()"), **options)

    def process_in_chunks(
        self,
        keys: Any,
        size: int,
        function: Callable[[list[Any]], R],
        *,
        throttle: float | timedelta | Throttle | None = None,
        on_progress: OnProgress | None = None,
    ) -> list[R]:
        """Call a function with so many of the keys (or rows) at a time; what it gave, in order.

        Args:
            keys: a list, a generator, a DataFrame.
            size: how many at a time.
            function: takes a list of them.
            throttle: as of every call, between two calls of the function; default none.
            on_progress: called with items done, and of how many (None: nobody knows), after each.

        Raises:
            ExecutionError: the function failed: it says for which chunk, and what was done before.

        Example:
            >>> done = users.process_in_chunks([1, 2, 3], 2, users.touch_many)
            >>> [result.stats.updated for result in done]
            [2, 1]
        """
        from batch_ops.bulk.chunks import in_chunks
        from batch_ops.engine.pace import Pace

        pace = Pace(throttled(throttle), self._place.at_work)
        return in_chunks(input_of(keys, what="keys"), size, function, pace, on_progress)

    # the pieces

    def _read(self, rows: Rows[T], size: int) -> Iterator[T]:
        return self._chosen.rows_of(rows, size)

    def _options(self, given: WriteOptions) -> Options:
        try:
            options = Options(**given)
        except TypeError:
            known = list(WriteOptions.__annotations__)
            wrong = next(name for name in given if name not in known)
            raise UnknownNameError("option", wrong, known) from None
        if options.expires_in is not None:
            self._needed("expires", self._expires)
        if self._place.joined and options.max_concurrency > 1:
            raise ParameterError(
                "max_concurrency needs connections of its own, and a Connection or Session was"
                " given.",
                todo="Give an Engine or a URL.",
            )
        if not self._place.dialect.capabilities.concurrent_writers:
            return replace(options, max_concurrency=1)
        return options

    def _needed(self, what: str, column: str | None) -> str:
        if column is None:
            raise ParameterError(
                f"The table {self.name!r} has no column for {what}.",
                todo=f'Say BatchTable(…, {what}="the column").',
            )
        return column

    @cached_property
    def _shape(self) -> Shape:
        with self._place.reader() as connection, self._begun(connection):
            shape = shape_of(connection, self._named)
        shape.known(self._hidden, "hidden column")
        for column in (self._soft_delete, self._expires, self._version):
            if column is not None:
                shape.known([column])
        return shape

    def _begun(self, connection: Any) -> Any:
        return nullcontext() if self._place.joined else self._place.looking(connection)

    @property
    def _unjudged(self) -> Journaled:
        """The journal for rows that no schema has to judge."""
        if self._schema is not None:
            raise ParameterError(
                "A call with journal=True asks no schema.",
                todo="Make a BatchTable without one, or leave journal=True out.",
            )
        return self._journaled

    @cached_property
    def _journaled(self) -> Journaled:
        from batch_ops.bulk.journaled import Journaled

        return Journaled(self._place.url, self._shape, self._hidden)

    def _read_row(self, row: dict[str, Any]) -> T:
        return self._row(self._shape.read(row))

    @cached_property
    def _chosen(self) -> Chosen[T]:
        return Chosen(self._calls)

    @cached_property
    def _calls(self) -> Calls[T]:
        return Calls(
            place=self._place,
            shape=self._shape,
            schema=self._schema,
            hidden=self._hidden,
            row=self._read_row if self._shape.codecs else self._row,
            version=self._version,
            expires=self._expires,
        )


def _mode(word: str, known: Sequence[str] = ("error", "skip", "update", "replace")) -> OnConflict:
    if word not in known:
        raise UnknownNameError("way of on_conflict", str(word), known)
    return OnConflict(word)


def _names(names: str | Sequence[str] | None) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names or ())
