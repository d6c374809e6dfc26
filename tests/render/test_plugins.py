"""Services and parsers in a running agent: verdicts, skips, checks, posts, bad plug-ins."""

from __future__ import annotations

import os
import time
from pathlib import Path
from textwrap import dedent

import pytest

from afanasy.model.states import RunEnd
from afanasy.wire.stream import RunProgress
from render.stand import StandRender, StandServer, gone, wait_for

pytestmark = pytest.mark.e2e

NUMERIC, SKIP_EXISTING, CHECK_RENDERED = 1, 1 << 6, 1 << 7

SERVICES = {
    "posting": """
        from afanasy.services.base import Service
        class Posting(Service):
            parser = "words"
            def post_commands(self):
                return self.task.block_custom_data.splitlines()
    """,
    "broken": """
        from afanasy.services.base import Service
        class Broken(Service):
            def command(self):
                raise RuntimeError("no licence file")
    """,
    "weird": """
        from afanasy.services.base import Service
        class Weird(Service):
            def exit_ok(self, status):
                return status in (0, 7)
            def error_class(self, status, text_tail):
                return "licence" if "no seat" in text_tail else ""
            def post_commands(self):
                raise KeyError("oops")
    """,
}
PARSERS = {
    "words": """
        from afanasy.parsers.base import Parser
        class Words(Parser):
            WARNINGS = ("careful",)
            ERRORS = {"it broke": "scene"}
            FATAL_ERRORS = {"never again": ""}
            BAD_RESULTS = {"all black": ""}
            SUCCESSES = ("all done",)
            def line(self, text):
                if text.startswith("frame "):
                    self.frame = int(text.split()[1])
                    self.calculate()
                if text == "crash":
                    raise ZeroDivisionError("in the parser")
            def tail(self, text):
                self.activity = "tail " + text
            def end(self, exit_status):
                self.note(f"end {exit_status}")
    """,
    "syntax": "def (",
}


@pytest.fixture
def studio(cold_render: StandRender, server: StandServer, tmp_path: Path) -> StandRender:
    """A render with a studio's plug-ins."""
    for kind, files in (("services", SERVICES), ("parsers", PARSERS)):
        (tmp_path / "plugins" / kind).mkdir(parents=True)
        for name, text in files.items():
            (tmp_path / "plugins" / kind / f"{name}.py").write_text(dedent(text))
    cold_render.boot("--plugins", str(tmp_path / "plugins"))
    server.wait_registered()
    return cold_render


@pytest.mark.parametrize(
    ("line", "status", "error_class"),
    [
        ("it broke", RunEnd.PARSER_ERROR, "scene"),
        ("never again", RunEnd.PARSER_FATAL, ""),
        ("all done", RunEnd.PARSER_SUCCESS, ""),
    ],
)
def test_a_verdict_stops_the_task_and_stays(
    server: StandServer, studio: StandRender, line: str, status: RunEnd, error_class: str
) -> None:
    run = server.start(f"echo $$; echo {line}; sleep 1000", parser="words")
    done = server.wait_finished(run)
    assert (done.status, done.error_class) == (status, error_class)
    assert line in done.log[-1]
    assert gone(int(server.text(run).split()[0]))


def test_a_verdict_on_the_last_line_counts(server: StandServer, studio: StandRender) -> None:
    for end in ("; exit 1", "", "; kill -9 $$"):
        done = server.run(f"printf 'never again'{end}", parser="words")
        assert done.status == RunEnd.PARSER_FATAL, end


def test_a_verdict_outlives_the_agent(server: StandServer, studio: StandRender) -> None:
    run = server.start(
        "trap '' TERM; echo it broke; while [ ! -e go ]; do sleep 0.05; done", parser="words"
    )
    stop = wait_for(lambda: studio.folders.stopping(run), "the verdict on the disk")
    assert (stop.by, stop.verdict, stop.cause) == ("parser", 8, "it broke")
    studio.kill()
    studio.boot("--plugins", str(studio.folder / "plugins"))
    (studio.data / "runs" / str(run) / "work" / "go").touch()
    done = server.wait_finished(run)
    assert (done.status, done.error_class) == (RunEnd.PARSER_ERROR, "scene")


def test_warning_bad_result_and_progress(server: StandServer, studio: StandRender) -> None:
    task = {"frame_start": 1, "frame_finish": 4, "frames_num": 4}
    run = server.start(
        "echo frame 1; echo careful; sleep 1.5; echo frame 4; printf wait; "
        "while [ ! -e go ]; do sleep 0.05; done; echo; echo all black",
        parser="words", task=task,
    )  # fmt: skip

    def progress(text: str) -> list[RunProgress]:
        items = [i for m in server.messages if type(m).__name__ == "Progress" for i in m.items]
        return [item for item in items if text in repr(item)]

    item = server.wait(lambda: progress("percent=25"), "25 percent")[0]
    assert (item.frame, item.warning) == (1, True)
    item = server.wait(lambda: progress("tail wait"), "the tail")[0]
    assert item.percent == 100
    (studio.data / "runs" / str(run) / "work" / "go").touch()
    done = server.wait_finished(run)
    assert (done.status, done.exit_status, done.error_class) == (RunEnd.BAD_RESULT, 0, "bad_output")
    assert (done.percent, done.frame, done.warning) == (100, 4, True)
    assert "end 0" in done.log
    assert done.log[-1] == "bad result found in the output: all black"


