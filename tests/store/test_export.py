"""Copies for people: where --output puts what, and that it never takes the place of a file that is theirs."""

from __future__ import annotations

import errno
import os
import tempfile

import pytest

from dancegen.errors import InputError, StoreError
from dancegen.store import MANIFEST, Artifact, Exported, Output, Store, Taken, export, open_store
from helpers.processes import run_python
from helpers.store_examples import recipe

FILES = ("poses.npz", "preview.mp4", "openpose.json")
OTHERS = ("beats.json", "motion.npz")


@pytest.fixture
def made(store) -> Artifact:
    return make(store)


def make(store: Store, words: str = "", **params) -> Artifact:
    def build(directory):
        for name in ("beats.json", "openpose.json", "poses.npz", "preview.mp4"):
            (directory / name).write_text(words + name)
        (directory / "samples").mkdir()
        (directory / "samples" / "1.png").write_text(words + "1")
        return {}

    return store.obtain(recipe(**params), build)


def out(path, store: Store | None = None, **more) -> Output:
    exported = None if store is None else Exported(store.root, says_digest)
    return Output(path, FILES, OTHERS, exported, **more)


def says_digest(path) -> str | None:
    """A format that can name its artifact, as MP4 does in its comment."""
    text = path.read_text()
    return text.partition("digest ")[2].split()[0] if "digest " in text else None


def test_a_file_suffix_receives_the_one_file_of_that_kind(made, tmp_path):
    for name, content in (("a.npz", "poses.npz"), ("deep/er/b.mp4", "preview.mp4"), ("c.JSON", "openpose.json")):
        assert export(made, out(tmp_path / name)).read_text() == content
    assert sorted(path.name for path in (tmp_path / "deep" / "er").iterdir()) == ["b.mp4"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("beats.json", "beats.json"), ("my-song.beats.json", "beats.json"), ("Beats.JSON", "beats.json"),
        ("openpose.json", "openpose.json"), ("downbeats.json", "openpose.json"), ("x.json", "openpose.json"),
    ],
)  # fmt: skip
def test_the_name_of_a_file_says_which_of_several_is_meant(made, tmp_path, name, content):
    out(tmp_path / name).check()
    assert export(made, out(tmp_path / name)).read_text() == content


def test_a_file_that_this_result_does_not_have_is_not_another_one_under_its_name(made, tmp_path):
    with pytest.raises(InputError, match=r"has no motion\.npz; the result is"):
        export(made, out(tmp_path / "motion.npz"))
    assert not (tmp_path / "motion.npz").exists()


def test_anything_else_is_a_directory_that_receives_the_payload_under_its_own_names(made, tmp_path):
    export(made, out(tmp_path / "out"))
    assert (tmp_path / "out" / "samples" / "1.png").read_text() == "1"
    assert (tmp_path / "out" / "poses.npz").read_text() == "poses.npz"


def test_a_directory_of_its_own_can_be_given_as_an_input(made, tmp_path):
    other = open_store(tmp_path / "other")
    for _ in range(2):  # a second copy into the same place is as good
        assert other.find(export(made, out(tmp_path / "out"))).content == made.content


def test_a_persons_own_manifest_is_left_alone(made, tmp_path):
    (tmp_path / MANIFEST).write_text('{"name": "a web app"}')
    export(made, out(tmp_path, force=True))
    assert (tmp_path / MANIFEST).read_text() == '{"name": "a web app"}'
    assert (tmp_path / "poses.npz").exists()


def test_an_existing_directory_and_a_trailing_slash_win_over_a_dot_in_the_name(made, tmp_path):
    (tmp_path / "v1.2").mkdir()
    assert (export(made, out(tmp_path / "v1.2")) / "poses.npz").exists()
    assert (export(made, out(f"{tmp_path}/v1.3/")) / "poses.npz").exists()


def test_editing_the_copy_leaves_the_store_alone(made, tmp_path):
    export(made, out(tmp_path / "a.npz")).write_text("edited")
    assert made.file("poses.npz").read_text() == "poses.npz"


# What is whose


