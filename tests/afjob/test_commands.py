"""The exact command line that every program gets."""

from __future__ import annotations

import shlex

import pytest

from afanasy.afjob.catalog import load

from .conftest import Refuse, Simulate

CAMERA = (
    "--python-exit-code 1 --python-expr \"exec('import bpy\\nbpy.context.scene.camera="
    "bpy.data.objects[\\'Cam.001\\']')\""
)
LAYER = (
    "--python-exit-code 1 --python-expr \"exec('import bpy\\nv=bpy.context.scene.view_layers\\n"
    "v[bytes.fromhex(\\'6120227820c3a4\\').decode()]\\n"
    "for l in v: l.use=l.name==bytes.fromhex(\\'6120227820c3a4\\').decode()')\""
)

#: Command line of afjob without FILE's check → service, parser, command, files.
TABLE: list[tuple[str, str, str, str, list[str]]] = [
    # ------------------------------------------------------------------------------- Blender
    (
        "/p/s.blend 1 10",
        "blender", "", "blender -b /p/s.blend -s @#@ -e @#@ -j 1 -a", [],
    ),
    (
        "/p/s.blend 1 10 --by 2 --output /r/img.####.png",
        "blender", "", "blender -b /p/s.blend -o /r/img.####.png -F PNG -s @#@ -e @#@ -j 2 -a",
        ["/r/img.@####@.png"],
    ),
    (
        "'/p/my scene.blend' 1 10 --output //out/img --format open_exr --scene B --renderer CYCLES"
        " --threads 4 --extra '--debug -x 1'",
        "blender", "",
        'blender -b "/p/my scene.blend" -S B -E CYCLES -t 4 -o //out/img.####.exr -F OPEN_EXR'
        " --debug -x 1 -s @#@ -e @#@ -j 1 -a",
        ["/p/out/img.@####@.exr"],
    ),
    (
        "/p/s.blend 1 10 --camera Cam.001",
        "blender", "", f"blender -b /p/s.blend {CAMERA} -s @#@ -e @#@ -j 1 -a", [],
    ),
    (
        "/p/s.blend 1 10 --layer 'a \"x ä'",
        "blender", "", f"blender -b /p/s.blend {LAYER} -s @#@ -e @#@ -j 1 -a", [],
    ),
    (
        "/p/s.blend 1 10 --output /r/$USER/img.@##@.exr --capacity-max 8",
        "blender", "",
        "blender -b /p/s.blend -t @AF_CAPACITY@ -o '/r/$USER/img.##.exr' -F OPEN_EXR"
        " -s @#@ -e @#@ -j 1 -a",
        ["/r/$USER/img.@##@.exr"],
    ),
    # ------------------------------------------------------------------------- compositing
    ("/p/s.nk 1 10", "nuke", "", "nuke -F @#@-@#@x1 -x /p/s.nk", []),
    (
        "/p/s.nk -5 10 --by 3 --node Write1 --view left,right --threads 8 --images /r/%04d.dpx",
        "nuke", "", "nuke -F @#@-@#@x3 -m 8 --view left,right -X Write1 -x /p/s.nk",
        ["/r/@####@.dpx"],
    ),
    ("/p/s.ntp 1 10", "natron", "", "NatronRenderer @#@-@#@ /p/s.ntp", []),
    (
        "/p/s.ntp 1 10 --by 2 --node W --output /r/a.png",
        "natron", "", "NatronRenderer -w W /r/a.####.png @#@-@#@:2 /p/s.ntp", ["/r/a.@####@.png"],
    ),
    (
        "/p/s.comp 1 10 --by 2 --images /r/a.####.exr", "fusion", "",
        "FusionRenderNode /p/s.comp /render /start @#@ /end @#@ /step 2 /verbose /quit",
        ["/r/a.@####@.exr"],
    ),
    (
        "/p/s.shk 1 10 --threads 2", "generic", "",
        "shake -exec /p/s.shk -vv -cpus 2 -t @#@-@#@x1", [],
    ),
    (
        "/p/s.aep 1 10", "afterfx", "",
        "aerender -project /p/s.aep -rqindex 1 -s @#@ -e @#@ -i 1 -v ERRORS_AND_PROGRESS", [],
    ),
    (
        "/p/s.aepx 1 10 --comp 'Main comp' --output /r/a.####.tif --settings-template Best"
        " --output-template TIFF",
        "afterfx", "",
        'aerender -project /p/s.aepx -comp "Main comp" -s @#@ -e @#@ -i 1 -RStemplate Best'
        ' -OMtemplate TIFF -output "/r/a.[####].tif" -v ERRORS_AND_PROGRESS',
        ["/r/a.@####@.tif"],
    ),
    (
        "/p/s.aep 1 10 --per-task 10 --comp A --output /r/a.mov", "afterfx", "",
        "aerender -project /p/s.aep -comp A -s @#@ -e @#@ -i 1 -output /r/a.mov"
        " -v ERRORS_AND_PROGRESS",
        ["/r/a.mov"],
    ),
    # ------------------------------------------------------------------------------ Houdini
    (
        "/p/s.hip 1 10 --node /out/mantra1", "hbatch_mantra", "",
        'hbatch -c "render -V -f @#@ @#@ -i 1 /out/mantra1; quit" /p/s.hip', [],
    ),
    (
        "/p/s.hiplc 1 10 --by 2 --node /out/k --renderer karma --take 'my take'"
        " --output /r/a.$F4.exr --capacity-min 2 --capacity-max 4",
        "hbatch_karma", "",
        "hbatch -j @AF_CAPACITY@ -c \"takeset 'my take'; render -V -f @#@ @#@ -i 2"
        " -o '/r/a.\\$F4.exr' /out/k; quit\" /p/s.hiplc",
        ["/r/a.@####@.exr"],
    ),
    (
        "/p/s.hip 1 10 --node /out/a -ignoreinputs", "hbatch_mantra", "",
        'hbatch -c "render -V -f @#@ @#@ -i 1 -s /out/a; quit" /p/s.hip', [],
    ),
    (
        "/p/s.hipnc 1 10 --node /out/geo --renderer geometry", "hbatch", "",
        'hbatch -c "render -V -f @#@ @#@ -i 1 /out/geo; quit" /p/s.hipnc', [],
    ),
    ("/p/s.ifd 1 1", "mantra", "", "mantra -V a -f /p/s.ifd", []),
    (
        "/p/s.0001.ifd 1 10 --threads 4 --output /r/a.png", "mantra", "",
        "mantra -j 4 -V a -f /p/s.@####@.ifd /r/a.@####@.png", ["/r/a.@####@.png"],
    ),
    (
        "/p/s.usd 1 10 --per-task 5 --by 1 --output /r/a.exr --camera /cam --renderer BRAY_HdKarma",
        "karma", "",
        "husk --verbose a --frame @#@ --frame-count 5 --frame-inc 1 --renderer BRAY_HdKarma"
        " --camera /cam --output '/r/a.$F4.exr' /p/s.usd",
        ["/r/a.@####@.exr"],
    ),
    # --------------------------------------------------------------------------------- Maya
    ("/p/s.ma 1 10", "maya", "", "Render -r file -s @#@ -e @#@ -b 1 /p/s.ma", []),
    (
        "/p/s.mb 1 10 --by 2 --renderer arnold --camera cam1 --layer beauty --threads 8"
        " --output /r/img.####.exr --project-folder /p",
        "maya_arnold", "",
        "Render -r arnold -s @#@ -e @#@ -b 2 -ai:threads 8 -cam cam1 -rl beauty -rd /r -im img"
        ' -of exr -fnc name.#.ext -pad 4 -proj /p /p/s.mb',
        ["/r/img.@####@.exr"],
    ),
    (
        "/p/s.mb 1 10 --renderer vray", "maya", "vray",
        "Render -r vray -s @#@ -e @#@ -b 1 /p/s.mb", [],
    ),
    (
        "/p/s.mb 1 10 --renderer redshift --threads 4", "maya_redshift", "",
        "Render -r redshift -s @#@ -e @#@ -b 1 /p/s.mb", [],
    ),
    # ----------------------------------------------------------------------------- other 3D
    (
        "/p/s.c4d 1 10", "c4d", "", "Commandline -nogui -render /p/s.c4d -frame @#@ @#@ 1", [],
    ),
    (
        "/p/s.c4d 1 10 --by 2 --take Main --output /r/img.####.png --multipass /r/mp --threads 4",
        "c4d", "",
        "Commandline -nogui -render /p/s.c4d -frame @#@ @#@ 2 -oimage /r/img -omultipass /r/mp"
        " -oformat PNG -take Main -threads 4",
        ["/r/img@####@.png"],
    ),
    (
        "/p/s.max 1 10 --by 2 --camera 'Cam 1' --output /r/img.####.exr --batch-view V",
        "max", "",
        '3dsmaxcmd /p/s.max -start:@#@ -end:@#@ -nthFrame:2 "-camera:Cam 1"'
        " -outputName:/r/img..exr -batchRender:V -rfw:0 -v:5",
        ["/r/img.@####@.exr"],
    ),
    (
        "'C:\\p\\s.max' 1 10", "max", "",
        '3dsmaxcmd "C:\\p\\s.max" -start:@#@ -end:@#@ -nthFrame:1 -rfw:0 -v:5', [],
    ),
    (
        "/p/s.vrscene 1 10 --by 2 --output /r/img.exr --camera c --threads 8", "vray", "",
        "vray -sceneFile=/p/s.vrscene -frames=@#@-@#@,2 -imgFile=/r/img.exr -camera=c -numThreads=8"
        " -display=0 -verboseLevel=3 -progressIncrement=1 -progressUseCR=0",
        ["/r/img.@####@.exr"],
    ),
    (
        "/p/s.####.ass 1 10 --threads 8 --camera c --output /r/img.exr", "arnold", "",
        "kick -nstdin -nokeypress -dw -dp -v 5 -t 8 -c c -o /r/img.@####@.exr -i /p/s.@####@.ass",
        ["/r/img.@####@.exr"],
    ),
    (
        "/p/s.render 1 10 --node project://scene/image", "clarisse", "",
        "crender /p/s.render -image project://scene/image -frames_list @#@:@#@", [],
    ),
    (
        "/p/s.project 1 10 --by 2 --node project://a --output /r/a.exr --format exr16",
        "clarisse", "",
        "cnode /p/s.project -image project://a -frames_list @#@:@#@%2 -output /r/a.####.exr"
        " -format exr16",
        ["/r/a.@####@.exr"],
    ),
    (
        "/p/s.scn 1 10 --by 2 --pass beauty --output-folder /r --threads 2", "xsi", "",
        "xsibatch -thread 2 -render /p/s.scn -pass beauty -frames @#@,@#@,2 -output_dir /r", [],
    ),
    (
        "/p/s.scn 1 10 --renderer Arnold", "xsi_arnold", "",
        "xsibatch -render /p/s.scn -frames @#@,@#@,1", [],
    ),
    (
        "/p/s.lws 1 10 --by 2 --project-folder /p/lw --config-folder /c", "lightwave", "",
        "lwsn -3 -c/c -d/p/lw /p/s.lws @#@ @#@ 2", [],
    ),
    # -------------------------------------------------------------------------- plain commands
    ("/p/simulate.sh 1 10", "generic", "", "/p/simulate.sh @#@ @#@", []),
    (
        "/p/simulate.py 1 10 --exec python3 --extra '--cache /tmp'", "generic", "",
        "python3 /p/simulate.py @#@ @#@ --cache /tmp", [],
    ),
    (
        "'/p/a b.xyz' 1 10 --by 2 --output /r/i.png --threads 3"
        " --command 'mine ${HOME} {scene} {first}-{last}/{by} -t {threads} -o {output}'",
        "generic", "", 'mine ${HOME} "/p/a b.xyz" @#@-@#@/2 -t 3 -o /r/i.@####@.png',
        ["/r/i.@####@.png"],
    ),
    (
        "/p/s.blend 1 10 --command 'python3 export.py {scene} {first} {last}'", "generic", "",
        "python3 export.py /p/s.blend @#@ @#@", [],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("words", "service", "parser", "command", "files"), TABLE)
def test_command_line(
    simulate: Simulate, words: str, service: str, parser: str, command: str, files: list[str]
) -> None:
    (block,) = simulate(*shlex.split(words))["blocks"]
    assert block["command"] == command
    assert block["service"] == service
    assert block.get("parser", "") == parser
    assert block.get("files", []) == files


def test_every_program_is_in_the_table_and_every_extension_is_its_own() -> None:
    catalog = load()
    tried = {catalog.find(shlex.split(row[0])[0]) for row in TABLE}
    assert tried == set(catalog.programs)
    for program in catalog.programs:
        for ending in program.EXTENSIONS:
            assert catalog.find(f"/p/a.b/S.{ending.upper()}") is program


def test_no_extension_has_two_programs() -> None:
    endings = [ending for program in load().programs for ending in program.EXTENSIONS]
    assert len(endings) == len(set(endings))


@pytest.mark.parametrize(
    ("words", "option", "says"),
    [
        ("s.blend -1 5", "FIRST", "Blender renders no frames before 0"),
        ("s.blend 1 5 --output a.xyz", "--output", "--format"),
        ("s.hip 1 5", "--node", "Houdini needs it"),
        ("s.hip 1 5 --node /out/a --renderer x", "--renderer", "mantra, karma"),
        ('s.hip 1 5 --node "/out/\'a"', "--node", "quote"),
        ("s.render 1 5", "--node", "Clarisse needs it"),
        ("s.ass 1 5", "FILE", "one frame"),
        ("s.0001.ass 1 4 --per-task 2", "--per-task", "one frame"),
        ("s.usd 1 10 --per-task 4", "--per-task", "husk"),
        ("s.ma 1 5 --output img_####.exr", "--output", "NAME.####.EXT"),
        ("s.nk 1 5 --camera c", "--camera", "it has --node --view"),
        ("s.comp 1 5 --node c", "--node", "none of its own"),
        ("s.nk 1 5 --ignore-inputs", "--ignore-inputs", "it has --node --view"),
        ("s.xyz 1 5 --command 'a {secne}'", "--command", "{scene}"),
        ("s.xyz 1 5 --command 'a {output}'", "--command", "needs --output"),
        ("s.xyz 1 5 --command 'a {tile}'", "--command", "needs --tiles"),
        ("s.@#@.nk 1 5", "FILE", "frame numbers"),
    ],
)
def test_what_a_program_cannot_do(refuse: Refuse, words: str, option: str, says: str) -> None:
    error = refuse("--no-check", *shlex.split(words))
    assert error["field"] == option
    assert says in f"{error['message']}; {error['hint']}"


def test_a_studio_adds_what_all_its_programs_are_called_by(
    simulate: Simulate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AF_CMDEXTENSION", ".cmd")
    monkeypatch.setenv("AF_CMD_PREFIX", "env -u DISPLAY ")
    (block,) = simulate("/p/s.nk", "1", "10")["blocks"]
    assert block["command"] == "env -u DISPLAY nuke.cmd -F @#@-@#@x1 -x /p/s.nk"
    (block,) = simulate("/p/s.nk", "1", "10", "--exec", "/opt/nuke 15/Nuke15.0")["blocks"]
    assert block["command"].startswith('env -u DISPLAY "/opt/nuke 15/Nuke15.0" -F ')