def test_a_parser_that_raises_hurts_nobody(server: StandServer, studio: StandRender) -> None:
    done = server.run("echo crash; echo it goes on", parser="words")
    assert done.status == RunEnd.SUCCESS
    assert any("ZeroDivisionError" in line for line in done.log)
    done = server.run("true", parser="syntax")
    assert done.status == RunEnd.SUCCESS
    assert any("syntax cannot be loaded" in line for line in done.log)
    assert server.run("echo it broke", parser="-").status == RunEnd.SUCCESS


def test_a_service_that_raises_cannot_start(server: StandServer, studio: StandRender) -> None:
    done = server.run("true", service="broken")
    assert done.status == RunEnd.FAILED_TO_START
    assert any("no licence file" in line for line in done.log)
    done = server.run("true", service="nosuch")
    assert done.status == RunEnd.SUCCESS
    assert done.log == ["service nosuch is unknown: generic is used"]


def test_a_service_judges_exits(server: StandServer, studio: StandRender) -> None:
    done = server.run("exit 7", service="weird")
    assert (done.status, done.exit_status) == (RunEnd.SUCCESS, 7)
    assert any("oops" in line for line in done.log)
    done = server.run("echo no seat is free; exit 8", service="weird")
    assert (done.status, done.error_class) == (RunEnd.ERROR, "licence")


def test_skip_existing(server: StandServer, studio: StandRender, tmp_path: Path) -> None:
    files = {"files": [f"{tmp_path}/f.@##@"], "flags": NUMERIC | SKIP_EXISTING}
    command = f"touch {tmp_path}/f.01"
    assert server.run(command, **files).status == RunEnd.SUCCESS
    done = server.run(command, **files)
    assert (done.status, done.exit_status) == (RunEnd.SKIP, -1)
    assert "exist already" in done.log[-1]


def test_check_rendered_files(server: StandServer, studio: StandRender, tmp_path: Path) -> None:
    files = {"files": [f"{tmp_path}/g.@#@"], "flags": NUMERIC | CHECK_RENDERED, "file_size_min": 3}
    done = server.run("true", **files)
    assert (done.status, done.error_class) == (RunEnd.BAD_FILES, "bad_output")
    assert "does not exist" in done.log[-1]
    done = server.run(f"printf x > {tmp_path}/g.1", **files)
    assert done.status == RunEnd.BAD_FILES
    assert server.run(f"printf xxx > {tmp_path}/g.1", **files).status == RunEnd.SUCCESS


def test_post_commands(server: StandServer, studio: StandRender, tmp_path: Path) -> None:
    posts = {"service": "posting", "working_directory": str(tmp_path)}
    done = server.run(
        "echo main", block_custom_data="echo post $AF_RUN_ID\npwd\necho it broke", **posts
    )
    assert done.status == RunEnd.SUCCESS, "the parser does not read what post commands print"
    assert server.text(done.run) == f"main\npost {done.run}\n{tmp_path}\nit broke\n"
    done = server.run("echo main", block_custom_data="echo p\nexit 4", **posts)
    assert done.status == RunEnd.FAILED_POST
    assert done.log[-1] == "post command: exit status 4: exit 4"
    done = server.run("exit 1", block_custom_data=f"touch {tmp_path}/no", **posts)
    assert done.status == RunEnd.ERROR
    assert not (tmp_path / "no").exists()


def test_a_post_command_has_sixteen_seconds(server: StandServer, studio: StandRender) -> None:
    run = server.start("true", service="posting", block_custom_data="echo $$; exec sleep 1000")
    begin = time.monotonic()
    done = server.wait_finished(run, 60)
    assert done.status == RunEnd.FAILED_POST
    assert "longer than 16 s" in done.log[-1]
    assert time.monotonic() - begin > 15
    assert gone(int(server.text(run)))


def test_a_stop_ends_the_post_command(server: StandServer, studio: StandRender) -> None:
    run = server.start("true", service="posting", block_custom_data="echo on && sleep 1000")
    server.wait_output(run, b"on")
    server.stop(run)
    assert server.wait_finished(run).status == RunEnd.FAILED_POST


def test_post_commands_are_repeated_by_a_restarted_agent(
    server: StandServer, studio: StandRender
) -> None:
    run = server.start(
        "echo main",
        service="posting",
        block_custom_data="echo post; while [ ! -e go ]; do sleep 0.05; done",
    )
    server.wait_output(run, b"post\n")
    studio.kill()
    studio.boot("--plugins", str(studio.folder / "plugins"))
    server.wait(lambda: server.text(run).count("post") == 2, "the post again")
    (studio.data / "runs" / str(run) / "work" / "go").touch()
    done = server.wait_finished(run)
    assert (done.status, done.exit_status) == (RunEnd.SUCCESS, 0)


def test_a_plugin_sees_where_the_run_is(server: StandServer, studio: StandRender) -> None:
    assert os.access(studio.data, os.W_OK)
    done = server.run("echo @AF_HOSTS@")
    assert server.text(done.run) == "-H r1\n"
