"""The pure core: phases, stops, epochs, farms, leaving."""

from __future__ import annotations

from typing import Any, TypeVar

from hypothesis import given
from hypothesis import strategies as st

from afanasy.model.ids import make_run_id
from afanasy.model.states import RunEnd
from afanasy.render import events as ev
from afanasy.render.core import END_GIVEN_BACK, Phase, RenderCore
from afanasy.wire.stream import Ack, Block, Drain, Instruct, Start, Stop, Welcome

EPOCH = 50
T = TypeVar("T")


def block(key: int = 1) -> Block:
    return Block(
        key, 1, 1, "job", "ann", 0, "block", "generic", "", 1, "true", "", {}, [], 1, 1, 1000
    )


def start(run: int, epoch: int = EPOCH) -> Start:
    return Start(run, epoch, 1, 0, 1, "task", 1, 1, 1)


def welcome(farm: str = "f", epoch: int = EPOCH, protocol: int = 1) -> ev.Linked:
    return ev.Linked(Welcome(protocol, farm, epoch, "1", []))


class Story:
    """A core with a clock, and its effects by kind."""

    def __init__(self) -> None:
        self.core = RenderCore()
        self.now = 100.0
        self.effects: list[Any] = []

    def tell(self, *events: Any) -> list[Any]:
        found: list[Any] = []
        for event in events:
            found += self.core.apply(event, self.now)
        self.effects += found
        return found

    def take(self, kind: type[T]) -> T:
        """The one effect of that kind since the last take."""
        found = [effect for effect in self.effects if type(effect) is kind]
        assert len(found) == 1, f"{kind.__name__}: {self.effects}"
        self.effects = [effect for effect in self.effects if type(effect) is not kind]
        return found[0]

    def none(self, kind: type) -> None:
        assert not [effect for effect in self.effects if type(effect) is kind], self.effects

    def linked(self) -> Story:
        self.tell(welcome(), block())
        self.effects.clear()
        return self

    def running(self, counter: int = 1) -> int:
        run = make_run_id(EPOCH, counter)
        self.tell(start(run), ev.Began(run))
        self.effects.clear()
        return run

    def end(self, run: int, status: int = 0, signal: int = 0, **read: Any) -> Any:
        """From the end of the command to the stored result."""
        self.tell(ev.CommandEnded(run, status, signal))
        self.take(ev.Look)
        self.tell(ev.Emptied(run))
        exit_ok = self.take(ev.ReadOut).status == 0
        self.tell(ev.OutputRead(run, exit_ok, **read))
        if self.core.runs[run].phase is Phase.POST:
            self.take(ev.RunPosts)
            self.tell(ev.PostsEnded(run, ""))
        result = self.take(ev.Store).result
        self.tell(ev.Stored([run]))
        return result


def test_a_run_from_start_to_ack() -> None:
    story = Story().linked()
    run = make_run_id(EPOCH, 1)
    story.tell(start(run))
    assert story.take(ev.Launch).block.command == "true"
    story.tell(ev.Began(run))
    story.now += 4
    result = story.end(run)
    assert (result.status, result.exit_status, result.elapsed_s) == (RunEnd.SUCCESS, 0, 4.0)
    assert story.take(ev.SendResult).result is result
    story.none(ev.Forget)
    story.tell(Ack([run]))
    assert story.take(ev.Forget).run == run
    assert not story.core.runs


def test_nothing_is_sent_before_it_is_stored() -> None:
    story = Story().linked()
    run = story.running()
    story.tell(ev.CommandEnded(run, 0), ev.Emptied(run), ev.OutputRead(run, True))
    story.tell(ev.PostsEnded(run, ""))
    story.take(ev.Store)
    story.none(ev.SendResult)
    story.tell(ev.Stored([run]))
    story.take(ev.SendResult)


def test_a_start_that_comes_twice_runs_once() -> None:
    story = Story().linked()
    run = story.running()
    assert story.tell(start(run)) == []
    story.end(run)
    story.effects.clear()
    story.tell(start(run))
    story.take(ev.SendResult)  # known and finished: told again
    story.tell(Ack([run]))
    story.effects.clear()
    assert story.tell(start(run)) == []  # confirmed: never again


