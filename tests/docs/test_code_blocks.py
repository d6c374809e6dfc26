"""The documentation does what it says: its code blocks run, in order, against real farms."""

from __future__ import annotations

import json
import os
import re
import socket
from pathlib import Path

import pytest

from harness import packages
from harness.pages import Block, Reader, blocks_of, needs_a_farm, unmarked
from harness.processes import wait_until

DOCS = packages.ROOT / "docs"
STUDIO = packages.ROOT / "tests" / "harness" / "studio"
PAGES = sorted(
    [
        *(path.relative_to(packages.ROOT).as_posix() for path in DOCS.rglob("*.md")),
        *(path.name for path in packages.ROOT.glob("*.md")),
    ]
)
#: Pages that install or start a farm themselves: each has a test of its own.
WITH_A_FARM_OF_THEIR_OWN = {"docs/getting-started.md", "docs/howto-admin.md", "README.md"}
#: All other pages: their blocks are run on the farm of :func:`studio`.
ON_THE_STUDIOS_FARM = [name for name in PAGES if name not in WITH_A_FARM_OF_THEIR_OWN]
#: Blocks that are only read, since nobody can run them here. Each says why; there must be few.
READ_MAX = 3
#: Two networks of this machine in the place of the page's.
REPLACED = {"10.1.0.0/": "127.0.0.0/", "10.1.0.5": "127.0.0.2"}


@pytest.fixture
def reader(tmp_path: Path):
    index = packages.make_index(tmp_path / "index", *packages.our_requirements())
    env = {**index, "AF_SERVERPORT": str(free_port())}
    with Reader(tmp_path / "hosts", env, REPLACED) as somebody:
        yield somebody


