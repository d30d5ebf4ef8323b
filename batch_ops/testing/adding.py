"""The model of insert and upsert: every row proposed, judged and put in by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from batch_ops.database.render import SqlText
from batch_ops.errors import UsageError
from batch_ops.spec.model import (
    EntitySource,
    Expression,
    Literal,
    OnConflict,
    QuerySource,
    StepKind,
)
from batch_ops.testing.ground import Ground, typed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from batch_ops.database.render import Bind
    from batch_ops.spec.model import Entity, Field, Step
    from batch_ops.testing.ground import StepModel
    from batch_ops.testing.rows import Row
    from batch_ops.testing.sources import Layout


class Adding(Ground):
    """Steps that put rows into their table."""

    def _add(self, step: Step, done: StepModel) -> None:
        entity = self._world.entities[step.entity]
        for place, (sets, bound) in enumerate(self._proposed(step)):
            done.total += 1
            outcome = self._put(step, entity, sets, bound)
            done.count(outcome)
            if outcome == "rejects":
                done.refused.append(place)

    def _proposed(self, step: Step) -> Iterable[tuple[dict[str, str], dict[str, Any]]]:
        """Each row as SQL by column, with what it binds."""
        entity = self._world.entities[step.entity]
        for binds, bound, taken in self._given(step):
            renderer = self._renderer({**self._binds(step), **binds})
            sets = {**taken, **self._sets(renderer, step.entity, step.values)}
            if entity.expires and entity.expires.column not in sets:
                moment = Literal(self._world.now + entity.expires.after)
                sets |= self._sets(renderer, step.entity, {entity.expires.column: moment})
            yield sets, bound | renderer.parameters

    def _given(
        self, step: Step
    ) -> Iterable[tuple[dict[str, Bind], dict[str, Any], dict[str, str]]]:
        """Each record: what its fields bind, the values, and the columns it gives as they are."""
        if step.records is not None:
            source = self._world.operation.step(step.records)
            yield from (self._record(step, r, source) for r in self.outputs[step.records])
        elif isinstance(step.source, EntitySource):
            other = self._world.entities[step.source.entity]
            rows = self._hits(other, step.source.where, self._binds(step))
            yield from (self._copied(step, other, row, step.source.mapping) for row in rows)
        elif isinstance(step.source, QuerySource):
            raise UsageError(
                f"The rows of the query of step {step.name!r} are not followed by generated tests.",
                todo="Write its tests by hand.",
            )
        elif step.name in self._world.records:
            layout, records = self._world.records[step.name]
            yield from (self._from_source(step, layout, record) for record in records)
        else:
            yield {}, {}, {}

    def _record(
        self, step: Step, record: Mapping[str, Any], source: Step
    ) -> tuple[dict[str, Bind], dict[str, Any], dict[str, str]]:
        """A function's record, or a row of an earlier step; each field is typed like the column it
        feeds, or as it is declared.
        """
        fed: dict[tuple[str, str], Field] = {}
        entity = self._world.entities[step.entity]
        for column, value in step.values.items():
            for pair in sorted(value.fields) if isinstance(value, Expression) else ():
                fed.setdefault(pair, entity.field(column))
        if source.kind is not StepKind.FUNCTION:
            origin = self._world.entities[source.entity]
            fed = {pair: origin.field(pair[1]) for pair in fed}
        return (*self._bound(fed, record), {})

    def _bound(
        self, fields: Mapping[tuple[str, str], Field], record: Mapping[str, Any]
    ) -> tuple[dict[str, Bind], dict[str, Any]]:
        binds: dict[str, Bind] = {}
        bound: dict[str, Any] = {}
        for (name, part), declared in fields.items():
            mark = self._mark()
            sql = self._dialect.bind(mark, typed(self._dialect, declared))
            binds[f"{name}.{part}"] = SqlText(sql, declared.type)
            bound[mark] = self._dialect.moment(record.get(part))
        return binds, bound

    def _from_source(
        self, step: Step, layout: Layout, record: Mapping[str, Any]
    ) -> tuple[dict[str, Bind], dict[str, Any], dict[str, str]]:
        fields = {pair: layout.fields[pair[1]] for pair in sorted(step.record_fields)}
        return self._with_columns(step, fields, record, layout.columns)

    def _copied(
        self, step: Step, other: Entity, row: Row, mapping: Mapping[str, str]
    ) -> tuple[dict[str, Bind], dict[str, Any], dict[str, str]]:
        fields = {pair: other.field(pair[1]) for pair in step.record_fields}
        columns = self._world.entities[step.entity].columns
        names = mapping or {name: name for name in columns if name in other.columns}
        return self._with_columns(step, fields, row, names)

    def _with_columns(
        self,
        step: Step,
        fields: Mapping[tuple[str, str], Field],
        record: Mapping[str, Any],
        names: Mapping[str, str],
    ) -> tuple[dict[str, Bind], dict[str, Any], dict[str, str]]:
        """The fields that values read; where there are no values, the columns as they are given."""
        binds, bound = self._bound(fields, record)
        taken: dict[str, str] = {}
        for column, name in names.items() if not step.values else ():
            mark = self._mark()
            taken[column] = self._dialect.bind(mark, self._world.column(step.entity, column))
            bound[mark] = self._dialect.moment(record.get(name))
        return binds, bound, taken

    def _mark(self) -> str:
        self._number += 1
        return f"given_{self._number}"

    def _put(
        self, step: Step, entity: Entity, sets: Mapping[str, str], bound: Mapping[str, Any]
    ) -> str:
        """Put one row into the table; its outcome."""
        if not all(self._holds(step, rule.expression, sets, bound) for rule in step.rules):
            return "rejects"
        target = step.conflict_target or entity.key
        there = self._there(entity, target, sets, bound)
        if there is None:
            return "rejects"
        if there and step.on_conflict is OnConflict.SKIP:
            return "skipped"
        if there and step.on_conflict in (OnConflict.UPDATE, OnConflict.REPLACE):
            return self._merge(step, entity, target, sets, bound, there[0])
        quote = self._dialect.quote
        columns, values = ", ".join(map(quote, sets)), ", ".join(sets.values())
        name = self._world.writers[entity.name].name
        if not self._done((f"INSERT INTO {name} ({columns}) VALUES ({values})", dict(bound))):
            return "rejects"
        self.outputs[step.name] += self._newest(entity, sets, bound)
        return "created"

    def _holds(
        self,
        step: Step,
        rule: Expression,
        sets: Mapping[str, str],
        bound: Mapping[str, Any],
    ) -> bool:
        """Whether a rule is true for a row that is not in the table yet."""
        renderer = self._renderer(self._world.binds)
        sql = renderer.sql(rule)
        columns = {c: sets.get(c) or self._null(step.entity, c) for c in sorted(rule.columns)}
        row = ", ".join(f"{value} AS {self._dialect.quote(n)}" for n, value in columns.items())
        source = f" FROM (SELECT {row}) AS r" if row else ""
        query = text(f"SELECT CASE WHEN ({sql}) THEN 1 ELSE 0 END{source}")
        try:
            with self._connection.begin_nested():
                return bool(
                    self._connection.execute(query, {**bound, **renderer.parameters}).scalar()
                )
        except DBAPIError:
            return False

    def _null(self, entity: str, column: str) -> str:
        return f"CAST(NULL AS {self._world.column(entity, column).sql_type})"

    def _there(
        self,
        entity: Entity,
        target: Sequence[str],
        sets: Mapping[str, str],
        bound: Mapping[str, Any],
    ) -> list[Row] | None:
        """The rows that are the same; None where the values cannot be computed."""
        if not all(name in sets for name in target):
            return []
        name = self._world.writers[entity.name].name
        where = " AND ".join(f"{self._dialect.quote(n)} = {sets[n]}" for n in target)
        try:
            with self._connection.begin_nested():
                found = self._connection.execute(text(f"SELECT * FROM {name} WHERE {where}"), bound)
                return [dict(row) for row in found.mappings()]
        except DBAPIError:
            return None

    def _merge(
        self,
        step: Step,
        entity: Entity,
        target: Sequence[str],
        sets: Mapping[str, str],
        bound: Mapping[str, Any],
        before: Row,
    ) -> str:
        key = {name: before[name] for name in entity.key}
        where, known = self._this(entity, key)
        values = {n: sql for n, sql in sets.items() if n not in target}
        if step.on_conflict is OnConflict.REPLACE:
            others = [n for n in entity.columns if n not in sets and n not in entity.key]
            values |= {n: self._null(entity.name, n) for n in others}
        listed = ", ".join(f"{self._dialect.quote(n)} = {sql}" for n, sql in values.items())
        name = self._world.writers[entity.name].name
        change = f"UPDATE {name} SET {listed} WHERE {where}"
        if values and not self._done((change, {**bound, **known})):
            return "rejects"
        found = self._connection.execute(text(f"SELECT * FROM {name} WHERE {where}"), known)
        after = dict(found.mappings().one())
        self.outputs[step.name].append(after)
        return "unchanged" if after == before else "updated"

    def _newest(
        self, entity: Entity, sets: Mapping[str, str], bound: Mapping[str, Any]
    ) -> list[Row]:
        """The row that was put in: by its key, or the one with the highest counted key."""
        found = self._there(entity, entity.key, sets, bound)
        if found:
            return found
        name, key = self._world.writers[entity.name].name, self._dialect.quote(entity.key[0])
        query = text(f"SELECT * FROM {name} ORDER BY {key} DESC LIMIT 1")
        return [dict(row) for row in self._connection.execute(query).mappings()]
