"""Houdini: ``hbatch -c "render … NODE; quit" SCENE``, the ``render`` command of hscript."""

from __future__ import annotations

from afanasy.afjob.errors import JobError
from afanasy.afjob.program import FIRST, LAST, NODE, OUTPUT, RENDERER, TAKE, Program
from afanasy.afjob.shell import flag, line

#: ``--renderer`` → the service whose parser reads both Houdini and the renderer.
_SERVICES = {
    "mantra": "hbatch_mantra",
    "karma": "hbatch_karma",
    "prman": "hbatch_prman",
    "redshift": "hbatch_redshift",
    "arnold": "houdinitoarnold",
    "geometry": "hbatch",
}


class Houdini(Program):
    """Scenes of Houdini; the node is an output driver, as /out/mantra1."""

    TITLE = "Houdini"
    EXTENSIONS = ("hip", "hiplc", "hipnc")
    EXECUTABLE = "hbatch"
    OPTIONS = (NODE, TAKE, OUTPUT, RENDERER)
    REQUIRED = (NODE,)

    def service(self) -> str:
        """By what the node renders with: mantra when it is not said."""
        renderer = self.option(RENDERER) or "mantra"
        found = _SERVICES.get(renderer)
        if found is None:
            names = ", ".join(_SERVICES)
            raise JobError(f"{renderer!r} is none of {names}", option="--renderer")
        return found

    def command(self) -> str:
        """The step is said too: the node's own would be used else."""
        shot, output = self.shot, self.output()
        words = ["render", "-V", "-f", FIRST, LAST, "-i", str(shot.by)]
        if output:
            words += ["-o", _text(output.houdini(), "--output")]
        script = " ".join([*words, _text(self.option(NODE), "--node")])
        if take := self.option(TAKE):
            script = f"takeset {_text(take, '--take')}; {script}"
        threads = flag("-j", shot.threads)
        return line(shot.executable, *threads, shot.extra, "-c", f"{script}; quit", shot.scene)


def _text(text: str, option: str) -> str:
    """A word of hscript; in single quotes ``$F4`` stays for the node to fill in at each frame."""
    if any(c in text for c in "'\"\\`"):
        raise JobError(f"{text!r} holds a quote or a backslash", option=option)
    return f"'{text}'" if any(c in text for c in " ;$") else text
