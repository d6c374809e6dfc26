"""The page of the JSON requests: attributes, what can be asked and done, answers and refusals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, cast, get_args, get_origin, get_type_hints

import msgspec

from afanasy.core.host import pool_edits
from afanasy.core.job import branch_edits, edit
from afanasy.core.job.submit import TASKS_PER_JOB_MAX
from afanasy.model.attributes import (
    BLOCKS_PER_JOB_MAX,
    BlockSpec,
    BranchSpec,
    JobSpec,
    PoolSpec,
    RenderSpec,
    TaskSpec,
    UserSpec,
)
from afanasy.model.attributes_help import FLAGS, KEPT, help_of
from afanasy.model.ids import TASKS_PER_BLOCK_MAX
from afanasy.model.reading import CLAMPED
from afanasy.reference.markdown import block, code, head, join, table
from afanasy.server import requests_help as texts
from afanasy.store.sql import ROWS_DEFAULT, ROWS_MAX, TIMEOUT_DEFAULT_S, TIMEOUT_MAX_S
from afanasy.store.views import VIEWS
from afanasy.wire.json_text import BODY_BYTES_MAX

_STRUCTS: Final[tuple[tuple[str, type[msgspec.Struct], frozenset[str]], ...]] = (
    ("Jobs", JobSpec, edit.JOB_EDITABLE),
    ("Blocks", BlockSpec, edit.BLOCK_EDITABLE),
    ("Tasks", TaskSpec, frozenset()),
    ("Users", UserSpec, edit.USER_EDITABLE),
    ("Renders", RenderSpec, edit.RENDER_EDITABLE),
    ("Pools", PoolSpec, pool_edits.POOL_EDITABLE),
    ("Branches", BranchSpec, branch_edits.BRANCH_EDITABLE),
)
_ABOUT: Final = {
    "Jobs": "Members of `job` in a submission, beside `blocks`, and of `params` of an action on "
    "jobs.",
    "Blocks": "Members of each object in `blocks`, beside `tasks`, and of `params` of an action on "
    "blocks.",
    "Tasks": "Members of each object in the `tasks` of a block. They cannot be edited.",
    "Users": "Members of `user`, beside `name`, and of `params` of an action on users.",
    "Renders": "Members of `params` of an action on renders.",
    "Pools": "Members of `params` of an action on pools. -1 and empty are not set: the pool above "
    "speaks.",
    "Branches": "Members of `params` of an action on branches; they hold for all jobs in it and "
    "below.",
}
_TARGETS: Final = {
    "jobs": 'on jobs: `"type": "jobs"`',
    "blocks": 'on blocks and tasks: `"type": "jobs"` and `block_ids`',
    "renders": 'on renders: `"type": "renders"`',
    "users": 'on users: `"type": "users"`',
    "pools": 'on pools: `"type": "pools"`',
    "branches": 'on branches: `"type": "branches"`',
    "limits": 'on limits of services: `"type": "limits"`',
    "config": 'on settings: `"type": "config"`',
    "farm": 'on the farm file: `"type": "farm"`',
}


def page() -> str:
    """The whole page."""
    return join(
        [
            head(
                "Reference: JSON requests",
                "What can be sent to the server's port, with every attribute, mode and operation. "
                "`afcmd json send` and `af.request` send any of it.",
            ),
            *_framing(),
            "## Requests",
            "The first of these root members that is there says what the request wants.",
            *_roots(),
            "## Get",
            table(["member", "meaning"], _rows(texts.GET_MEMBERS)),
            *_gets(),
            "## Action",
            table(["member", "meaning"], _rows(texts.ACTION_MEMBERS)),
            table(["type", "what it is about"], _rows(texts.ACTION_TYPES)),
            *_operations(),
            "### Members of operations",
            table(["member", "meaning"], _rows(texts.OPERATION_MEMBERS)),
            "## Attributes",
            "*Kept* attributes are stored and shown, and decide nothing. A lenient request may "
            "exceed the bounds of "
            + ", ".join(map(code, CLAMPED))
            + ": the nearest bound is taken.",
            *(part for struct in _STRUCTS for part in _struct(*struct)),
            "### Flags of a block",
            table(
                ["bit", "name", "meaning"],
                [
                    [str(bit), name, text + ("" if used else " Kept.")]
                    for bit, (name, text, used) in FLAGS.items()
                ],
            ),
            *_answers(),
            *_views(),
            "## Bounds",
            table(
                ["what", "most"],
                [
                    ["blocks of a job", f"{BLOCKS_PER_JOB_MAX:,}"],
                    ["tasks of a block", f"{TASKS_PER_BLOCK_MAX:,}"],
                    ["tasks of a job", f"{TASKS_PER_JOB_MAX:,}"],
                    ["bytes of a request", f"{BODY_BYTES_MAX:,}"],
                    ["rows of an answer to `sql`", f"{ROWS_DEFAULT:,}; with `limit` {ROWS_MAX:,}"],
                    [
                        "time of a statement",
                        f"{TIMEOUT_DEFAULT_S} s; with `timeout_s` {TIMEOUT_MAX_S} s",
                    ],
                ],
            ),
        ]
    )  # fmt: skip


def _framing() -> Iterator[str]:
    yield "## Framing"
    yield (
        "One request and one answer for each connection, in one of two forms. As text: the word "
        "`AFANASY`, the length of the JSON in bytes, the word `JSON`, and the JSON; the answer has "
        "the same form."
    )
    yield block('AFANASY 24 JSON{"get":{"type":"users"}}')
    yield (
        "As HTTP: a POST of any path whose body is the JSON. The length is `Content-Length`, else "
        "a header `AFANASY`. Without that header the Content-Type must be `application/json`."
    )
    yield "### strict"
    yield (
        "A request is read leniently: a member of a wrong type, out of bounds or unknown is "
        "ignored, and `warnings` in the answer says so, except for unknown ones of `get`. Of a "
        "list or an object only what is wrong is ignored. With "
        '`"strict": true` beside the root member it is refused. `import af`, `afcmd` and `afjob` '
        "send that."
    )
    yield (
        "Refused in both: unknown members of an operation of `config`, `limits` and `farm`, masks "
        "that do not compile or are too long, texts with NUL characters or "
        "lone surrogates, names of environment variables that are empty or have a `=`, and an "
        "action whose `ids`, `block_ids`, `task_ids` or `task_ranges` cannot be read or stand in "
        "the wrong place, as it would be on more than was meant."
    )


def _roots() -> Iterator[str]:
    for root, text in texts.ROOTS.items():
        yield f"### {root}"
        yield text
        yield block(texts.EXAMPLES[root], "json send")


def _rows(names: dict[str, str]) -> list[list[str]]:
    return [[code(name), text] for name, text in names.items()]


def _gets() -> Iterator[str]:
    for kind, text in texts.GET_TYPES.items():
        yield f"### get {kind}"
        yield text
        yield from _modes(kind)
        if kind == "jobs":
            yield "With `block_ids` and a list of as many modes: `blocks`, each in its mode."
            yield from _modes("blocks")


def _modes(kind: str) -> Iterator[str]:
    for (one, mode), text in texts.GET_MODES.items():
        if one == kind:
            yield f"#### get {kind} {mode}"
            yield text


def _operations() -> Iterator[str]:
    for target, operations in texts.OPERATIONS.items():
        yield f"### Operations {_TARGETS[target]}"
        for name, (text, members) in operations.items():
            yield f"#### {target} {name}"
            yield text + (f" Members: {members}." if members else "")


# ------------------------------------------------------------------------------------ attributes


def _struct(title: str, spec: type[msgspec.Struct], editable: frozenset[str]) -> Iterator[str]:
    yield f"### {title}"
    yield _ABOUT[title]
    hints = get_type_hints(spec, include_extras=True)
    defaults = spec()
    yield table(
        ["attribute", "type", "default", "edited", "meaning"],
        [
            [
                code(name),
                kind_of(hints[name]),
                code(_shown(getattr(defaults, name))),
                "yes" if name in editable else "no",
                help_of(spec, name) + (" Kept." if name in KEPT[spec] else ""),
            ]
            for name in sorted(spec.__struct_fields__, key=lambda name: (name.lower(), name))
        ],
    )


def kind_of(hint: Any) -> str:
    """A type with its bounds in words."""
    bounds = ""
    if hasattr(hint, "__metadata__"):
        meta: msgspec.Meta = hint.__metadata__[0]
        bounds = _bounds(meta)
        hint = get_args(hint)[0]
    if get_origin(hint) is list:
        return f"list of {_plain(get_args(hint)[0])}s{bounds}"
    if get_origin(hint) is dict:
        return f"object of {_plain(get_args(hint)[1])}s{bounds}"
    parts = [one for one in get_args(hint) if one is not type(None)]
    if parts:
        return kind_of(parts[0])
    return f"{_plain(hint)}{bounds}"


def _plain(hint: Any) -> str:
    if hasattr(hint, "__metadata__"):
        hint = get_args(hint)[0]
    words = {str: "text", int: "number", bool: "true or false"}
    return words.get(cast("type[Any]", hint), str(hint))


def _bounds(meta: msgspec.Meta) -> str:
    if meta.max_length is not None:
        return f", at most {meta.max_length:,} characters"
    low, high = meta.ge, meta.le
    if low is None or high is None or abs(low) >= 2**62:
        return ""
    return f", from {low}" if high >= 2**31 - 1 else f", {low} to {high}"


def _shown(value: object) -> str:
    if value is None:
        return ""
    return msgspec.json.encode(value).decode()


# --------------------------------------------------------------------------------------- answers


def _answers() -> Iterator[str]:
    yield "## Answers"
    yield (
        "What was asked for, as told above. An action answers `info` with `kind` (log, info or "
        "error) and `text`, and `count`, how many tasks or nodes it touched. What was ignored is "
        "in `warnings`, a list of sentences. An answer to what changes the farm leaves "
        "when the change is on the disk."
    )
    yield "### Refusals"
    yield "A job that is refused answers zeros and a sentence; beside it, when strict, `refusal`:"
    yield block(
        '{"id": 0, "serial": 0, "error": "job.blocks: must be a list of at least one block",\n'
        ' "refusal": {"code": "missing", "message": "…", "hint": "…", "field": "job.blocks"}}',
        "json",
    )
    yield "Everything else answers an `info` of the kind error; beside it, when strict, `error`:"
    yield block(
        '{"info": {"kind": "error", "text": "Invalid ID"}, "error": {\n'
        '    "code": "not_found", "message": "Invalid ID", "hint": "…", "field": "get.ids"}}',
        "json",
    )
    yield (
        "`code` is for programs, `message` names the rule, `hint` says what to do, `field` is the "
        "member at fault."
    )
    yield table(["code", "when"], _rows(texts.CODES))


def _views() -> Iterator[str]:
    yield "## SQL views"
    yield "What `get` of the type `sql` and `afcmd db sql` can read. Nothing secret is in them."
    for name, told in VIEWS.items():
        yield f"### View {name}"
        yield told.text
        yield table(["column", "meaning"], _rows(told.columns))
