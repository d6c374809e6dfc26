"""``python3 -m venv FOLDER`` for the pages of the documentation, in a tenth of the time.

Nearly all of it goes into the installation of pip, which is taken from the environment that the
tests run in. Where that has none, the venv is made as always.
"""

from __future__ import annotations

import shutil
import sys
import venv
from pathlib import Path


def main(folder: Path) -> None:
    """Make it."""
    (known,) = Path(sys.prefix).glob("lib/python*/site-packages")
    parts = [*known.glob("pip"), *known.glob("pip-*.dist-info")]
    venv.create(folder, with_pip=not parts, symlinks=True)
    (here,) = folder.glob("lib/python*/site-packages")
    for part in parts:
        shutil.copytree(part, here / part.name)
    if parts:
        script = folder / "bin" / "pip"
        script.write_text(
            f"#!{folder.absolute()}/bin/python\n"
            "import sys\nfrom pip._internal.cli.main import main\nsys.exit(main())\n"
        )
        script.chmod(0o755)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
