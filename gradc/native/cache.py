"""Kernels on disk: byte strings by a text that says all they depend on.

Nothing that goes wrong here reaches the caller: a kernel that cannot be read is compiled, one that cannot be written is
compiled again the next time. `GRADC_CACHE` moves the directory, and `GRADC_CACHE=off` does without.

Object code runs with the rights of whoever loads it, so nobody else may have written it: the directory and its entries
belong to the user and are writable by nobody else, and what lies above cannot be exchanged by others either.
"""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Iterator
from hashlib import sha256

from gradc.language.record import dataclass

VARIABLE = "GRADC_CACHE"
LIMIT = 256 * 2**20
"""How many bytes the entries may take together; beyond it the oldest ones go."""
KEPT = 0.75
"""What part of the limit is left after that."""
TRIM_EVERY = 16
"""One of so many entries, by chance, has the total measured when it is written."""
TOUCH_AFTER = 86_400.0
"""After how many seconds the use of an entry counts as new: oldest means longest not used, to within a day."""
ABANDONED_AFTER = 3_600.0
"""After how many seconds the unfinished file of a process that was killed is removed."""

MAGIC = b"gradc kernel 1\n"
DIGEST = 32
HEAD = len(MAGIC) + DIGEST + 8
SUFFIX, UNFINISHED = ".kernel", ".part"
SHOWN_KEY = 200
"""How much of a key a listing reads."""


@dataclass(frozen=True)
class KeptKernel:
    """A kernel on disk: its file, what it takes, when it was last used (seconds since 1970), how its key begins."""

    path: str
    bytes: int
    used: float
    key: str


