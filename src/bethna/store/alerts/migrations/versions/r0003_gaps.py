"""What was given up and may still come, beside how far was judged. It changes no line."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Text

revision = "r0003"
down_revision = "r0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the column."""
    op.add_column("cursors", Column("gaps", Text))
