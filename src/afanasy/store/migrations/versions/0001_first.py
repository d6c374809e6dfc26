"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

DOUBLE: sa.types.TypeEngine[float] = sa.Double()
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create every table."""
    op.create_table(
        "block_states",
        sa.Column("key", BIG, autoincrement=False, nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "blocks",
        sa.Column("key", BIG, autoincrement=False, nullable=False),
        sa.Column("serial", BIG, nullable=False),
        sa.Column("num", BIG, nullable=False),
        sa.Column("name", sa.String(length=1024), nullable=False),
        sa.Column("service", sa.String(length=1024), nullable=False),
        sa.Column("tasks_num", BIG, nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("blocks_serial", "blocks", ["serial"], unique=False)
    op.create_table(
        "facets",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("user_name", sa.String(length=255), nullable=False),
        sa.Column("project", sa.String(length=1024), nullable=False),
        sa.Column("department", sa.String(length=1024), nullable=False),
        sa.Column("branch", sa.Text(), nullable=False),
        sa.Column("pool", sa.Text(), nullable=False),
        sa.Column("pattern", sa.String(length=1024), nullable=False),
        sa.Column("service", sa.String(length=1024), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "jobs",
        sa.Column("serial", BIG, autoincrement=False, nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.Column("name", sa.String(length=1024), nullable=False),
        sa.Column("user_name", sa.String(length=255), nullable=False),
        sa.Column("st", BIG, nullable=False),
        sa.Column("priority", BIG, nullable=False),
        sa.Column("project", sa.String(length=1024), nullable=False),
        sa.Column("department", sa.String(length=1024), nullable=False),
        sa.Column("branch", sa.Text(), nullable=False),
        sa.Column("time_creation", BIG, nullable=False),
        sa.Column("time_started", BIG, nullable=False),
        sa.Column("time_done", BIG, nullable=False),
        sa.Column("deleted", BIG, nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("serial"),
    )
    op.create_index("jobs_user", "jobs", ["user_name"], unique=False)
    op.create_table(
        "leader",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("epoch", BIG, nullable=False),
        sa.Column("farm_id", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "meta",
        sa.Column("name", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "open_runs",
        sa.Column("run", BIG, autoincrement=False, nullable=False),
        sa.Column("task", BIG, nullable=False),
        sa.Column("render", sa.String(length=255), nullable=False),
        sa.Column("number", BIG, nullable=False),
        sa.Column("capacity", BIG, nullable=False),
        sa.Column("coeff", BIG, nullable=False),
        sa.Column("started", DOUBLE, nullable=False),
        sa.Column("waited_s", DOUBLE, nullable=False),
        sa.Column("current", BIG, nullable=False),
        sa.Column("stop_cause", sa.String(length=1024), nullable=False),
        sa.Column("stop_target", BIG, nullable=False),
        sa.Column("stop_counts", BIG, nullable=False),
        sa.PrimaryKeyConstraint("run"),
    )
    op.create_table(
        "outputs",
        sa.Column("run", BIG, autoincrement=False, nullable=False),
        sa.Column("block", BIG, nullable=False),
        sa.Column("place", BIG, nullable=False),
        sa.Column("length", BIG, nullable=False),
        sa.Column("size", BIG, nullable=False),
        sa.PrimaryKeyConstraint("run"),
    )
    op.create_table(
        "pages",
        sa.Column("key", BIG, autoincrement=False, nullable=False),
        sa.Column("seq", BIG, nullable=False),
        sa.Column("count", BIG, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "purges",
        sa.Column("block", BIG, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("block"),
    )
    op.create_table(
        "records",
        sa.Column("key", BIG, autoincrement=False, nullable=False),
        sa.Column("first", BIG, autoincrement=False, nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", "first"),
    )
    op.create_table(
        "renders",
        sa.Column("name", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "runs",
        sa.Column("run", BIG, autoincrement=False, nullable=False),
        sa.Column("task", BIG, nullable=False),
        sa.Column("render_id", BIG, nullable=False),
        sa.Column("facet", BIG, nullable=False),
        sa.Column("number", BIG, nullable=False),
        sa.Column("started", DOUBLE, nullable=False),
        sa.Column("elapsed_ms", BIG, nullable=False),
        sa.Column("waited_ms", BIG, nullable=False),
        sa.Column("cpu_ms", BIG, nullable=False),
        sa.Column("memory_peak_mb", BIG, nullable=False),
        sa.Column("capacity", BIG, nullable=False),
        sa.Column("status", BIG, nullable=False),
        sa.Column("exit_status", BIG, nullable=False),
        sa.Column("error_class", sa.String(length=1024), nullable=True),
        sa.Column("output_size", BIG, nullable=False),
        sa.Column("log", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("run"),
    )
    op.create_index("runs_task", "runs", ["task"], unique=False)
    op.create_table(
        "submissions",
        sa.Column("serial", BIG, autoincrement=False, nullable=False),
        sa.Column("part", BIG, autoincrement=False, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("serial", "part"),
    )
    op.create_table(
        "tasks",
        sa.Column("key", BIG, autoincrement=False, nullable=False),
        sa.Column("seq", BIG, nullable=False),
        sa.Column("state", BIG, nullable=False),
        sa.Column("flags", BIG, nullable=False),
        sa.Column("starts", BIG, nullable=False),
        sa.Column("errors", BIG, nullable=False),
        sa.Column("host", BIG, nullable=False),
        sa.Column("time_start", BIG, nullable=False),
        sa.Column("time_done", BIG, nullable=False),
        sa.Column("extra", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "users",
        sa.Column("name", sa.String(length=255), autoincrement=False, nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def downgrade() -> None:
    """Drop every table."""
    op.drop_table("users")
    op.drop_table("tasks")
    op.drop_table("submissions")
    op.drop_index("runs_task", table_name="runs")
    op.drop_table("runs")
    op.drop_table("renders")
    op.drop_table("records")
    op.drop_table("purges")
    op.drop_table("pages")
    op.drop_table("outputs")
    op.drop_table("open_runs")
    op.drop_table("meta")
    op.drop_table("leader")
    op.drop_index("jobs_user", table_name="jobs")
    op.drop_table("jobs")
    op.drop_table("facets")
    op.drop_index("blocks_serial", table_name="blocks")
    op.drop_table("blocks")
    op.drop_table("block_states")
