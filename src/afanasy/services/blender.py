"""Blender: a look for missing files before it renders.

Blender renders a texture that is not there in pink, says nothing and exits with 0. So where the
command opens a scene (``blender -b SCENE.blend …``) a short Python expression is put behind the
scene: it looks for the images, movies, caches and libraries the scene uses and prints a line for
each one that does not exist. Blender works off its arguments in order, so this happens after the
scene is open and before anything is rendered.

The block's environment value ``AF_BLENDER_MISSING`` says what then happens:

* ``stop``, the default: Blender ends with status 1 before it renders, the task is an error of the
  class ``missing_input``;
* ``report``: Blender renders, then the task is an error with that class: the pictures are there;
* ``ignore``: no look is taken and the command stays as it is.

The expression is quoted so that a POSIX shell and ``cmd.exe`` pass it on alike: no ``$``, ``%``,
``!``, backquote or double quote in it.
"""

from __future__ import annotations

import re
from typing import Final

from afanasy.parsers.blender import MISSING_FILE
from afanasy.services.base import Service

MODE_VARIABLE: Final = "AF_BLENDER_MISSING"

_SCENE: Final = re.compile(
    r"""(?:^|\s)(?:-b|--background)\s+(?:"[^"]*\.blend"|'[^']*\.blend'|[^\s"']+\.blend)(?=\s|$)"""
)

#: Runs in Blender's own Python, 2.8 to 5. Whatever goes wrong in it must not look like an error.
_CHECK: Final = """\
try:
 import bpy,os,sys
 d=bpy.data
 f=[(i.filepath,i.library) for i in d.images
  if i.users and i.source in ('FILE','MOVIE') and not i.packed_file]
 f+=[(c.filepath,c.library) for c in d.cache_files if c.users and not c.is_sequence]
 f+=[(l.filepath,l.parent) for l in d.libraries if not l.packed_file]
 a=set(bpy.path.abspath(n,library=b) for n,b in f if n)
 m=sorted(p for p in a if not os.path.exists(p))
 for p in m: print('@FILE@'+p)
 sys.stdout.flush()
 if m and @STOP@: os._exit(1)
except Exception as e:
 print('AFANASY: files are not checked: '+str(e))
"""


def check_expression(*, stop: bool) -> str:
    """The argument pair for Blender's command line, quoted for the shell."""
    code = _CHECK.replace("@FILE@", MISSING_FILE).replace("@STOP@", str(stop))
    code = code.replace("'", r"\'").replace("\n", r"\n")
    return f"""--python-expr "exec('{code}')\""""


class Blender(Service):
    """The service of renders with Blender."""

    parser = "blender"

    def command(self) -> str:
        """The filled command, with the look for missing files behind the scene."""
        command = super().command()
        mode = self.task.environment.get(MODE_VARIABLE, "stop")
        if mode not in ("stop", "report", "ignore"):
            self.log.append(f"{MODE_VARIABLE}={mode}: it is stop, report or ignore; stop is used")
            mode = "stop"
        scene = _SCENE.search(command)
        if mode == "ignore" or scene is None:
            return command
        place = scene.end()
        return f"{command[:place]} {check_expression(stop=mode == 'stop')}{command[place:]}"
