import re
from pathlib import Path

LOCK = (Path(__file__).parents[2] / "requirements.lock").read_text()


def test_the_lock_names_no_index_and_no_address() -> None:
    assert "://" not in LOCK
    assert set(re.findall(r"^\s*(-\S+?)[=\s]", LOCK, re.MULTILINE)) == {"--hash"}


def test_every_requirement_is_pinned_and_hashed() -> None:
    requirements = re.split(r"\n(?=\S)", re.sub(r"^#.*\n|^    #.*\n", "", LOCK, flags=re.MULTILINE).strip())

    assert len(requirements) > 100
    for requirement in requirements:
        assert re.match(r"[a-z0-9._-]+(\[[a-z0-9,._-]+\])?==\S+", requirement), requirement.splitlines()[0]
        assert "--hash=sha256:" in requirement, requirement.splitlines()[0]
