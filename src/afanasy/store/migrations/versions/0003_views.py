"""Views for people: what ``afcmd db sql`` reads.

Their columns are told in :mod:`afanasy.store.views`. Secrets live in documents (custom data,
environments, commands), so a view takes single members out of a document and never the document.

SQLite checks all views when a table is renamed. A migration that copies a table (alembic's batch
mode) drops the views before it and makes them again behind it.
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0001"
branch_labels = None
depends_on = None

_VIEWS = {
    "v_users": """
SELECT u.id AS id, u.name AS name,
    {int:u.doc.spec.priority:99} AS priority,
    {bool:u.doc.spec.paused} AS paused,
    {int:u.doc.spec.max_running_tasks:-1} AS max_running_tasks,
    {int:u.doc.spec.max_running_tasks_per_host:-1} AS max_running_tasks_per_host,
    {int:u.doc.spec.jobs_life_time:0} AS jobs_life_time,
    {text:u.doc.spec.hosts_mask} AS hosts_mask,
    {text:u.doc.host_name} AS host_name,
    {int:u.doc.time_register:0} AS time_register,
    {int:u.doc.time_activity:0} AS time_activity
FROM users u
""",
    "v_renders": """
SELECT r.id AS id, r.name AS name,
    CASE WHEN {text:r.doc.spec.user_name} <> '' THEN {text:r.doc.spec.user_name}
        ELSE {text:r.doc.user_name} END AS user_name,
    {text:r.doc.address} AS address,
    {text:r.doc.os} AS os,
    {text:r.doc.engine} AS engine,
    {int:r.doc.spec.priority:99} AS priority,
    {bool:r.doc.spec.paused} AS paused,
    CASE WHEN {bool:r.doc.spec.NIMBY} = 1 THEN 'NIMBY'
        WHEN {bool:r.doc.spec.nimby} = 1 THEN 'nimby' ELSE '' END AS nimby,
    CASE WHEN {int:r.doc.spec.capacity_host:-1} >= 0 THEN {int:r.doc.spec.capacity_host:-1}
        ELSE {int:r.doc.capacity_flag:-1} END AS capacity,
    CASE WHEN {int:r.doc.spec.max_tasks_host:-1} >= 0 THEN {int:r.doc.spec.max_tasks_host:-1}
        ELSE {int:r.doc.max_tasks_flag:-1} END AS max_tasks,
    {int:r.doc.time_register:0} AS time_register,
    {int:r.doc.time_launch:0} AS time_launch
FROM renders r
""",
    "v_jobs": """
SELECT j.serial AS serial, j.id AS id, j.name AS name, j.user_name AS user_name,
    {text:j.doc.spec.host_name} AS host_name,
    CASE WHEN j.deleted > 0 THEN 'deleted' WHEN j.time_done > 0 THEN 'done'
        WHEN j.time_started > 0 THEN 'started' ELSE 'waiting' END AS state,
    {bool:j.doc.off} AS paused,
    j.priority AS priority, j.project AS project, j.department AS department,
    j.branch AS branch,
    {text:j.doc.spec.annotation} AS annotation,
    {text:j.doc.spec.description} AS description,
    {text:j.doc.spec.depend_mask} AS depend_mask,
    {text:j.doc.spec.hosts_mask} AS hosts_mask,
    j.time_creation AS time_creation,
    {int:j.doc.spec.time_wait:0} AS time_wait,
    j.time_started AS time_started, j.time_done AS time_done, j.deleted AS time_deleted
FROM jobs j
""",
    "v_blocks": """
SELECT b."key" AS block_key, b.serial AS job_serial, j.name AS job_name, b.num AS block_num,
    b.name AS block_name, b.service AS service, b.tasks_num AS tasks_num,
    {int:b.doc.flags:0} & 1 AS is_numeric,
    {int:b.doc.frame_first:0} AS frame_first, {int:b.doc.frame_last:0} AS frame_last,
    {int:b.doc.frames_per_task:1} AS frames_per_task, {int:b.doc.frames_inc:1} AS frames_inc,
    {int:b.doc.capacity:1000} AS capacity,
    {int:b.doc.max_running_tasks:-1} AS max_running_tasks,
    {text:b.doc.hosts_mask} AS hosts_mask,
    {text:b.doc.depend_mask} AS depend_mask,
    {text:b.doc.tasks_depend_mask} AS tasks_depend_mask,
    {int:s.doc.times.0:0} AS time_started, {int:s.doc.times.1:0} AS time_done,
    {int:s.doc.times.2:0} AS run_time_min_s, {int:s.doc.times.3:0} AS run_time_max_s,
    {int:s.doc.times.4:0} AS run_time_sum_s
FROM blocks b
LEFT JOIN jobs j ON j.serial = b.serial
LEFT JOIN block_states s ON s."key" = b."key"
""",
    # A row that is older than the page of its task was outdated by a bulk operation.
    "v_tasks": """
SELECT t."key" >> 24 AS block_key, t."key" & 16777215 AS task_num,
    b.serial AS job_serial, j.name AS job_name, j.user_name AS user_name,
    b.num AS block_num, b.name AS block_name,
    CASE t.state WHEN 0 THEN 'ready' WHEN 1 THEN 'waiting' WHEN 2 THEN 'running'
        WHEN 3 THEN 'reconnecting' WHEN 4 THEN 'done' WHEN 5 THEN 'skipped' WHEN 6 THEN 'error'
        WHEN 7 THEN 'suspended' WHEN 8 THEN 'retry' ELSE 'unknown' END AS state,
    t.starts AS starts, t.errors AS errors,
    t.host AS render_id, r.name AS render,
    t.time_start AS time_started, t.time_done AS time_done
