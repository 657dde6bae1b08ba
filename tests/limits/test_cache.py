"""Kernels on disk: whatever happens to the directory, a load gives what was saved or nothing, and nothing is raised."""

import errno
import os
import signal
import subprocess
import sys
import time

import pytest

from gradc.native import cache
from gradc.native.cache import KernelStore

posix = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="owners and modes are POSIX")
KEY, DATA = "sum(x**2)\nx: f64[n]\nopt 3", bytes(range(256)) * 40


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADC_CACHE", str(tmp_path / "kernels"))
    return tmp_path / "kernels"


@pytest.fixture
def store(place):
    return KernelStore()


def files(place):
    return sorted(place.iterdir()) if place.exists() else []


# ---------------------------------------------------------------- what is saved is loaded


def test_saved_and_loaded(store, place):
    assert store.load(KEY) is None and not place.exists()
    for key, data in ((KEY, DATA), (KEY + " ", b""), ("", b"none"), ("\ud800 é", b"\0" * 100_000)):
        store.save(key, data)
        assert store.load(key) == data == KernelStore().load(key)
    assert store.load(KEY + "  ") is None
    store.save(KEY, b"again")
    assert store.load(KEY) == b"again"
    assert len(files(place)) == 4
    assert store.totals() == (4, sum(file.stat().st_size for file in files(place)))
    for file in files(place):
        file.unlink()
    place.rmdir()  # as `rm -r` does while the process goes on
    assert store.load(KEY) is None
    store.save(KEY, DATA)
    assert store.load(KEY) == DATA


@posix
def test_only_the_user_can_read_and_write_it(store, place):
    before = os.umask(0)
    try:
        store.save(KEY, DATA)
    finally:
        os.umask(before)
    assert [oct(path.stat().st_mode & 0o777) for path in (place, *files(place))] == ["0o700", "0o600"]


def test_the_key_is_compared_whole(store, place):
    """Not only its digest: a file in the place of another is not taken for it."""
    store.save(KEY, DATA)
    store.save("other", b"other")
    other = place / f"{cache._name('other')}.kernel"
    other.replace(place / f"{cache._name(KEY)}.kernel")
    assert store.load(KEY) is None