def test_stop_waits_ten_seconds_before_the_kill() -> None:
    story = Story().linked()
    run = story.running()
    story.tell(Stop(run, EPOCH, "skip"))
    term = story.take(ev.Terminate)
    assert (term.by, term.cause) == ("server", "skip")
    assert story.core.deadline() == story.now + 10
    story.tell(Stop(run, EPOCH, "restart"))
    story.none(ev.Terminate)  # repeating is harmless, the first cause stays
    story.now += 9.9
    story.tell(ev.Clock())
    story.none(ev.Kill)
    story.now += 0.2
    story.tell(ev.Clock())
    story.take(ev.Kill)
    assert story.core.deadline() is None
    story.tell(ev.CommandEnded(run, -1, 9))
    story.none(ev.Look)  # the kill itself looks
    story.tell(ev.Emptied(run))
    story.take(ev.ReadOut)
    story.tell(ev.OutputRead(run, False))
    result = story.take(ev.Store).result
    assert (result.status, result.signal) == (RunEnd.KILLED, 9)
    assert result.log == ["stopped: skip"]
    assert result.error_class == ""


def test_a_stop_after_the_command_ended_changes_nothing() -> None:
    story = Story().linked()
    run = story.running()
    story.tell(ev.CommandEnded(run, 0), Stop(run, EPOCH, "skip"), ev.Emptied(run))
    story.none(ev.Terminate)
    story.tell(ev.OutputRead(run, True), ev.PostsEnded(run, ""))
    assert story.take(ev.Store).result.status == RunEnd.SUCCESS


def test_a_stop_that_overtakes_the_process() -> None:
    story = Story().linked()
    run = make_run_id(EPOCH, 1)
    story.tell(start(run), Stop(run, EPOCH, "eject"))
    story.none(ev.Terminate)
    story.tell(ev.Began(run))
    assert story.take(ev.Terminate).cause == "eject"


def test_leftovers_hold_the_run_open() -> None:
    story = Story().linked()
    run = story.running()
    story.tell(ev.CommandEnded(run, 0), ev.LeftOver(run, ["sleep (5)"]))
    story.take(ev.EndLeftOvers)
    story.none(ev.ReadOut)
    assert story.core.deadline() == story.now + 10
    story.tell(ev.Emptied(run), ev.OutputRead(run, True), ev.PostsEnded(run, ""))
    result = story.take(ev.Store).result
    assert result.status == RunEnd.SUCCESS
    assert result.log == ["processes were left running after the command, stopped: sleep (5)"]


def test_the_verdict_of_the_parser_stays() -> None:
    for verdict in (RunEnd.PARSER_ERROR, RunEnd.PARSER_FATAL, RunEnd.PARSER_SUCCESS):
        story = Story().linked()
        run = story.running()
        story.tell(ev.Verdict(run, verdict, "the line"))
        term = story.take(ev.Terminate)
        assert (term.by, term.verdict) == ("parser", verdict)
        story.tell(Stop(run, EPOCH, "skip"))  # too late to change what the parser said
        result = story.end(run, 143)
        assert result.status == verdict
        assert "the line" in result.log[-1]


def test_a_verdict_after_a_stop_does_not_count() -> None:
    story = Story().linked()
    run = story.running()
    story.tell(Stop(run, EPOCH, "restart"), ev.Verdict(run, RunEnd.PARSER_ERROR, "interrupted"))
    assert story.end(run, 143).status == RunEnd.KILLED


def test_a_stop_during_post_commands_is_a_failed_post() -> None:
    story = Story().linked()
    run = story.running()
    story.tell(ev.CommandEnded(run, 0), ev.Emptied(run), ev.OutputRead(run, True))
    story.take(ev.RunPosts)
    story.tell(Stop(run, EPOCH, "skip"))
    story.take(ev.Kill)
    story.tell(ev.Emptied(run), ev.PostsEnded(run, "ended by signal 9: post"))
    assert story.take(ev.Store).result.status == RunEnd.FAILED_POST


def test_bad_files() -> None:
    story = Story().linked()
    run = story.running()
    story.tell(ev.CommandEnded(run, 0), ev.Emptied(run))
    story.tell(ev.OutputRead(run, True, check_files=True))
    story.take(ev.CheckFiles)
    story.tell(ev.FilesChecked(run, "a.exr does not exist"))
    result = story.take(ev.Store).result
    assert (result.status, result.error_class) == (RunEnd.BAD_FILES, "bad_output")
    story.none(ev.RunPosts)


