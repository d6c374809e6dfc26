"""Commands, environment, files and verdicts of services, and services by name."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import pytest

from afanasy.services.base import Service, TaskInfo, ask
from afanasy.services.blender import Blender
from afanasy.services.ffmpeg import Ffmpeg
from afanasy.services.generic import Generic
from afanasy.services.registry import load_service, make_service, service_names

NUMERIC, SKIP, CHECK = 1, 1 << 6, 1 << 7


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / "services" / f"{name}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


# -- the command


@pytest.mark.parametrize(
    ("pattern", "filled"),
    [
        ("r @####@ @####@;x @#@", "r -012 0003;x -12"),
        ("echo hello", "echo hello"),
        ("r -s @#@ -e @#@", "r -s -12 -e 3"),
    ],
)
def test_numeric_commands(pattern: str, filled: str) -> None:
    task = TaskInfo(command_block=pattern, flags=NUMERIC, frame_start=-12, frame_finish=3)
    assert Service(task).command() == filled


@pytest.mark.parametrize(
    ("block", "task", "filled"),
    [
        ("a @#@ b @#@", "X", "a X b X"),
        ("a ", "X", "a X"),
        ("", "X", "X"),
        ("a", "", "a"),
        ("a @##@", "X", "a @##@X"),
    ],
)
def test_list_commands(block: str, task: str, filled: str) -> None:
    assert Service(TaskInfo(command_block=block, command_task=task)).command() == filled


@pytest.mark.parametrize("block", ["", "  "])
def test_an_empty_command_cannot_start(block: str) -> None:
    service = Service(TaskInfo(command_block=block))
    assert service.command() == ""
    assert service.log == ["the command is empty"]


@pytest.mark.parametrize(("coefficient", "filled"), [(4, "-t 4"), (1, "-t 1"), (0, "-t 1")])
def test_capacity(coefficient: int, filled: str) -> None:
    task = TaskInfo(command_block="-t @AF_CAPACITY@", capacity_coeff=coefficient)
    assert Service(task).command() == filled


@pytest.mark.parametrize(
    ("hosts", "filled"), [(["a", "b"], "run -H a,b x"), (["a"], "run -H a x"), ([], "run  x")]
)
def test_hosts(hosts: list[str], filled: str) -> None:
    assert Service(TaskInfo(command_block="run @AF_HOSTS@ x", hosts=hosts)).command() == filled


def test_a_studio_spells_paths_its_own_way() -> None:
    class Mapped(Service):
        def client_path(self, text: str) -> str:
            return text.replace("/prj/", "P:/")

    task = TaskInfo(
        command_block="r /prj/a",
        working_directory="/prj/w",
        environment={"ROOT": "/prj/x"},
        files_task=["/prj/f"],
    )
    service = Mapped(task)
    assert service.command() == "r P:/a"
    assert service.working_directory() == "P:/w"
    assert service.environment()["ROOT"] == "P:/x"
    assert service.files() == ["P:/f"]


@pytest.fixture
def paths_map(monkeypatch: pytest.MonkeyPatch) -> None:
    """This host has /srv/prj at /mnt/p."""
    monkeypatch.setenv("CGRU_PATHSMAP", '[["/mnt/p", "/srv/prj"]]')


@pytest.mark.usefixtures("paths_map")
def test_the_paths_map_of_this_host() -> None:
    task = TaskInfo(
        flags=NUMERIC,
        frame_start=5,
        frame_finish=5,
        command_block='r "/srv/prj/a b" -o=/srv/prj/@###@ /srv/x -t @AF_CAPACITY@ @AF_HOSTS@',
        working_directory="/srv/prj/w",
        environment={"ROOTS": "/srv/prj/x:/usr:/srv/prj/y"},
        files_block=["/srv/prj/f.@#@.exr", "f.exr"],
        capacity_coeff=2,
        hosts=["/srv/prj"],
    )
    service = Service(task)
    # The hosts come last, so no name of theirs is taken for a path.
    assert service.command() == 'r "/mnt/p/a b" -o=/mnt/p/005 /srv/x -t 2 -H /srv/prj'
    assert service.working_directory() == "/mnt/p/w"
    assert service.environment()["ROOTS"] == "/mnt/p/x:/usr:/mnt/p/y"
    assert service.files() == ["/mnt/p/f.5.exr", "f.exr"]
    assert service.parsed_files(["/mnt/p/f.5.exr", "/tmp/x"]) == ["/srv/prj/f.5.exr", "/tmp/x"]


def test_a_paths_map_without_sense_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CGRU_PATHSMAP", '[["/mnt/p"]]')
    service = Service(TaskInfo(command_block="r"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the configuration itself says of it
        command = ask(service, "", service.command)
    assert (command, len(service.log)) == ("", 1)
    assert "pathsmap" in service.log[0]


def test_deletefiles_may_delete_in_the_folders_of_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    folders = ["/srv/prj/out/", "/srv/prj/out", "", "relative", "/", "/a:b", "/w/../w"]
    monkeypatch.setenv("CGRU_PATHSMAP", '[["/mnt/p", "/srv/prj"]]')
    task = TaskInfo(job_folders=folders)
    assert Service(task).environment()["AF_DELETE_ROOTS"] == "/mnt/p/out:/w"
    task.environment["AF_DELETE_ROOTS"] = "/only/here"
    assert Service(task).environment()["AF_DELETE_ROOTS"] == "/only/here"
    assert "AF_DELETE_ROOTS" not in Service(TaskInfo(job_folders=["/"])).environment()


def test_environment_values() -> None:
    task = TaskInfo(
        job_id=7,
        job_serial=70,
        block_num=2,
        task_num=41,
        environment={"A": "x", "AF_JOB_ID": "forged"},
    )
    assert Service(task).environment() == {
        "A": "x",
        "AF_JOB_ID": "7",
        "AF_JOB_SERIAL": "70",
        "AF_BLOCK_ID": "2",
        "AF_TASK_ID": "41",
    }
    assert task.environment["AF_JOB_ID"] == "forged"


# -- files


def test_files_of_a_numeric_task() -> None:
    task = TaskInfo(
        flags=NUMERIC,
        frame_start=1,
        frame_finish=5,
        frames_inc=2,
        files_block=["l.@####@.exr", "film.mp4"],
    )
    assert Service(task).files() == ["l.0001.exr", "l.0003.exr", "l.0005.exr", "film.mp4"]


def test_files_of_a_list_task() -> None:
    task = TaskInfo(files_block=["out/@#@.exr"], files_task=["a", "b"])
    assert Service(task).files() == ["out/a.exr", "out/b.exr"]


def frames_task(folder: Path, flags: int, *, low: int = -1, high: int = -1) -> TaskInfo:
    return TaskInfo(
        flags=flags | NUMERIC,
        frame_start=1,
        frame_finish=3,
        files_block=["f.@#@.exr"],
        working_directory=str(folder),
        file_size_min=low,
        file_size_max=high,
    )


def make_frames(folder: Path, *sizes: int) -> None:
    for number, size in enumerate(sizes, 1):
        (folder / f"f.{number}.exr").write_bytes(b"x" * size)


def test_skip_when_all_files_exist(tmp_path: Path) -> None:
    make_frames(tmp_path, 10, 10)
    assert not Service(frames_task(tmp_path, SKIP)).skip()
    make_frames(tmp_path, 10, 10, 10)
    assert not Service(frames_task(tmp_path, 0)).skip()
    service = Service(frames_task(tmp_path, SKIP))
    assert service.skip()
    assert service.log == ["skipped: 3 file(s) exist already"]


@pytest.mark.parametrize(
    ("low", "high", "skipped"),
    [(10, -1, True), (11, -1, False), (-1, 20, True), (-1, 19, False), (0, 0, True)],
)
def test_skip_looks_at_sizes(tmp_path: Path, low: int, high: int, skipped: bool) -> None:
    make_frames(tmp_path, 10, 15, 20)
    assert Service(frames_task(tmp_path, SKIP, low=low, high=high)).skip() is skipped


def test_a_task_without_files_is_never_skipped() -> None:
    assert not Service(TaskInfo(flags=SKIP)).skip()


def test_check_rendered_files(tmp_path: Path) -> None:
    make_frames(tmp_path, 10, 15)
    assert Service(frames_task(tmp_path, 0)).check_files() == ""
    assert Service(frames_task(tmp_path, CHECK)).check_files() == "f.3.exr does not exist"
    make_frames(tmp_path, 10, 15, 20)
    assert Service(frames_task(tmp_path, CHECK)).check_files() == ""
    bad = Service(frames_task(tmp_path, CHECK, low=16))
    assert bad.check_files() == "f.1.exr has 10 bytes, less than 16 (and 1 of 3 more)"
    bad = Service(frames_task(tmp_path, CHECK, high=19))
    assert bad.check_files() == "f.3.exr has 20 bytes, more than 19"


def test_a_folder_is_no_rendered_file(tmp_path: Path) -> None:
    make_frames(tmp_path, 1, 1)
    (tmp_path / "f.3.exr").mkdir()
    assert Service(frames_task(tmp_path, CHECK)).check_files() == "f.3.exr does not exist"


# -- the end


def test_exit_status_and_class() -> None:
    service = Service(TaskInfo())
    assert service.exit_ok(0)
    assert not service.exit_ok(1)
    assert not service.exit_ok(-9)
    assert service.error_class(-11, "") == "crash"
    assert service.error_class(139, "") == "crash"
    assert service.error_class(1, "cp: x: No space left on device") == "storage"
    assert service.error_class(1, "numpy: MemoryError") == "memory"
    assert service.error_class(1, "who knows") == ""
    assert service.error_class(-9, "") == ""
    assert service.post_commands() == []


@pytest.mark.parametrize(
    ("service", "asked", "used"),
    [
        (Generic, "", "generic"),
        (Blender, "", "blender"),
        (Ffmpeg, "", "ffmpeg"),
        (Blender, "generic", "generic"),
        (Blender, "-", ""),
        (Blender, "none", ""),
        (Service, "", ""),
    ],
)
def test_the_parser_of_a_task(service: type[Service], asked: str, used: str) -> None:
    assert service(TaskInfo(parser=asked)).parser_name() == used


# -- plug-ins that fail


def test_a_method_that_fails_is_noted() -> None:
    class Bad(Service):
        def command(self) -> str:
            raise KeyError("scene")

        def exit_ok(self, status: int) -> bool:
            return None  # type: ignore[return-value]  # what a plug-in may do

        def files(self) -> list[str]:
            raise SystemExit

    service = Bad(TaskInfo())
    assert ask(service, "", service.command) == ""
    assert ask(service, False, service.exit_ok, 0) is False
    empty: list[str] = []
    assert ask(service, empty, service.files) == []
    assert ask(service, "/tmp", service.working_directory) == ""
    assert service.log == [
        "service Bad: command failed: KeyError: 'scene'",
        "service Bad: exit_ok answered None: False is used",
        "service Bad: files failed: SystemExit: ",
    ]


# -- services by name


def test_built_in_services() -> None:
    assert service_names() == [
        "blender", "events", "ffmpeg", "generic", "postcmd", "wakeonlan",
    ]  # fmt: skip
    assert load_service("generic") == (Generic, "")
    assert load_service("") == (Generic, "")
    assert load_service("blender") == (Blender, "")


@pytest.mark.parametrize("name", ["nosuch", "base", "registry"])
def test_an_unknown_service_is_generic_with_a_note(name: str) -> None:
    assert load_service(name) == (Generic, f"service {name} is unknown: generic is used")


def test_a_name_cannot_leave_its_folder(tmp_path: Path) -> None:
    found, note = load_service("../x", [tmp_path])
    assert found is Generic
    assert note == "service '../x' is no name of a service: generic is used"


def test_a_file_in_a_folder_works_by_its_name(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "toon",
        "from afanasy.services.base import Service\n"
        "class Toon(Service):\n"
        "    parser = 'toon'\n"
        "    def command(self):\n"
        "        return super().command() + ' -q'\n"
        "    def exit_ok(self, status):\n"
        "        return status in (0, 3)\n",
    )
    service, note = make_service(TaskInfo(service="toon", command_block="toon x"), [tmp_path])
    assert note == ""
    assert (service.command(), service.parser_name()) == ("toon x -q", "toon")
    assert service.exit_ok(3)
    assert service_names(tmp_path) == ["toon"]
    before = path.stat()
    path.write_text(path.read_text().replace("-q", "-v"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    service, _ = make_service(TaskInfo(service="toon", command_block="toon x"), [tmp_path])
    assert service.command() == "toon x -v"


def test_a_folder_overrides_a_built_in(tmp_path: Path) -> None:
    write(
        tmp_path,
        "ffmpeg",
        "from afanasy.services import ffmpeg\n"
        "class Ours(ffmpeg.Ffmpeg):\n"
        "    def environment(self):\n"
        "        return {**super().environment(), 'FFREPORT': 'level=32'}\n",
    )
    service, note = make_service(TaskInfo(service="ffmpeg"), [tmp_path])
    assert note == ""
    assert isinstance(service, Ffmpeg)
    assert service.environment()["FFREPORT"] == "level=32"
    assert service.parser_name() == "ffmpeg"


def test_a_broken_file_is_a_note_and_generic(tmp_path: Path) -> None:
    path = write(tmp_path, "toon", "from afanasy.services.base import Service\nclass X(Servic):\n")
    found, note = load_service("toon", [tmp_path])
    assert found is Generic
    assert note.startswith(f"service toon cannot be loaded: generic is used: {path}: ")


def test_a_broken_override_leaves_the_built_in(tmp_path: Path) -> None:
    write(tmp_path, "blender", "import nothing_of_this_name\n")
    found, note = load_service("blender", [tmp_path])
    assert found is Blender
    assert "the built-in blender is used" in note


def test_a_service_that_fails_in_its_constructor_becomes_generic(tmp_path: Path) -> None:
    write(
        tmp_path,
        "toon",
        "from afanasy.services.base import Service\n"
        "class Toon(Service):\n"
        "    def __init__(self, task):\n"
        "        raise OSError('no')\n",
    )
    service, note = make_service(TaskInfo(service="toon", command_block="x"), [tmp_path])
    assert type(service) is Generic
    assert service.command() == "x"
    assert note == "service toon cannot begin: generic is used: OSError: no"
