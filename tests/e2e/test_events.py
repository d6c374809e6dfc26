"""Events reach people and programs: mail, web hook, command (SEMANTICS 12.2, R23, R66)."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from e2e.test_system_job import afcmd
from harness.certificates import make_authority
from harness.processes import Farm, wait_until
from harness.receivers import HookReceiver, MailReceiver

pytestmark = pytest.mark.e2e


def test_mail_hook_and_command(real: Farm, tmp_path: Path) -> None:
    real.start_render("a")
    with MailReceiver() as mail, HookReceiver() as hook:
        afcmd(real, "config", "set", "email_smtp_server", mail.address)
        afcmd(real, "user", "add", "anna")
        afcmd(real, "set", "--user", "anna", "email=anna@example.org", f"webhook={hook.url}",
              "notify=done,deleted")  # fmt: skip
        assert "anna@example.org" in afcmd(real, "user", "anna")
        told = tmp_path / "told"
        custom = {"events": {"JOB_DONE": {"methods": [f"echo $AF_EVENTS > {told}; echo"]}}}
        job = real.submit(
            {"tasks": [{"name": "t", "command": "true"}]}, custom_data=json.dumps(custom)
        )
        real.wait_job(job, "DON")
        wait_until(lambda: mail.got and hook.got, "mail and hook")
        real.wait_task(1, 2, 0, "DON")
        assert told.read_text() == "JOB_DONE\n"
        assert real.output(1, 2, 0) == "-jobname job -jobserial 1\n"
        real.action(job, "delete")
        wait_until(lambda: len(hook.got) == 2, "the second hook")
    assert mail.got[0][1] == ["anna@example.org"]
    assert "JOB_DONE - job" in mail.got[0][2]
    documents = [json.loads(body) for _, _, body in hook.got]
    assert [one["events"] for one in documents] == [["JOB_DONE"], ["JOB_DELETED"]]
    assert documents[0]["job"]["blocks"][0]["p_tasks_done"] == 1


def test_mail_to_a_server_that_wants_a_login(
    real: Farm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Encrypted, to who is there; who is refused is in the log of the job."""
    authority = make_authority(tmp_path)
    assert real.server is not None
    real.server.end()
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca))
    monkeypatch.setenv("AF_EMAIL_SMTP_PASSWORD", "s3cret")
    real.start_server()
    real.start_render("a")
    nobody = "nobody@example.org"
    with MailReceiver(
        {nobody: "550 no such user"},
        context=authority.make("IP:127.0.0.1"), login=("farm", "s3cret"),
    ) as mail:  # fmt: skip
        for key, value in (("server", mail.address), ("user", "farm"), ("tls", "starttls")):
            afcmd(real, "config", "set", f"email_smtp_{key}", value)
        told = f"email=anna@example.org,{nobody}"
        afcmd(real, "user", "add", "anna", told, "notify=done")
        job = real.submit({"tasks": [{"name": "t", "command": "true"}]})
        real.wait_job(job, "DON")
        wait_until(lambda: "given up" in afcmd(real, "log", str(job)), "the line")
    assert [to for _, to, _ in mail.got] == [["anna@example.org"]]
    assert mail.logins == [("farm", "s3cret", True)]
    assert f"mail to {nobody} (JOB_DONE - job) was given up: 550 no such" in (
        afcmd(real, "log", str(job))
    )
    for words in (["list"], ["list", "--origin"], ["get", "email_smtp_password"]):
        assert "s3cret" not in afcmd(real, "config", *words)
    assert "s3cret" not in real.server.text()


def test_a_hook_survives_the_death_of_the_server(real: Farm) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, says nothing
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        afcmd(real, "user", "add", "anna", f"webhook={url}", "notify=created")
        real.submit({"tasks": [{"name": "t", "command": "true"}]})
        silent.accept()[0].close()
        assert real.server is not None
        real.server.kill9()
        real.start_server()
        again, _ = silent.accept()
        with again:
            assert again.recv(65536).startswith(b"POST / HTTP/1.1")
            again.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            assert real.server is not None
            wait_until(lambda: "message_sent" in real.server.text(), "the line")  # pyright: ignore[reportOptionalMemberAccess] - it runs


def test_words_of_notify_are_checked(real: Farm) -> None:
    action = {"type": "users", "mask": "anna", "user_name": "anna", "host_name": "desk",
              "params": {"notify": ["done", "sometimes"]}}  # fmt: skip
    afcmd(real, "user", "add", "anna")
    answer = real.ask({"action": action, "strict": True})
    assert "notify" in answer["error"]["field"]
