"""The peer pandas, which creates rows from frames only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import create_engine

from benchmarks.bulk.sides import CHUNK, Side

if TYPE_CHECKING:
    import pandas as pd


class Pandas(Side):
    """to_sql; its method "multi" takes ten times as long (both databases) and is not measured."""

    name = "pandas"

    def __init__(self, url: str) -> None:
        self.engine = create_engine(url)
        self.connection = self.engine.connect()

    def close(self) -> None:
        self.connection.close()
        self.engine.dispose()

    def create_frame(self, given: pd.DataFrame) -> None:
        given.to_sql("accounts", self.connection, if_exists="append", index=False, chunksize=CHUNK)
        self.connection.commit()
