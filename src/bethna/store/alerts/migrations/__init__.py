"""The tables of candles, step after step, as Alembic runs them; a step that was published is never changed."""
