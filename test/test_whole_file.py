"""A file appears as a whole or not at all, whatever happens while it is written."""

import pytest

from hmr_ros.whole_file import whole_file


def test_nobody_sees_half_a_file(tmp_path):
    path = tmp_path / "figures.json"
    path.write_text("old")
    with whole_file(path) as partial:
        partial.write_text("ne")
        assert path.read_text() == "old"
        partial.write_text("new")
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_what_was_there_stays_if_writing_fails(tmp_path, error):
    path = tmp_path / "figures.json"
    path.write_text("old")
    with pytest.raises(type(error)), whole_file(path) as partial:
        partial.write_text("ne")
        raise error
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_a_block_that_writes_nothing_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "figures.json"):
        pass
    assert not list(tmp_path.iterdir())
