"""Pools and branches, and what runs hold of their hosts besides capacity."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Two tables and a column."""
    for table in ("pools", "branches"):
        op.create_table(
            table,
            sa.Column("path", sa.String(length=255), nullable=False),
            sa.Column("id", BIG, nullable=False),
            sa.Column("doc", sa.Text(), nullable=False),
            sa.PrimaryKeyConstraint("path"),
        )
    op.add_column("open_runs", sa.Column("held", sa.Text(), nullable=True))


def downgrade() -> None:
    """Take them away."""
    op.drop_column("open_runs", "held")
    op.drop_table("branches")
    op.drop_table("pools")
