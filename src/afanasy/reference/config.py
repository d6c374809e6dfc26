"""The page of the settings, from their catalogue."""

from __future__ import annotations

import json
from collections.abc import Iterator

from af.settings import CATALOGUE, CLIENT, GUI, NUMBER, RENDER, SERVER, Setting
from af.toml_files import candidates
from afanasy.reference.markdown import anchor, code, head, join, table

_USERS = {
    SERVER: "`afserver`",
    RENDER: "`afrender`",
    CLIENT: "`afcmd`, `afjob`, `import af`",
    GUI: "graphical programs, told by the server",
}


def page() -> str:
    """The whole page."""
    return join(
        [
            head(
                "Reference: settings",
                "Every setting: what it is for, its type, bounds and default, who uses it, and "
                "whether it needs a restart. `afcmd config list` shows those of a server in force.",
            ),
            *_where(),
            "## Settings that need no restart",
            "A change of a file, and `afcmd config set` for a setting of the server, takes effect "
            "while programs run.",
            _list([setting for setting in CATALOGUE if setting.live]),
            "## Settings that need a restart",
            "They are read when the program that uses them starts.",
            _list([setting for setting in CATALOGUE if not setting.live]),
            "## All settings",
            *(part for setting in CATALOGUE for part in _setting(setting)),
        ]
    )


def _where() -> Iterator[str]:
    yield "## Where a setting comes from"
    yield (
        "Its default; then, each over the one before: the configuration files of a CGRU "
        "installation, our own files, the environment, the options of a program. A value that "
        "`afcmd config set` gave to a server wins over all of them until it is unset."
    )
    yield "Our own files, later ones win:"
    yield "\n".join(f"* {code(path)}" for path in candidates())
    yield (
        "A setting stands there as `key = value` in TOML. [howto-admin.md](../howto-admin.md) and "
        "[howto-python.md](../howto-python.md#settings) tell more."
    )


def _list(settings: list[Setting]) -> str:
    return table(
        ["setting", "used by"],
        [[f"[{code(one.key)}]({anchor(one.key)})", _used_by(one)] for one in settings],
    )


def _setting(setting: Setting) -> Iterator[str]:
    yield f"### {setting.key}"
    yield setting.help
    variables = [setting.variable, *setting.variables]
    if setting.classic:
        variables.append("CGRU_" + setting.key.upper())
    rows = [
        ["type", _kind(setting)],
        ["default", code(json.dumps(setting.default, ensure_ascii=False))],
        ["used by", _used_by(setting)],
        ["without a restart", "yes" if setting.live else "no"],
        ["set on the fly", "`afcmd config set`" if setting.settable else ""],
        ["secret", "nobody is shown it" if setting.secret else ""],
        ["variables", ", ".join(map(code, dict.fromkeys(variables)))],
        ["options", ", ".join(map(code, setting.flags))],
        ["in CGRU's files", "yes" if setting.classic else ""],
    ]
    yield table(["", ""], [row for row in rows if row[1]])


def _used_by(setting: Setting) -> str:
    return ", ".join(_USERS[user] for user in setting.used_by)


def _kind(setting: Setting) -> str:
    rule = setting.rule()
    if setting.kind == NUMBER:
        rule = rule.replace(f"from {-(2**31) + 1} to {2**31 - 1}", "").strip()
    return rule
