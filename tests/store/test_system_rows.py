"""What the server has still to do comes back from the database (SEMANTICS 12.1, 12.2)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from afanasy.core import events
from afanasy.core.effects import Send
from afanasy.core.invariants import snapshot
from afanasy.core.settings import Chosen
from store.test_store import SqlStory


@pytest.fixture
def sql(tmp_path: Path) -> Iterator[SqlStory]:
    story = SqlStory(tmp_path)
    yield story
    story.writer.close()
    story.engine.dispose()
    assert not story.fatal


def test_requests_messages_and_places(sql: SqlStory) -> None:
    sql.core.settings.chosen["af_sysjob_tasksmax"] = Chosen(2, "test@test", 1)
    sql.core.changes.settings = True
    sql.apply(events.AddUser("anna", {"webhook": "http://a.example/", "notify": ["deleted"]}))
    for n in range(4):
        sql.operate(sql.submit(1, command_post=f"tidy {n}"), "delete")
    messages = [effect.message for effect in sql.take(Send, 4)]
    assert snapshot(sql.loaded()) == snapshot(sql.core)
    assert len(sql.loaded().system.waiting[0]) == 2
    sql.apply(events.MessageSettled(messages[0].key))
    sql.render("a", resources={"netifs": [{"mac": "52:54:00:00:00:01"}]})
    for run in sql.start(2):
        sql.finish(run)
    assert len(sql.start()) == 2
    assert snapshot(sql.loaded()) == snapshot(sql.core)
    assert sql.loaded().system.waiting == {}
    assert len(sql.loaded().messages) == 3


def test_pools_and_branches_go(sql: SqlStory) -> None:
    sql.apply(events.OperatePool("/", "add_pool", name="p"))
    sql.apply(events.OperatePool("/p", "delete"))
    assert list(sql.loaded().pools) == ["/"]
