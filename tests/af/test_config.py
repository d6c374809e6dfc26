"""Where the server is and who the user is, from the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from af import config

VARIABLES = (
    "AF_SERVERNAME", "AF_SERVERPORT", "CGRU_AF_SERVERNAME", "CGRU_AF_SERVERPORT", "CGRU_USERNAME",
    "AF_USERNAME", "USER", "USERNAME", "AF_HOSTNAME", "CGRU_AF_PRIORITY",
    "CGRU_AF_TASK_DEFAULT_CAPACITY", "AF_CMD_PREFIX", "CGRU_AF_CMDPREFIX",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("environment", "text", "servers"),
    [
        ({}, "", [("127.0.0.1", 51000)]),
        ({"AF_SERVERNAME": "farm"}, "", [("farm", 51000)]),
        ({"AF_SERVERNAME": "farm", "AF_SERVERPORT": "51005"}, "", [("farm", 51005)]),
        ({"CGRU_AF_SERVERNAME": "old", "CGRU_AF_SERVERPORT": "50000"}, "", [("old", 50000)]),
        ({"AF_SERVERNAME": "new", "CGRU_AF_SERVERNAME": "old"}, "", [("new", 51000)]),
        ({"AF_SERVERNAME": "a, b:51001;c"}, "", [("a", 51000), ("b", 51001), ("c", 51000)]),
        ({"AF_SERVERNAME": "farm", "AF_SERVERPORT": "7"}, "here", [("here", 7)]),
        ({"AF_SERVERNAME": "farm"}, "here:8", [("here", 8)]),
        ({}, "[::1]:8", [("::1", 8)]),
        ({}, "[::1]", [("::1", 51000)]),
        ({}, "fe80::1", [("fe80::1", 51000)]),
        ({"AF_SERVERNAME": " , "}, "", [("127.0.0.1", 51000)]),
    ],
)
def test_servers(
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    text: str,
    servers: list[tuple[str, int]],
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert config.servers(text) == servers


@pytest.mark.parametrize("text", ["farm:", "farm:x", "farm:0", "farm:65536", "[::1]:no"])
def test_a_port_that_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="no port number"):
        config.servers(text)


def test_a_bad_port_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AF_SERVERPORT", "many")
    with pytest.raises(ValueError, match="AF_SERVERPORT: 'many'"):
        config.servers()


@pytest.mark.parametrize(
    ("variable", "value", "name"),
    [
        ("AF_USERNAME", "Jimmy", "jimmy"),
        ("CGRU_USERNAME", "STUDIO\\Jimmy", "jimmy"),
        ("USER", "studio/jimmy", "jimmy"),
        ("USERNAME", "Jimmy@studio.local", "jimmy"),
    ],
)
def test_user_names(monkeypatch: pytest.MonkeyPatch, variable: str, value: str, name: str) -> None:
    monkeypatch.setenv(variable, value)
    assert config.user_name() == name


def test_afs_own_user_variable_wins_over_the_accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER", "somebody")
    monkeypatch.setenv("AF_USERNAME", "jimmy")
    assert config.user_name() == "jimmy"


def test_without_any_variable_there_is_still_a_user() -> None:
    assert config.user_name()


@pytest.mark.parametrize(
    ("system", "name"),
    [("Node01.studio.local", "node01"), ("NODE01", "node01"), ("10.1.2.3", "10.1.2.3")],
)
def test_host_names(monkeypatch: pytest.MonkeyPatch, system: str, name: str) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: system)
    assert config.host_name() == name


def test_a_given_host_name_is_kept_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AF_HOSTNAME", "Desk.Left")
    assert config.host_name() == "desk.left"


def test_defaults_of_jobs_and_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (config.priority(), config.capacity()) == (99, 1000)
    monkeypatch.setenv("CGRU_AF_PRIORITY", "50")
    monkeypatch.setenv("CGRU_AF_TASK_DEFAULT_CAPACITY", "500")
    assert (config.priority(), config.capacity()) == (50, 500)
    monkeypatch.setenv("CGRU_AF_PRIORITY", "many")
    assert config.priority() == 99


def test_the_working_directory_keeps_links(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.chdir(tmp_path / "link")
    monkeypatch.setenv("PWD", str(tmp_path / "link"))
    assert config.working_directory() == str(tmp_path / "link")
    monkeypatch.setenv("PWD", str(tmp_path))  # left over from another folder
    assert config.working_directory() == str(Path.cwd())