def test_a_copy_of_dancegens_is_replaced_by_the_next_wherever_it_was_moved(store, tmp_path):
    export(make(store, "old "), out(tmp_path / "a.npz", store))
    (tmp_path / "a.npz").rename(tmp_path / "b.npz")
    output = out(tmp_path / "b.npz", store)
    output.check()
    assert export(make(store, "new ", seed=1), output).read_text() == "new poses.npz"


def persons_file(path):
    path.write_text("a person's work")


def persons_edit(path):
    """Edited so that neither size nor name tell."""
    path.write_text(path.read_text().swapcase())


def persons_link(path):
    path.unlink(missing_ok=True)
    (path.parent / "elsewhere").write_text("a person's work")
    path.symlink_to(path.parent / "elsewhere")


@pytest.mark.parametrize("theirs", [persons_file, persons_edit, persons_link])
@pytest.mark.parametrize("name", ["a.npz", "a.mp4", "out/", "out/samples/"])
def test_what_a_person_made_or_edited_is_known_before_the_work_and_kept(store, tmp_path, theirs, name):
    whole = name.startswith("out")
    target = tmp_path / ("out" if whole else name)
    export(make(store, "old "), out(target, store))
    victim = {"out/": target / "poses.npz", "out/samples/": target / "samples" / "1.png"}.get(name, target)
    theirs(victim)
    before = victim.read_text()
    again = out(target, store)
    if name != "out/samples/":  # what deeper folders will hold is only known once it is made
        with pytest.raises(Taken, match=r"dancegen did not make.*--force"):
            again.check()
    with pytest.raises(Taken, match="the result is kept in"):
        export(make(store, "new ", seed=1), again)
    assert victim.read_text() == before
    forced = out(target, store, force=True)
    forced.check()
    export(make(store, "new ", seed=1), forced)
    assert victim.read_text().startswith("new ") and not victim.is_symlink()


def test_a_folder_of_dancegens_is_replaced_also_where_no_record_knows_it(made, tmp_path):
    export(made, out(tmp_path / "out"))
    other = open_store(tmp_path / "other")
    output = out(tmp_path / "out", other)
    output.check()
    export(make(other, "new ", seed=1), output)
    assert (tmp_path / "out" / "poses.npz").read_text() == "new poses.npz"
    assert other.find(tmp_path / "out").path == tmp_path / "out"


def test_a_file_that_names_its_artifact_is_believed_unless_somebody_knows_better(store, tmp_path):
    digest = "ab" * 32
    (tmp_path / "a.mp4").write_text(f"digest {digest}")
    out(tmp_path / "a.mp4", store).check()  # of a store that is gone
    artifact = make(store, f"digest {recipe().digest} ")
    assert artifact.digest == recipe().digest
    export(artifact, out(tmp_path / "b.mp4", store))
    (tmp_path / "b.mp4").write_text((tmp_path / "b.mp4").read_text() + ", cut by a person")
    with pytest.raises(Taken):
        out(tmp_path / "b.mp4", store).check()


def test_what_comes_there_while_the_work_goes_on_is_kept_as_well(store, tmp_path, monkeypatch):
    artifact, output = make(store), out(tmp_path / "a.npz", store)
    output.check()
    real = os.link

    def late(source, target):
        (tmp_path / "a.npz").write_text("a person's work")  # in the last moment
        real(source, target)

    monkeypatch.setattr(os, "link", late)
    with pytest.raises(Taken, match=r"a\.npz is there already"):
        export(artifact, output)
    assert (tmp_path / "a.npz").read_text() == "a person's work"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".dancegen")] == []


def test_a_disk_without_hard_links_keeps_them_too(store, tmp_path, monkeypatch):
    def none(source, target):
        raise OSError(errno.EPERM, "Operation not permitted", str(source), None, str(target))

    monkeypatch.setattr(os, "link", none)
    assert export(make(store), out(tmp_path / "a.npz", store)).read_text() == "poses.npz"
    monkeypatch.setattr(Output, "look", lambda self, targets: dict.fromkeys(targets))  # as if it came afterwards
    (tmp_path / "b.npz").write_text("a person's work")
    with pytest.raises(Taken):
        export(make(store), out(tmp_path / "b.npz", store))
    assert (tmp_path / "b.npz").read_text() == "a person's work"


def test_the_same_bytes_are_no_loss(made, tmp_path):
    (tmp_path / "a.npz").write_text("poses.npz")
    assert export(made, out(tmp_path / "a.npz")).read_text() == "poses.npz"