FROM tasks t
LEFT JOIN pages p ON p."key" = t."key" - (t."key" & 4095)
LEFT JOIN blocks b ON b."key" = t."key" >> 24
LEFT JOIN jobs j ON j.serial = b.serial
LEFT JOIN renders r ON r.id = t.host
WHERE p."key" IS NULL OR p.seq <= t.seq
""",
    "v_runs": """
SELECT h.run AS run, h.task >> 24 AS block_key, h.task & 16777215 AS task_num,
    b.serial AS job_serial, j.name AS job_name, f.user_name AS user_name,
    f.project AS project, f.department AS department, f.branch AS branch,
    b.num AS block_num, b.name AS block_name, f.service AS service,
    h.number AS number, h.render_id AS render_id, r.name AS render,
    h.started AS time_started, h.started + h.elapsed_ms / 1000.0 AS time_ended,
    h.elapsed_ms / 1000.0 AS elapsed_s, h.waited_ms / 1000.0 AS waited_s,
    CASE WHEN h.cpu_ms < 0 THEN NULL ELSE h.cpu_ms / 1000.0 END AS cpu_s,
    CASE WHEN h.memory_peak_mb < 0 THEN NULL ELSE h.memory_peak_mb END AS memory_peak_mb,
    h.capacity AS capacity,
    CASE h.status WHEN 5 THEN 'success' WHEN 6 THEN 'error' WHEN 7 THEN 'killed'
        WHEN 8 THEN 'parser error' WHEN 9 THEN 'parser fatal' WHEN 10 THEN 'bad result'
        WHEN 11 THEN 'success' WHEN 12 THEN 'post command failed' WHEN 13 THEN 'bad files'
        WHEN 14 THEN 'render left' WHEN 16 THEN 'render lost' WHEN 20 THEN 'skipped'
        WHEN 23 THEN 'failed to start' WHEN 24 THEN 'never began' ELSE 'other' END AS result,
    h.status AS status, h.exit_status AS exit_status,
    COALESCE(h.error_class, '') AS error_class, h.output_size AS output_bytes
FROM runs h
LEFT JOIN blocks b ON b."key" = h.task >> 24
LEFT JOIN jobs j ON j.serial = b.serial
LEFT JOIN facets f ON f.id = h.facet
LEFT JOIN renders r ON r.id = h.render_id
""",
    "v_open_runs": """
SELECT o.run AS run, o.task >> 24 AS block_key, o.task & 16777215 AS task_num,
    b.serial AS job_serial, j.name AS job_name, j.user_name AS user_name,
    b.num AS block_num, b.name AS block_name, b.service AS service,
    o.number AS number, o.render AS render,
    o.started AS time_started, o.waited_s AS waited_s, o.capacity AS capacity,
    o."current" AS counts, o.stop_cause AS stop_cause
FROM open_runs o
LEFT JOIN blocks b ON b."key" = o.task >> 24
LEFT JOIN jobs j ON j.serial = b.serial
""",
}


def upgrade() -> None:
    """Make the views."""
    dialect = op.get_bind().dialect.name
    for name, query in _VIEWS.items():
        _run(f"CREATE VIEW {name} AS\n{_in_dialect(query.strip(), dialect)}")


def downgrade() -> None:
    """Drop the views."""
    for name in _VIEWS:
        _run(f"DROP VIEW {name}")


def _run(statement: str) -> None:
    # Not op.execute: to it a colon begins a parameter.
    op.get_bind().exec_driver_sql(statement)


def _in_dialect(query: str, dialect: str) -> str:
    """The query with its ``{kind:table.column.member…:default}`` as SQL of the database."""
    if dialect in ("mysql", "mariadb"):
        query = query.replace('"', "`")
    parts = query.split("{")
    done = parts[0]
    for part in parts[1:]:
        inside, _, rest = part.partition("}")
        kind, path, default = (*inside.split(":"), "")[:3]
        done += _member(dialect, kind, path.split("."), default) + rest
    return done


def _member(dialect: str, kind: str, path: list[str], default: str) -> str:
    """SQL for one member of a JSON document; one that is left out has its default."""
    column, names = ".".join(path[:2]), path[2:]
    if dialect == "postgresql":
        found = f"(CAST({column} AS json) #>> '{{{','.join(names)}}}')"
        whole = f"CAST({found} AS bigint)"
    else:
        steps = "".join(f"[{name}]" if name.isdigit() else f".{name}" for name in names)
        found = f"json_extract({column}, '${steps}')"
        whole = found
        if dialect in ("mysql", "mariadb"):
            found = f"json_unquote({found})"
            whole = f"CAST({found} AS signed)"
    if kind == "int":
        return f"COALESCE({whole}, {default})"
    if kind == "text":
        return f"COALESCE({found}, '')"
    if dialect == "sqlite":  # there true is 1
        return f"COALESCE({found}, 0)"
    return f"(CASE WHEN {found} = 'true' THEN 1 ELSE 0 END)"
