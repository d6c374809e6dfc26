"""``get`` config: the settings in force (R54, SEMANTICS 13.2). Secrets are the empty string."""

from __future__ import annotations

import getpass
import platform
import socket
from typing import Final

import afanasy
from af.settings import BY_KEY
from afanasy.core.node_log import LINES_MAX
from afanasy.core.settings import SERVER_KEYS
from afanasy.core.state import Farm
from afanasy.server.show.views import View

#: Told to nobody.
_SECRETS: Final = ("af_db_conninfo", "af_digest_file", "pswd_visor", "pswd_god")
#: Clients expect these, and here they are as they are: nothing can set them.
_FIXED: Final[View] = {
    "af_node_log_lines_max": LINES_MAX,
    "af_task_log_linesmax": 100,
    "af_monitor_zombietime": 16,
    **dict.fromkeys(_SECRETS, ""),
}


def config_answer(farm: Farm) -> View:
    """The list that clients expect: objects with keys, the last one about the server itself."""
    settings = {key: BY_KEY[key].told(farm.settings.value(key)) for key in SERVER_KEYS}
    return {"cgru_config": [{**settings, **_FIXED}, {"cgru_environment": _environment()}]}


def _environment() -> View:
    try:
        user_name = getpass.getuser()
    except (KeyError, OSError):  # a user id without a name
        user_name = ""
    return {
        "version": afanasy.__version__,
        "builddate": "",
        "buildrevision": "",
        "platform": f"{platform.system()} {platform.machine()}".lower(),
        "hostname": socket.gethostname(),
        "username": user_name,
        "location": "",
        "servedir": "",
    }