def test_lower_epochs_are_refused() -> None:
    story = Story().linked()
    run = story.running()
    old = make_run_id(EPOCH - 1, 9)
    story.tell(start(old, EPOCH - 1))
    story.take(ev.Note)
    assert old not in story.core.runs
    story.tell(Stop(run, EPOCH - 1, "skip"))
    story.take(ev.Note)
    story.none(ev.Terminate)
    story.tell(ev.Unlinked())
    story.tell(welcome(epoch=EPOCH - 1))
    assert "another server took over" in story.take(ev.CloseLink).why
    assert not story.core.linked
    story.tell(welcome(epoch=EPOCH + 1))
    assert story.take(ev.KeepFarm).epoch == EPOCH + 1
    story.take(ev.Registered)


def test_another_farm_is_refused_only_while_runs_are_held() -> None:
    story = Story().linked()
    run = story.running()
    story.tell(ev.Unlinked(), welcome("other", EPOCH - 40))
    assert "--forget" in story.take(ev.CloseLink).why
    assert story.core.farm_of_runs() == ("f", EPOCH)
    story.tell(welcome())
    story.end(run)
    story.tell(Ack([run]), ev.Unlinked())
    assert story.core.farm_of_runs() == ("", 0)
    story.effects.clear()
    story.tell(welcome("other", EPOCH - 40))
    story.none(ev.CloseLink)
    assert story.take(ev.KeepFarm) == ev.KeepFarm("other", EPOCH - 40)


def test_another_protocol_is_refused() -> None:
    story = Story()
    story.tell(welcome(protocol=2))
    assert "protocol 2" in story.take(ev.CloseLink).why


def test_results_are_told_again_after_a_reconnect() -> None:
    story = Story().linked()
    run = story.running()
    story.tell(ev.Unlinked())
    result = story.end(run, 3)
    story.none(ev.SendResult)
    story.tell(welcome())
    assert story.take(ev.SendResult).result is result
    story.tell(ev.Unlinked(), welcome())
    story.take(ev.SendResult)


def test_leaving_gives_up_running_tasks_and_keeps_results() -> None:
    story = Story().linked()
    done = story.running(1)
    story.end(done)
    run = story.running(2)
    story.tell(ev.Leave())
    assert story.take(ev.Terminate).by == "agent"
    story.none(ev.Exit)
    # A new link names both: until its process is gone no other render may start that task.
    assert [held.run for held in story.core.held(story.now)] == [done, run]
    story.tell(start(make_run_id(EPOCH, 3)))
    story.none(ev.Launch)
    story.tell(ev.CommandEnded(run, 143), ev.Emptied(run))
    assert story.take(ev.Forget).run == run
    story.none(ev.Store)
    assert story.take(ev.Exit).reason == "stopped"
    assert list(story.core.runs) == [done]


def test_a_second_leave_does_not_wait() -> None:
    story = Story().linked()
    story.running()
    story.tell(ev.Leave(), ev.Leave(urgent=True))
    assert story.core.deadline() == story.now
    story.tell(ev.Clock())
    story.take(ev.Kill)


def test_the_server_may_order_the_exit() -> None:
    story = Story().linked()
    story.tell(Instruct("exit"))
    story.take(ev.Exit)
    story = Story().linked()
    story.tell(Instruct("dance"))
    assert "dance" in story.take(ev.Note).text


def test_draining_exits_when_nothing_is_held() -> None:
    story = Story().linked()
    run = story.running()
    story.tell(ev.DrainWanted())
    assert story.take(ev.Send).message == Drain(True)
    story.end(run)
    story.none(ev.Exit)
    story.tell(Ack([run]))
    assert story.take(ev.Exit).reason == "drained"


def test_a_start_that_meets_the_exit_is_left_to_the_goodbye() -> None:
    """The last Ack and a Start may come in one frame (found by the simulator)."""
    story = Story().linked()
    run = story.running()
    story.tell(ev.DrainWanted())
    story.end(run)
    story.tell(Ack([run]), start(make_run_id(EPOCH, 9)))
    assert story.take(ev.Exit).reason == "drained"
    assert not story.core.runs


def test_a_start_without_its_block_fails_with_the_reason() -> None:
    story = Story()
    story.tell(welcome(), start(make_run_id(EPOCH, 1)))
    result = story.take(ev.Store).result
    assert result.status == RunEnd.FAILED_TO_START
    assert "without describing it" in result.log[0]


