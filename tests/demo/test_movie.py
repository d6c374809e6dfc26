"""The last check of the demo: is the movie whole? With the real ffmpeg."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from demo import movie
from demo.trouble import Trouble

FRAMES = 5


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder in which all frames have been rendered by the command of the demo."""
    (tmp_path / "frames").mkdir()
    for number in range(1, FRAMES + 1):
        command = movie.ffmpeg_source().command.replace("@####@", f"{number:04}")
        shell(command.replace("@#@", str(number)), tmp_path)
    return tmp_path


def shell(command: str, folder: Path) -> None:
    subprocess.run(["sh", "-c", command], cwd=folder, check=True, capture_output=True)


def test_a_whole_movie(folder: Path):
    assert movie.missing_frames(folder, FRAMES) == []
    shell(movie.encode_command(), folder)
    about = movie.check_movie(folder / movie.MOVIE, FRAMES)
    assert about.startswith("5 frames, 384x216, h264 yuv420p, ")


def test_the_frames_differ(folder: Path):
    pictures = {path.read_bytes() for path in (folder / "frames").iterdir()}
    assert len(pictures) == FRAMES


def test_a_missing_frame_is_noticed(folder: Path):
    (folder / "frames" / "frame.0003.png").unlink()
    (folder / "frames" / "frame.0005.png").write_bytes(b"")
    assert movie.missing_frames(folder, FRAMES) == [3, 5]
    shell(movie.encode_command(), folder)  # ffmpeg itself is content with what it finds
    with pytest.raises(Trouble, match="frames instead of 5"):
        movie.check_movie(folder / movie.MOVIE, FRAMES)


def test_no_movie_and_no_picture(tmp_path: Path):
    with pytest.raises(Trouble, match="there is no movie"):
        movie.check_movie(tmp_path / "movie.mp4", FRAMES)
    (tmp_path / "movie.mp4").write_bytes(b"not a movie")
    with pytest.raises(Trouble, match="ffprobe finds no pictures"):
        movie.check_movie(tmp_path / "movie.mp4", FRAMES)