class KernelStore:
    """A directory of byte strings. Any number of processes and threads may share it."""

    def __init__(self, limit: int = LIMIT):
        self.limit = limit
        self._trusted: set[str] = set()
        """Directories that are there, below directories that others cannot exchange."""

    # ------------------------------------------------------------ what it is for

    def load(self, key: str) -> bytes | None:
        """What was saved under this key, if it can be trusted."""
        try:
            place = self._usable()
            return self._load(_file(place, key), key) if place else None
        except Exception:
            return None

    def save(self, key: str, data: bytes) -> None:
        """Keep `data` under this key for later processes, if that is possible."""
        try:
            place = self._usable(make=True)
            if place and len(data) + len(key) + HEAD <= self.limit:
                self._save(_file(place, key), key, data)
                if int(_name(key)[:8], 16) % TRIM_EVERY == 0:
                    self.trim()
        except Exception:
            pass

    # ------------------------------------------------------------ where it is

    def place(self, make: bool = False) -> tuple[str | None, str | None]:
        """The directory, and why it cannot be used; None for a reason where it can. It need not exist yet."""
        wanted, why_not = wanted_place()
        if wanted is None or why_not:
            return wanted, why_not
        found = _looked_at(wanted)
        if found is None or wanted not in self._trusted:
            why_not = _distrusted_above(wanted)
            if why_not:
                return wanted, why_not
            if found is None and make:
                try:
                    os.makedirs(wanted, mode=0o700, exist_ok=True)
                except OSError as error:
                    return wanted, f"{wanted} cannot be made: {error.strerror}"
                found = _looked_at(wanted)
            if found is not None:
                self._trusted.add(wanted)
        if found is None:
            return wanted, None
        return wanted, _distrusted(wanted, found) if stat.S_ISDIR(found.st_mode) else f"{wanted} is no directory"

    def _usable(self, make: bool = False) -> str | None:
        place, why_not = self.place(make)
        return None if why_not else place

    def why_not_written(self) -> str | None:
        """Why new kernels are not kept; None if they are."""
        place, why_not = self.place()
        if place is None or why_not:
            return why_not
        while not os.path.exists(place):
            place = os.path.dirname(place)
        if not os.access(place, os.W_OK | os.X_OK):
            return f"{place} is read-only"
        disk = os.statvfs(place) if hasattr(os, "statvfs") else None
        return "the disk is full" if disk and disk.f_blocks and disk.f_bavail == 0 else None

    # ------------------------------------------------------------ what is in it

    def entries(self) -> list[KeptKernel]:
        """Every entry, the last used first."""
        found = [KeptKernel(path, size, used, _key_of(path)) for path, size, used in _files(self._usable())]
        return sorted(found, key=lambda entry: -entry.used)

    def totals(self) -> tuple[int, int]:
        """How many entries there are, and their bytes."""
        sizes = [size for _, size, _ in _files(self._usable())]
        return len(sizes), sum(sizes)

    def clear(self) -> tuple[int, int]:
        """Remove every entry, and what killed processes left behind; how many entries that were, and their bytes."""
        place = self._usable()
        removed = [size for path, size, _ in _files(place) if _remove(path)]
        for path, _, _ in _files(place, UNFINISHED):
            _remove(path)
        return len(removed), sum(removed)

    def trim(self) -> None:
        """Remove the entries that were not used for longest where all together take more than the limit."""
        place = self._usable()
        for path, _, written in _files(place, UNFINISHED):
            if time.time() - written > ABANDONED_AFTER:
                _remove(path)
        found = sorted(_files(place), key=lambda file: file[2])
        total = sum(size for _, size, _ in found)
        if total > self.limit:
            for path, size, _ in found:
                if total <= KEPT * self.limit:
                    break
                if _remove(path):
                    total -= size

    # ------------------------------------------------------------ one entry

    def _load(self, path: str, key: str) -> bytes | None:
        try:
            handle = os.open(path, os.O_RDONLY | _flag("O_NOFOLLOW") | _flag("O_NONBLOCK") | _flag("O_BINARY"))
        except OSError:
            return None
        with open(handle, "rb", buffering=0) as file:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode) or _distrusted(path, found):
                return None
            content = file.read(found.st_size)
        data = _unpacked(content, key)
        if data is None:
            say(f"the kernel in {path} is damaged: it is compiled again")
            _remove(path)
        elif time.time() - found.st_mtime > TOUCH_AFTER:
            os.utime(path)
        return data

    def _save(self, path: str, key: str, data: bytes) -> None:
        """Write beside the entry, then rename: a reader sees all of it or nothing."""
        unfinished = f"{path[: -len(SUFFIX)]}.{os.urandom(8).hex()}{UNFINISHED}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _flag("O_NOFOLLOW") | _flag("O_BINARY")
        handle = os.open(unfinished, flags, 0o600)
        try:
            with open(handle, "wb") as file:
                file.write(_packed(key, data))
            os.replace(unfinished, path)
        except BaseException:
            _remove(unfinished)
            raise


# ---------------------------------------------------------------- the directory


def wanted_place() -> tuple[str | None, str | None]:
    """The directory that the environment asks for, and why there is none."""
    setting = os.environ.get(VARIABLE, "")
    if setting == "off":
        return None, f"{VARIABLE} is off"
    try:
        return os.path.realpath(os.path.expanduser(setting) if setting else user_cache_dir()), None
    except (OSError, ValueError, LookupError) as error:
        return None, str(error)


def user_cache_dir() -> str:
    """What `platformdirs` says for "gradc", which takes longer to import than a kernel takes to load."""
    if sys.platform != "linux":
        import platformdirs

        return platformdirs.user_cache_dir("gradc", appauthor=False)
    chosen = os.environ.get("XDG_CACHE_HOME", "").strip()
    if os.path.isabs(chosen):
        return os.path.join(chosen, "gradc")
    home = os.path.expanduser("~")
    if not os.path.isdir(home):
        raise LookupError(f"there is no home directory {home}")
    return os.path.join(home, ".cache", "gradc")