def test_off(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADC_CACHE", "off")
    monkeypatch.chdir(tmp_path)
    store = KernelStore()
    store.save(KEY, DATA)
    assert store.load(KEY) is None and store.place() == (None, "GRADC_CACHE is off")
    assert store.why_not_written() == "GRADC_CACHE is off" and list(tmp_path.iterdir()) == []


def test_a_moved_cache(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for setting, place in (("here/kernels", "here/kernels"), ("~/there", "there")):
        monkeypatch.setenv("GRADC_CACHE", setting)
        store = KernelStore()
        store.save(KEY, DATA)
        assert store.load(KEY) == DATA and len(files(tmp_path / place)) == 1
        assert store.place() == (str((tmp_path / place).resolve()), None) and store.why_not_written() is None


@pytest.mark.parametrize("variable", ["/somewhere/else", "", "  ", "relative"])
def test_the_default_is_that_of_platformdirs(tmp_path, monkeypatch, variable):
    platformdirs = pytest.importorskip("platformdirs")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", variable)
    assert cache.user_cache_dir() == platformdirs.user_cache_dir("gradc", appauthor=False)


def test_it_costs_no_import():
    code = "import sys, gradc.native.cache as c; c.KernelStore().load('k'); print('platformdirs' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n" or sys.platform != "linux"


# ---------------------------------------------------------------- several processes, killed ones

RACE = """
import hashlib, random, sys
from gradc.native.cache import KernelStore
store, numbers = KernelStore(limit=200_000), random.Random(int(sys.argv[1]))
hits = 0
for step in range(400):
    key = f"program {numbers.randrange(20)}"
    data = hashlib.sha256(key.encode()).digest() * numbers.choice([1, 1000])
    found = store.load(key)
    assert found is None or found in (data[:32], data[:32] * 1000), key
    hits += found is not None
    store.save(key, data)
    if step % 97 == 0:
        store.clear()
print(hits)
"""


def test_processes_that_write_the_same_entries(place):
    racing = [
        subprocess.Popen([sys.executable, "-c", RACE, str(k)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for k in range(4)
    ]
    for process in racing:
        said, complaints = process.communicate(timeout=120)
        assert process.returncode == 0 and complaints == b"", complaints.decode()
        assert int(said) > 50
    assert all(file.suffix == ".kernel" for file in files(place))


@posix
@pytest.mark.parametrize("where", ["os.replace", "cache._packed"])
def test_a_process_that_is_killed_while_it_writes(store, place, where):
    code = (
        "import os, signal\nfrom gradc.native import cache\n"
        "def die(*args): os.kill(os.getpid(), signal.SIGKILL)\n"
        f"{where} = die\ncache.KernelStore().save({KEY!r}, b'unfinished')\n"
    )
    killed = subprocess.run([sys.executable, "-c", code], timeout=60)
    assert killed.returncode == -signal.SIGKILL
    (left,) = files(place)
    assert left.suffix == ".part" and store.load(KEY) is None and store.totals() == (0, 0)
    store.save(KEY, DATA)
    assert store.load(KEY) == DATA
    store.trim()
    assert left.exists()  # another process may be writing it
    os.utime(left, (time.time() - 2 * cache.ABANDONED_AFTER,) * 2)
    store.trim()
    assert not left.exists() and store.load(KEY) == DATA


# ---------------------------------------------------------------- disks


class Full:
    """A file on a full disk, which takes the first bytes and no more."""

    def __init__(self, handle, mode):
        self.handle = handle

    def __enter__(self):
        return self

    def __exit__(self, *raised):
        os.close(self.handle)

    def write(self, data):
        os.write(self.handle, data[:10])
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk(store, place, monkeypatch, capfd):
    with monkeypatch.context() as patch:
        patch.setattr(cache, "open", Full, raising=False)
        store.save(KEY, DATA)
    assert files(place) == [] and store.load(KEY) is None
    store.save(KEY, b"before")
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", refusing(errno.ENOSPC))
        store.save(KEY, DATA)
    assert store.load(KEY) == b"before" and len(files(place)) == 1
    assert capfd.readouterr() == ("", "")


def refusing(number):
    def refuse(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    return refuse


@posix
def test_a_file_that_must_not_grow(store, place):
    """The system itself stops the write."""
    code = (
        "import resource, signal\nfrom gradc.native.cache import KernelStore\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nresource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\n"
        f"store = KernelStore(); store.save({KEY!r}, bytes(10_000)); print(store.load({KEY!r}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr, files(place)) == ("None\n", "", [])


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.EMFILE, errno.EIO])
@pytest.mark.parametrize("name", ["open", "makedirs", "replace", "lstat", "utime", "scandir", "fstat"])
def test_whatever_the_system_refuses(store, place, monkeypatch, name, number):
    store.save("earlier", b"earlier")
    fresh = KernelStore()
    with monkeypatch.context() as patch:
        patch.setattr(os, name, refusing(number))
        fresh.save(KEY, DATA)
        assert fresh.load(KEY) in (None, DATA)
        fresh.trim(), fresh.entries(), fresh.totals(), fresh.place()
    assert store.load("earlier") == b"earlier" and all(file.suffix == ".kernel" for file in files(place))


@posix
def test_a_read_only_directory(store, place, monkeypatch):
    store.save(KEY, DATA)
    place.chmod(0o500)
    try:
        if os.geteuid() == 0:  # whom modes do not stop
            monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
            opened = os.open
            refuse = refusing(errno.EROFS)
            monkeypatch.setattr(
                os, "open", lambda path, flags, *m: (refuse if flags & os.O_CREAT else opened)(path, flags, *m)
            )
        store.save("new", b"new")
        assert store.load(KEY) == DATA and store.load("new") is None
        assert store.why_not_written() == f"{place} is read-only" and store.place()[1] is None
    finally:
        place.chmod(0o700)


def test_a_home_that_is_missing(tmp_path, monkeypatch):
    monkeypatch.delenv("GRADC_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    if sys.platform != "linux":
        pytest.skip("homes are found in other ways here")
    store = KernelStore()
    store.save(KEY, DATA)
    assert store.load(KEY) is None and list(tmp_path.iterdir()) == []
    assert store.place() == (None, f"there is no home directory {tmp_path}/nobody")


def test_a_file_where_the_directory_should_be(store, place):
    place.write_text("mine")
    store.save(KEY, DATA)
    assert store.load(KEY) is None and place.read_text() == "mine"
    assert store.place()[1] == f"{place} is no directory" and store.clear() == (0, 0)


# ---------------------------------------------------------------- damage


def damaged(content):
    """A name and a content for everything that a disk may do to a file."""
    yield "empty", b""
    for length in (1, 14, 15, 20, 47, 54, 55, 60, len(content) - 1):
        yield f"cut to {length}", content[:length]
    for place in (0, 15, 40, 47, 48, 55, 70, len(content) // 2, len(content) - 1):
        yield f"byte {place}", content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
    yield "longer", content + b"\0"
    yield "zeros", bytes(len(content))
    yield "a key of 2**64 - 1 bytes", content[:47] + b"\xff" * 8 + content[55:]


def test_damaged_entries_are_made_again(store, place, capfd, ran_cases):
    store.save(KEY, DATA)
    (file,) = files(place)
    content = file.read_bytes()
    cases = list(damaged(content))
    for name, broken in cases:
        file.write_bytes(broken)
        assert store.load(KEY) is None, name
        assert capfd.readouterr() == ("", f"gradc: the kernel in {file} is damaged: it is compiled again\n")
        assert files(place) == []
        assert store.load(KEY) is None and capfd.readouterr() == ("", "")
        store.save(KEY, DATA)
        assert store.load(KEY) == DATA
    ran_cases(len(cases))


def test_a_closed_standard_error(store, place, monkeypatch):
    store.save(KEY, DATA)
    files(place)[0].write_bytes(b"")
    for stream in (None, open(os.devnull, "w")):
        if stream:
            stream.close()
        monkeypatch.setattr(sys, "stderr", stream)
        assert store.load(KEY) is None
        store.save(KEY, DATA)
        files(place)[0].write_bytes(b"")


# ---------------------------------------------------------------- others


@posix
@pytest.mark.parametrize("mode", [0o770, 0o707, 0o722, 0o702, 0o777, 0o1777])
def test_a_directory_that_others_can_write_to(store, place, mode):
    store.save(KEY, DATA)
    place.chmod(mode)
    assert store.load(KEY) is None and store.totals() == (0, 0)
    store.save("new", b"new")
    assert len(files(place)) == 1 and store.clear() == (0, 0)
    assert store.place()[1] == store.why_not_written() == f"others can write to {place}"
    place.chmod(0o755)
    assert store.load(KEY) == DATA and store.load("new") is None


@posix
@pytest.mark.parametrize("mode", [0o660, 0o606, 0o620, 0o602])
def test_an_entry_that_others_can_write_to(store, place, mode):
    store.save(KEY, DATA)
    files(place)[0].chmod(mode)
    assert store.load(KEY) is None
    store.save(KEY, b"again")
    assert store.load(KEY) == b"again" and files(place)[0].stat().st_mode & 0o777 == 0o600


@posix
def test_what_belongs_to_another_user(store, place, monkeypatch):
    store.save(KEY, DATA)
    with monkeypatch.context() as patch:
        patch.setattr(os, "geteuid", lambda: place.stat().st_uid + 1)
        assert store.load(KEY) is None and KernelStore().load(KEY) is None
        store.save("new", b"new")
        assert store.place()[1] == f"{place} belongs to another user"
    assert store.load(KEY) == DATA and store.load("new") is None
    if os.geteuid() == 0:
        os.chown(files(place)[0], 12345, 12345)
        assert store.load(KEY) is None
        os.chown(place, 12345, 12345)
        assert store.load(KEY) is None and KernelStore().place()[1] == f"{place} belongs to another user"


@posix
@pytest.mark.parametrize(("mode", "is_safe"), [(0o755, True), (0o1777, True), (0o777, False), (0o707, False)])
def test_directories_above(tmp_path, monkeypatch, mode, is_safe):
    """Who can write to one above can exchange what lies below, unless it is sticky, as /tmp is."""
    above = tmp_path / "above"
    (above / "between").mkdir(parents=True)
    above.chmod(mode)
    monkeypatch.setenv("GRADC_CACHE", str(above / "between" / "kernels"))
    store = KernelStore()
    store.save(KEY, DATA)
    assert store.load(KEY) == (DATA if is_safe else None)
    assert store.place()[1] == (None if is_safe else f"others can write to {above}")
    assert (above / "between" / "kernels").exists() == is_safe


@posix
def test_links_are_followed_above_and_not_below(store, place, tmp_path, monkeypatch):
    store.save(KEY, DATA)
    (file,) = files(place)
    moved = tmp_path / "moved"
    file.rename(moved)
    file.symlink_to(moved)
    assert store.load(KEY) is None
    store.save(KEY, b"again")
    assert store.load(KEY) == b"again" and not file.is_symlink() and moved.exists()
    (tmp_path / "link").symlink_to(place)
    monkeypatch.setenv("GRADC_CACHE", str(tmp_path / "link"))
    linked = KernelStore()
    assert linked.load(KEY) == b"again" and linked.place() == (str(place), None)
    place.chmod(0o777)
    assert linked.load(KEY) is None


@posix
def test_a_pipe_in_the_place_of_an_entry(store, place):
    store.save(KEY, DATA)
    (file,) = files(place)
    file.unlink()
    os.mkfifo(file, 0o600)
    assert store.load(KEY) is None  # and does not wait for a writer


# ---------------------------------------------------------------- how much is kept


def test_the_oldest_go(place):
    store = KernelStore(limit=100_000)
    keys = [f"program {k}" for k in range(12)]
    for age, key in enumerate(keys):
        store.save(key, bytes(9_000))
        os.utime(place / f"{cache._name(key)}.kernel", (time.time() - 1e6 * (12 - age),) * 2)
    assert store.load(keys[0]) is not None  # which makes it the youngest
    (place / "notes.txt").write_text("x" * 200_000)
    (place / "mine.kernel").write_text("x" * 200_000)
    store.trim()
    kept = [key for key in keys if store.load(key) is not None]
    assert kept == [keys[0], *keys[-7:]] and store.totals()[1] <= 75_000
    assert store.clear() == (8, sum(len(cache._packed(key, bytes(9_000))) for key in kept))
    assert [file.name for file in files(place)] == ["mine.kernel", "notes.txt"]


def test_it_stays_within_the_limit_by_itself(place):
    store = KernelStore(limit=100_000)
    for k in range(400):
        store.save(f"program {k}", bytes(2_000))
    assert 50_000 < store.totals()[1] < 100_000 + 100 * 2_100
    store.save("a large one", bytes(100_001))
    assert store.load("a large one") is None


def test_entries_tell_what_they_are(store):
    store.save("sum(x)\nx: f64[n]", DATA)
    os.utime(store.entries()[0].path, (1e9, 1e9))
    store.save("y" * 1000, b"")
    late, early = store.entries()
    assert (late.key, early.key, early.used) == ("y" * 200, "sum(x)\nx: f64[n]", 1e9)
    assert early.bytes > len(DATA)
