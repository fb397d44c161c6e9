"""What the run of other people's checks does before it runs any."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from tools.run_conformance import unpack


def test_plain_files_are_unpacked_and_nothing_lands_outside(tmp_path: Path) -> None:
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name in ("pack-1/tests/test_x.py", "../evil.py", "/evil.py"):
            member = tarfile.TarInfo(name)
            member.size = 5
            archive.addfile(member, io.BytesIO(b"x = 1"))
        link = tarfile.TarInfo("pack-1/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    folder = tmp_path / "out" / "deep"
    unpack(path, folder)
    found = [p.relative_to(tmp_path / "out") for p in (tmp_path / "out").rglob("*")]
    files = [p for p in found if (tmp_path / "out" / p).is_file()]
    assert [p.as_posix() for p in files] == ["deep/pack-1/tests/test_x.py"]
    assert not (tmp_path / "out" / "deep" / "pack-1" / "link").is_symlink()
    assert not Path("/evil.py").exists()