def test_a_torn_record_costs_nothing_but_what_it_said(store, tmp_path):
    export(make(store, "old "), out(tmp_path / "a.npz", store))
    (record,) = (store.root / ".exported").iterdir()
    record.write_bytes(record.read_bytes() + b"\xff\xfe torn")
    out(tmp_path / "a.npz", store).check()
    record.write_bytes(b"")
    with pytest.raises(Taken):
        out(tmp_path / "a.npz", store).check()


# What is known before any work


def test_what_cannot_be_exported_is_known_before_any_work(tmp_path):
    (tmp_path / "file").write_text("")
    for path, why in (
        (tmp_path / "a.mov", r"there is no \.mov file to write; give one of \.json, \.mp4, \.npz, or a directory"),
        (tmp_path / "file", "is a file; give a directory"),
        (tmp_path / "file" / "a.npz", "file is no directory"),
        ("s3://bucket/a.npz", "s3://bucket/a.npz is an address"),
        (tmp_path / f"{'a' * 300}.npz", "cannot be written: File name too long"),
        (tmp_path / ("a" * 300), "cannot be written: File name too long"),
        (f"{tmp_path}/a\0.npz", "cannot be written"),
    ):
        with pytest.raises(InputError, match=why):
            out(path).check()
    with pytest.raises(InputError, match="give a directory"):
        Output("dataset.zip").check()
    for path in (tmp_path / "a.npz", tmp_path / "new" / "dir", str(tmp_path), tmp_path / f"{'a' * 251}.npz"):
        out(path).check()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_longest_name_that_a_file_can_have_is_written(made, tmp_path):
    assert export(made, out(tmp_path / f"{'ä' * 125}a.npz")).read_text() == "poses.npz"


def test_a_directory_that_cannot_be_written_is_known_before_any_work():
    """By a real process without an administrator's rights, in a place that such a one can reach."""
    code = (
        "import os, sys\n"
        "from dancegen.store import Output\n"
        "from dancegen.errors import InputError\n"
        "if os.getuid() == 0: os.setuid(65534)\n"
        "for path in sys.argv[1:]:\n"
        "    try: Output(path, ('poses.npz',)).check()\n"
        "    except InputError as error: print(error)\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o555)
        ran = run_python("-c", code, f"{folder}/a.npz", folder, f"{folder}/deep/er")
    lines = ran.stdout.splitlines()
    assert ran.stderr == "" and len(lines) == 3
    assert all(f"cannot be written: {folder}: Permission denied" in line for line in lines)


def test_a_kind_of_which_there_are_several_needs_a_name_or_a_directory(made, tmp_path):
    with pytest.raises(InputError, match=r"several: beats\.json, openpose\.json; name one of them"):
        export(made, Output(tmp_path / "a.json"))


def test_a_copy_that_fails_is_said_with_where_the_result_is(made, tmp_path, monkeypatch):
    def full(source, target):
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr("shutil.copyfile", full)
    with pytest.raises(StoreError, match=r"cannot write .*a\.npz: the disk is full; the result is kept in"):
        export(made, out(tmp_path / "a.npz"))
    assert list(tmp_path.glob("*.npz")) == []


def test_a_copy_of_a_store_below_is_dancegens_too(tmp_path, store):
    export(make(store, "old "), out(tmp_path / "a.npz", store))
    above = Exported(tmp_path / "above", says_digest, (store.root,))
    Output(tmp_path / "a.npz", FILES, exported=above).check()
    (tmp_path / "a.npz").write_text("a person's work")
    with pytest.raises(Taken):
        Output(tmp_path / "a.npz", FILES, exported=Exported(tmp_path / "above", says_digest, (store.root,))).check()


def test_no_copy_goes_into_the_store(made, store, tmp_path):
    for place in (
        made.path,
        made.path / "poses.npz",
        made.path / "deeper" / "a.npz",
        store.root / ".exported" / "a.npz",
    ):
        with pytest.raises(InputError, match="lies within the store"):
            out(place, store, force=True).check()
    out(store.root / "a.npz", store).check()  # who works in the store's own directory
    out(store.root / "films" / "a.npz", store).check()
