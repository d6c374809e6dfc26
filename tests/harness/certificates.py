"""A certificate authority of a test, and certificates by it, made with ``openssl``."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Authority:
    """Its certificate is ``ca``; ``make`` makes one for names of a host."""

    folder: Path
    ca: Path

    def make(self, *names: str) -> ssl.SSLContext:
        """What a server with these names (as ``IP:127.0.0.1``) shows."""
        files = {kind: self.folder / f"server.{kind}" for kind in ("key", "csr", "crt", "ext")}
        files["ext"].write_text(f"subjectAltName={','.join(names)}\n")
        new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        _openssl("req", *new, "-subj", "/CN=test", "-keyout", files["key"], "-out", files["csr"])
        _openssl(
            "x509", "-req", "-in", files["csr"], "-CA", self.ca, "-CAkey", self.folder / "ca.key",
            "-CAcreateserial", "-days", "2", "-extfile", files["ext"], "-out", files["crt"],
        )  # fmt: skip
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files["crt"], files["key"])
        return context


def make_authority(folder: Path) -> Authority:
    """A new one in an empty folder."""
    assert shutil.which("openssl"), "tests of TLS need the program openssl"
    ca = folder / "ca.crt"
    _openssl(
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-days", "2", "-subj", "/CN=authority of a test", "-keyout", folder / "ca.key", "-out", ca,
    )  # fmt: skip
    return Authority(folder, ca)


def _openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, timeout=60)
