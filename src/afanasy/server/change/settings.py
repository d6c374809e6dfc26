"""The server's settings: from its options, variables and files, and changed while it runs.

At the start :func:`from_layers` reads everything once; what is wrong there keeps the server from
starting. ``reload_config`` and SIGHUP read the files again (:meth:`Reloader.reload`): live settings
take effect at once, the others are remembered as waiting for a restart. A setting can be set on the
fly by an action of type ``config``::

    {"action": {"type": "config", "user_name": …, "host_name": …,
                "operation": {"type": "set", "values": {"af_priority": 50}}}}

and taken back by the operation ``{"type": "unset", "keys": ["af_priority"]}``. All values of a
request are checked before the first is set. Settings are typed strictly in every request: a wrong
one is never guessed or ignored.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from af import config, toml_files
from af.settings import BY_KEY, SERVER, Setting
from af.toml_files import Found
from af.words import plural
from afanasy.core import events
from afanasy.core.settings import SERVER_KEYS, Settings
from afanasy.core.state import Farm
from afanasy.model.errors import UserError
from afanasy.model.reading import Raw
from afanasy.server.change.read_operation import asked_by, operation_alone
from afanasy.server.mail import login_warning
from afanasy.server.show.views import View
from afanasy.server.zones import check_zone


def from_layers(options: Mapping[str, Found]) -> dict[str, Found]:
    """Every setting of the server that is not at its default; ``options`` win.

    Raises UserError when a file or a variable says what cannot be.
    """
    try:
        config.check()
    except ValueError as error:
        raise UserError("bad_config", str(error), "correct it, or take the line out") from None
    found = {key: config.found(key) for key in SERVER_KEYS}
    zone = found["af_timezone"]
    try:
        check_zone(zone.value)
    except ValueError as error:
        raise UserError("bad_config", f"{zone.origin}: af_timezone: {error}") from None
    said = {key: one for key, one in found.items() if one.origin != "default"}
    return {**said, **options}


class Reloader:
    """Reads the server's files again. ``options`` are those that the server was started with."""

    def __init__(self, options: Mapping[str, Found] | None = None) -> None:
        self._options = options or {}

    def reload(self, farm: Farm, apply: Callable[[events.Event], Any]) -> View:
        """Apply what the files say now. Raises UserError, nothing changed."""
        settings, found = farm.settings, from_layers(self._options)
        said: dict[str, Found] = {}
        waiting: dict[str, Found] = {}
        for key in SERVER_KEYS:
            now = found.get(key, Found(BY_KEY[key].default, "default"))
            was = settings.under(key)
            if BY_KEY[key].live:
                if key in found:
                    said[key] = now
            else:
                if key in settings.said:
                    said[key] = was
                if key not in self._options and now.value != self._comparable(key, was):
                    waiting[key] = now
        before = {key: settings.value(key) for key in SERVER_KEYS}
        apply(events.RereadSettings(said, waiting))
        changed = [_view(farm, key, old=BY_KEY[key].told(old)) for key, old in before.items()
                   if settings.value(key) != old]  # fmt: skip
        count = plural(len(changed), "setting") if changed else "nothing"
        text = f"The configuration was read again: {count} changed"
        if waiting:
            text += f", {plural(len(waiting), 'setting waits', 'settings wait')}"
            text += " for a restart"
        return {
            "info": {"kind": "log", "text": text + "."},
            "files": config.files().files,
            "changed": changed,
            "waiting": [_view(farm, key) for key in waiting],
        }

    def _comparable(self, key: str, was: Found) -> Any:
        """What the layers said at the start; an empty folder had been filled in."""
        return BY_KEY[key].default if was.origin == "default" else was.value


def settings_view(farm: Farm) -> View:
    """``get`` config with mode ``origins``: every setting of the server and where it comes from."""
    return {"settings": [_view(farm, key) for key in SERVER_KEYS]}