def test_restored_runs() -> None:
    story = Story()
    alive, over, told, leaving = (make_run_id(EPOCH, n) for n in range(1, 5))
    done = Story().linked()
    result = done.end(done.running(3))
    story.tell(
        ev.Restored(
            [
                ev.HeldFolder(alive, 7.0, stop_by="server", stop_cause="skip"),
                ev.HeldFolder(over, 5.0, ev.CommandEnded(over, 0)),
                ev.HeldFolder(told, 1.0, result=result),
                ev.HeldFolder(leaving, 1.0, stop_by="agent", stop_cause="the agent exits"),
            ],
            "f", EPOCH,
        )
    )  # fmt: skip
    held = {one.run: one for one in story.core.held(story.now)}
    assert set(held) == {alive, over, told, leaving}
    assert (held[alive].elapsed_s, held[alive].stopping) == (7.0, "skip")
    assert held[told].finished
    terms = {effect.run for effect in story.effects if isinstance(effect, ev.Terminate)}
    assert terms == {alive, leaving}  # a stop is done again from its beginning
    assert story.take(ev.Look).run == over
    assert story.core.farm_of_runs() == ("f", EPOCH)


def test_what_an_agent_stopped_before_it_died_is_given_back_by_the_next() -> None:
    """The first one never came to its goodbye (found by the simulator)."""
    story = Story()
    run = make_run_id(EPOCH, 1)
    folder = ev.HeldFolder(run, 1.0, stop_by="agent", stop_cause="the agent exits")
    story.tell(ev.Restored([folder], "f", EPOCH), welcome())
    story.tell(ev.CommandEnded(run, 143), ev.Emptied(run))
    result = story.take(ev.Store).result
    assert (result.run, result.status) == (run, END_GIVEN_BACK)
    story.tell(ev.Stored([run]))
    assert story.take(ev.SendResult).result is result


ACTS = st.sampled_from(
    ["start", "began", "stop", "verdict", "ended", "left", "emptied", "read", "files", "posts",
     "stored", "ack", "clock", "unlink", "link", "leave"]
)  # fmt: skip


@given(st.lists(st.tuples(ACTS, st.integers(1, 3)), max_size=60))
def test_any_order_of_events_keeps_the_contract(acts: list[tuple[str, int]]) -> None:
    """Launched once, stored once, never sent before that, forgotten only after an Ack."""
    story = Story().linked()
    runs = story.core.runs
    leaving = False
    for act, counter in acts:
        run = make_run_id(EPOCH, counter)
        known = runs.get(run)
        phase = known.phase if known else None
        event: Any = None
        if act == "start":
            event = start(run)
        elif act == "stop":
            event = Stop(run, EPOCH, "skip")
        elif act == "ack":
            event = Ack([run])
        elif act == "clock":
            story.now += 11
            event = ev.Clock()
        elif act == "unlink":
            event = ev.Unlinked()
        elif act == "link":
            event = welcome()
            story.tell(event)
            event = block()
        elif act == "leave":
            leaving = True
            event = ev.Leave()
        elif act == "began" and phase is Phase.STARTING:
            event = ev.Began(run)
        elif act == "ended" and known and phase is Phase.RUNNING and known.ended is None:
            event = ev.CommandEnded(run, counter - 1)
        elif act == "verdict" and phase in (Phase.RUNNING, Phase.EMPTYING, Phase.READING):
            event = ev.Verdict(run, RunEnd.PARSER_ERROR, "line")
        elif act == "left" and phase is Phase.EMPTYING:
            event = ev.LeftOver(run, ["x (1)"])
        elif act == "emptied" and phase is Phase.EMPTYING:
            event = ev.Emptied(run)
        elif act == "read" and phase is Phase.READING:
            event = ev.OutputRead(run, True, check_files=counter == 1)
        elif act == "files" and phase is Phase.CHECKING:
            event = ev.FilesChecked(run, "")
        elif act == "posts" and phase is Phase.POST:
            event = ev.PostsEnded(run, "")
        elif act == "stored" and phase is Phase.STORING:
            event = ev.Stored([run])
        if event is not None:
            story.tell(event)
    launched = [effect.start.run for effect in story.effects if isinstance(effect, ev.Launch)]
    assert len(launched) == len(set(launched))
    stored: set[int] = set()
    for effect in story.effects:
        if isinstance(effect, ev.Store):
            assert effect.result.run not in stored
            stored.add(effect.result.run)
        elif isinstance(effect, ev.SendResult):
            assert effect.result.run in stored
        elif isinstance(effect, ev.Forget):
            assert effect.run in stored or leaving
    waiting = {
        run.run for run in runs.values() if run.kill_at is not None or run.phase is Phase.RUNNING
    }
    if story.core.deadline() is not None:
        assert waiting