def free_port() -> int:
    """A port that no outgoing connection takes: all programs of a page must meet at it."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw") or "0"
    first = 21000 + int(worker) % 8 * 1200  # those of other workers must not take the same one
    for port in range(first, first + 1200):
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no free port")


@pytest.mark.parametrize("name", PAGES)
def test_every_block_says_what_it_is_for(name: str) -> None:
    assert unmarked(packages.ROOT / name) == []


def test_few_blocks_are_only_read() -> None:
    read = [
        block for name in PAGES for block in blocks_of(packages.ROOT / name) if block.verb == "read"
    ]
    assert len(read) <= READ_MAX, [block.where for block in read]


@pytest.fixture
def studio(tmp_path: Path):
    """A farm as the how-tos speak of it: render r7, user kim, job 5 "city flyby" of anna."""
    env = {"AF_SERVERPORT": str(free_port()), "AF_USERNAME": "anna"}
    replaced = {"10.1.0.0/": "127.0.0.0/", "10.1.0.5": "127.0.0.1"}
    with Reader(tmp_path / "hosts", env, replaced, STUDIO) as somebody:
        somebody.stay("server", "afserver --data data", "ready on")
        somebody.stay("r7", "afrender --data data --capacity 8000 --max-tasks 8", "registered with")
        home = somebody.folder / "one" / "home"
        somebody.type("one", "for name in one two three; do afcmd run --name $name true; done")
        for name in (
            "city.blend", "poster.blend", "comp.nk", "fx.hip", "shot.mb", "city.abc", "city.usd",
            "simulate.sh",
        ):  # fmt: skip
            (home / name).touch()
        (somebody.folder / "one" / "shots" / "city").mkdir()
        job = {
            "name": "city flyby",
            "user_name": "anna",
            "host_name": "one",
            "blocks": [
                {
                    "name": "beauty", "service": "generic", "flags": 1,
                    "frame_first": 1, "frame_last": 100, "frames_per_task": 2,
                    "command": "mkdir -p out; touch out/city.@####@.exr; echo frame @#@",
                    "working_directory": str(home),
                },
                {
                    "name": "movie", "service": "generic", "depend_mask": "beauty",
                    "command": "@#@", "tasks": [{"name": "encode", "command": "echo encoded"}],
                },
            ],
        }  # fmt: skip
        (somebody.folder / "one" / "job.json").write_text(json.dumps(job), encoding="utf-8")
        said = somebody.type("one", "afcmd user add kim; afcmd submit ../job.json; afcmd jobs")
        assert re.search(r"^ *5 +city flyby +anna", said, re.MULTILINE), said
        yield somebody


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [name for name in ON_THE_STUDIOS_FARM if needs_a_farm(packages.ROOT / name)]
)
def test_a_page(name: str, studio: Reader) -> None:
    said = studio.read(packages.ROOT / name)
    assert len(said) == len(blocks_of(packages.ROOT / name))


@pytest.mark.parametrize(
    "name", [name for name in ON_THE_STUDIOS_FARM if not needs_a_farm(packages.ROOT / name)]
)
def test_a_page_that_is_only_read(name: str, tmp_path: Path) -> None:
    with Reader(tmp_path / "hosts", {}) as somebody:
        somebody.folder.mkdir()
        somebody.read(packages.ROOT / name)


@pytest.mark.e2e
@pytest.mark.slow
def test_the_first_page(tmp_path: Path) -> None:
    """README.md: a server, a render and a workstation, a job from Python, and looking at it."""
    env = {"AF_SERVERPORT": str(free_port()), "AF_USERNAME": "anna"}
    with Reader(tmp_path / "hosts", env, REPLACED, STUDIO) as somebody:
        (somebody.folder / "one" / "shots" / "city").mkdir(parents=True)
        said = somebody.read(packages.ROOT / "README.md")
    assert "city flyby" in said[-1]
    assert "Saved: 'render/city.17.png'" in said[-1]


@pytest.mark.e2e
@pytest.mark.slow
def test_getting_started(reader: Reader) -> None:
    said = reader.read(DOCS / "getting-started.md")
    tables = [text for text in said if "RENDER" in text]
    assert len(tables) == 2, said
    both = [{host for host in ("one", "two") if re.search(rf"\b{host}\b", t)} for t in tables]
    assert both == [{"one"}, {"one", "two"}]


@pytest.mark.e2e
@pytest.mark.slow
def test_the_page_for_administrators(reader: Reader) -> None:
    """A task that was begun in the first part outlives restore, upgrade and hand-over.

    The page installs five times: what a build needs is at hand, not fetched each time (which
    :func:`test_getting_started` tries).
    """
    index, build = reader.folder.with_name("index"), reader.folder.with_name("build")
    reader.env.update(packages.ready_to_build(index, build))
    page = DOCS / "howto-admin.md"
    go, log = reader.folder / "go", reader.folder / "long.log"
    command = f"echo began >>{log}; while [ ! -e {go} ]; do sleep 0.1; done; echo ended >>{log}"
    for block in blocks_of(page):
        if "mkdir -p /backup" in block.text.replace("sudo ", ""):
            reader.type("desk", f"afcmd run --name long '{command}'")
            wait_until(log.exists, "the task")
        if "afcmd render r1 pause" in block.text:
            go.touch()
            reader.type("desk", "afcmd wait long")
        reader.do(block)
    assert log.read_text() == "began\nended\n"
    jobs = reader.type("desk", "afcmd jobs")
    assert "first" in jobs
    assert "long" in jobs

    def is_back() -> bool:
        render = json.loads(reader.type("desk", "afcmd --json render r1"))["render"]
        return render["state"].split() == ["ONL"]

    wait_until(is_back, "the render, after the last restart of the server")


# -- the runner itself


@pytest.fixture
def alone(tmp_path: Path):
    with Reader(tmp_path / "hosts", {"SEEN": "yes"}, REPLACED) as somebody:
        yield somebody


def page(folder: Path, text: str) -> Path:
    path = folder / "page.md"
    path.write_text(text, encoding="utf-8")
    return path


def test_marks_are_read(tmp_path: Path) -> None:
    text = (
        "a\n\n```sh run on=two\necho 1\n```\n```\nplain\n```\n"
        '```console background until="a b"\n$ x\n```\n```python file=x.py\n1\n```\n'
    )
    blocks = blocks_of(page(tmp_path, text))
    assert blocks[0] == Block("page.md", 3, "sh", "echo 1\n", "run", {"on": "two"})
    assert [block.verb for block in blocks] == ["run", "", "background", "file"]
    assert blocks[2].options == {"until": "a b"}


def test_a_forgotten_mark_is_noticed(tmp_path: Path) -> None:
    text = "```sh\n1\n```\n```text\n1\n```\n```python read\n1\n```\n```sh read why=root\n1\n```\n"
    assert unmarked(page(tmp_path, text)) == [
        "page.md:1: say what is to be done with this sh block",
        "page.md:7: say what is to be done with this python block",
    ]


def test_a_shell_goes_on_on_its_host(tmp_path: Path, alone: Reader) -> None:
    text = (
        "```sh run\nexport A=1; mkdir x; cd x\n```\n"
        "```console run\n$ echo $A $SEEN; basename $PWD\n1 …\nx\n```\n"
        '```sh run on=two\n[ -z "${A:-}" ]; echo $AF_HOSTNAME 10.1.0.5 /etc/x /usr/x\n```\n'
        "```python run\nprint(1 + 1)\n```\n"
    )
    said = alone.read(page(tmp_path, text))
    assert said[1] == "1 yes\nx\n"
    assert said[2] == f"two 127.0.0.2 {tmp_path}/hosts/two/etc/x /usr/x\n"
    assert said[3] == "2\n"


@pytest.mark.parametrize(
    "text",
    [
        "```sh run\necho a; false; echo b\n```\n",
        "```sh read why=root\nif then\n```\n",
        "```console run\n$ echo one\ntwo\n```\n",
        '```sh background until="never said"\ntrue\n```\n',
        "```python run\n1 / 0\n```\n",
    ],
)
def test_what_does_not_work_fails(tmp_path: Path, alone: Reader, text: str) -> None:
    with pytest.raises(Exception, match=r"page\.md|sh"):
        alone.read(page(tmp_path, text))


def test_a_background_block_replaces_its_namesake(tmp_path: Path, alone: Reader) -> None:
    block = "```sh background name=one until=here\nsh -c 'echo here $$; exec sleep 100'\n```\n"
    first, second = alone.read(page(tmp_path, block + block))
    assert first != second
    assert not Path(f"/proc/{first.split()[1]}").exists()