def _view(farm: Farm, key: str, **more: Any) -> View:
    """One setting in an answer."""
    settings, setting = farm.settings, BY_KEY[key]
    view: View = {
        "key": key,
        "value": setting.told(settings.value(key)),
        "origin": settings.under(key).origin,
        "live": setting.live,
        **more,
    }
    chosen = settings.chosen.get(key)
    if chosen is not None:
        view.update(origin="set on the fly", by=chosen.by, time=chosen.time)
        view["under"] = settings.under(key)._asdict()
    if key in settings.waiting:
        later = settings.waiting[key]
        view["waiting"] = later._replace(value=setting.told(later.value))._asdict()
    return view


# ---------------------------------------------------------------------------------- on the fly


def act_on_settings(farm: Farm, action: Raw, apply: Callable[[events.Event], Any]) -> View:
    """An action of type ``config``. Raises UserError, nothing changed."""
    by = asked_by(action)
    operation = operation_alone(action, "config")
    if operation["type"] == "set":
        event = events.ChangeSettings(_values(operation), by=by)
    else:
        event = events.ChangeSettings({}, _keys(operation), by)
    keys = [*event.values, *event.unset]
    old = {key: farm.settings.value(key) for key in keys}
    apply(event)
    answer: View = {
        "info": {"kind": "log", "text": f"{plural(len(keys), 'setting')} {operation['type']}."},
        "count": len(keys),
        "settings": [_view(farm, key, old=old[key]) for key in keys],
    }
    mails = any(key.startswith("email_smtp_") for key in keys)
    warning = login_warning(farm.settings.value) if mails else ""
    if warning:
        hint = "give it to the server as AF_EMAIL_SMTP_PASSWORD, and restart it"
        answer["warnings"] = [f"{warning}; {hint}"]
    return answer


def _values(operation: Raw) -> dict[str, Any]:
    values, where = operation.get("values"), "operation.values"
    if not isinstance(values, dict) or not values:
        raise UserError(
            "missing", "set needs an object of keys and values", 'as {"af_priority": 50}',
            field=where,
        )  # fmt: skip
    checked: dict[str, Any] = {}
    for key, value in cast(Raw, values).items():
        setting = _settable(key, f"{where}.{key}")
        try:
            checked[key] = setting.check(value)
            if key == "af_timezone":
                check_zone(value)
        except ValueError as error:
            raise UserError("bad_field", str(error), field=f"{where}.{key}") from None
    return checked


def _keys(operation: Raw) -> list[str]:
    keys, where = operation.get("keys"), "operation.keys"
    if not isinstance(keys, list) or not keys or not all(isinstance(k, str) for k in keys):  # pyright: ignore[reportUnknownVariableType] - of a request
        raise UserError(
            "missing", "unset needs a list of keys", 'as ["af_priority"]', field=where
        )  # fmt: skip
    found = list(dict.fromkeys(cast("list[str]", keys)))
    for key in found:
        _settable(key, f"{where}.{key}")
    return found


def _settable(key: str, field: str) -> Setting:
    """A setting that can be changed on the fly. Raises UserError for every other."""
    setting = BY_KEY.get(key)
    if setting is None:
        close = difflib.get_close_matches(key, SERVER_KEYS, 1)
        hint = f"did you mean '{close[0]}'?" if close else "afcmd config list shows those there are"
        raise UserError("not_found", f"there is no setting '{key}'", hint, field=field)
    if setting.settable:
        return setting
    file = toml_files.candidates()[0]
    if setting.secret:
        raise UserError(
            "secret",
            f"{key} is a secret and is not set by a request",
            f"give it to the server as {setting.variable}, or in a file that only it can read",
            field=field,
        )
    if SERVER in setting.used_by:
        raise UserError(
            "needs_restart",
            f"{key} needs a restart of the server",
            f"put it in {file} of the server's host, and restart afserver",
            field=field,
        )
    where = " and ".join(setting.used_by)
    raise UserError(
        "not_of_the_server",
        f"{key} is no setting of the server: it is used by {where}",
        f"put it in {file} of those computers",
        field=field,
    )


def first_settings(options: Mapping[str, Found], data: Path) -> Settings:
    """The settings of a server that starts in the folder ``data``. Raises UserError."""
    said = from_layers(options)
    folder = said.get("af_store_folder", Found("", "default"))
    said["af_store_folder"] = Found(str(data), folder.origin)
    return Settings(said=said)