def _looked_at(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except OSError:
        return None


def _distrusted(path: str, found: os.stat_result) -> str | None:
    """Why others may have written what is there; None if they cannot have."""
    if not hasattr(os, "geteuid"):
        return None
    if found.st_uid != os.geteuid():
        return f"{path} belongs to another user"
    if found.st_mode & 0o022:
        return f"others can write to {path}"
    return None


def _distrusted_above(path: str) -> str | None:
    """Why others may exchange a directory for one of theirs; None if they cannot.

    That takes the right to write to one above it, unless it is sticky as `/tmp` is. A group of the same number as its
    user has no other members.
    """
    if not hasattr(os, "geteuid"):
        return None
    above = os.path.dirname(path)
    while above != os.path.dirname(above):
        found = _looked_at(above)
        if found is not None:  # otherwise it is made with the directory
            if found.st_uid not in (0, os.geteuid()):
                return f"{above} belongs to another user"
            by_group = found.st_mode & stat.S_IWGRP and found.st_gid != found.st_uid
            if (by_group or found.st_mode & stat.S_IWOTH) and not found.st_mode & stat.S_ISVTX:
                return f"others can write to {above}"
        above = os.path.dirname(above)
    return None


def _files(place: str | None, suffix: str = SUFFIX) -> Iterator[tuple[str, int, float]]:
    """Path, bytes and time of last use of each file of ours."""
    if place is None:
        return
    try:
        with os.scandir(place) as found:
            files = [file for file in found if file.name.endswith(suffix)]
    except OSError:
        return
    for file in files:
        try:
            about = file.stat(follow_symlinks=False)
        except OSError:
            continue  # another process has just removed it
        if _is_ours(file.name) and stat.S_ISREG(about.st_mode):
            yield file.path, about.st_size, about.st_mtime


def _is_ours(name: str) -> bool:
    stem = name.partition(".")[0]
    return len(stem) == 2 * DIGEST and set(stem) <= set("0123456789abcdef")


def _remove(path: str) -> bool:
    """Whether this call removed it."""
    try:
        os.unlink(path)
    except OSError:
        return False
    return True


def _flag(name: str) -> int:
    """A flag of `os.open`, where the system has it."""
    return getattr(os, name, 0)


def say(text: str) -> None:
    """A word on standard error."""
    try:
        print(f"gradc: {text}", file=sys.stderr)
    except (OSError, ValueError):
        pass  # it is closed


# ---------------------------------------------------------------- what a file holds


def _name(key: str) -> str:
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _file(place: str, key: str) -> str:
    return os.path.join(place, _name(key) + SUFFIX)


def _packed(key: str, data: bytes) -> bytes:
    """Magic, the digest of what follows, the length of the key, the key, the data."""
    text = key.encode("utf-8", "surrogatepass")
    body = len(text).to_bytes(8, "little") + text + data
    return MAGIC + sha256(body).digest() + body


def _unpacked(content: bytes, key: str) -> bytes | None:
    """The data of a file for this very key; None if the file is not whole."""
    text = key.encode("utf-8", "surrogatepass")
    body = memoryview(content)[len(MAGIC) + DIGEST :]
    start = 8 + len(text)
    whole = (
        content.startswith(MAGIC)
        and len(content) >= HEAD + len(text)
        and sha256(body).digest() == content[len(MAGIC) : len(MAGIC) + DIGEST]
        and body[:start] == len(text).to_bytes(8, "little") + text
    )
    return bytes(body[start:]) if whole else None


def _key_of(path: str) -> str:
    """How the key of an entry begins."""
    try:
        with open(path, "rb") as file:
            head = file.read(HEAD)
            length = int.from_bytes(head[len(MAGIC) + DIGEST :], "little")
            return file.read(min(length, SHOWN_KEY)).decode("utf-8", "replace") if head.startswith(MAGIC) else ""
    except OSError:
        return ""


store = KernelStore()
"""Where this process keeps its kernels."""
