"""Houdini: ``hbatch -c "render … NODE; quit" SCENE``, the ``render`` command of hscript."""

from __future__ import annotations

from afanasy.afjob.errors import JobError
from afanasy.afjob.program import FIRST, LAST, NODE, OUTPUT, RENDERER, TAKE, Option, Program
from afanasy.afjob.shell import flag, line

IGNORE_INPUTS = Option(
    "ignore-inputs", "render the node alone, not what it depends on", "", "-ignoreinputs", flag=True
)

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
    OPTIONS = (NODE, TAKE, OUTPUT, RENDERER, IGNORE_INPUTS)
    REQUIRED = (NODE,)
    VARIES = True

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
        if self.option(IGNORE_INPUTS):
            words.append("-s")
        if output:
            words += ["-o", _text(output.houdini(), "--output")]
        script = " ".join([*words, _text(self.option(NODE), "--node")])
        if take := self.option(TAKE):
            script = f"takeset {_text(take, '--take')}; {script}"
        if shot.vary:
            script = f"{_set_parameter(*shot.vary)}; {script}"
        threads = flag("-j", shot.threads)
        return line(shot.executable, *threads, shot.extra, "-c", f"{script}; quit", shot.scene)


def _set_parameter(attribute: str, value: str) -> str:
    """hscript that sets a parameter, named with its node as /obj/light1/dimmer."""
    node, _, parameter = attribute.rpartition("/")
    if not (node.startswith("/") and parameter):
        raise JobError(
            f"{attribute!r} is no parameter of Houdini", "as /obj/light1/dimmer", option="--vary"
        )
    return f"opparm {_text(node, '--vary')} {_text(parameter, '--vary')} ( {value} )"


def _text(text: str, option: str) -> str:
    """A word of hscript; in single quotes ``$F4`` stays for the node to fill in at each frame."""
    if any(c in text for c in "'\"\\`"):
        raise JobError(f"{text!r} holds a quote or a backslash", option=option)
    return f"'{text}'" if any(c in text for c in " ;$") else text
