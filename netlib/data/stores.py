"""Folders and zip archives as one thing: files to list and to read, never unpacked to disk."""

import io
import mmap
import os
import re
import reprlib
import stat
import struct
import zipfile
import zlib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

MAX_BYTES = 4 * 2**30  # most that one zip may inflate to
MAX_FILE_BYTES = 2**26  # of one image or CSV: 64 MB are a table of more than a million rows
MAX_INNER_BYTES = 2**30  # of a zip in a zip, which is held in memory
MAX_ENTRIES = 2_000_000
_LEAVES = re.compile(r"^/|^[A-Za-z]:|(^|/)\.\.(/|$)")


class DataError(ValueError):
    """A data set cannot be used as it is; the message is one sentence for its owner."""


class FolderStore:
    """A plain folder.

    Like `ZipStore`, it takes paths relative to it, with forward slashes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def files(self, folder: str) -> list[str]:
        """Every visible file below `folder`, relative to it, sorted."""
        found: list[str] = []
        folders, count = [""], 0
        while folders:
            below = folders.pop()
            where = self.path / folder / below
            try:
                with os.scandir(where) as entries:
                    for entry in entries:
                        if _is_hidden(f"{entry.name}/"):
                            continue
                        count += 1
                        if entry.is_dir():
                            folders.append(f"{below}{entry.name}/")
                        else:
                            found.append(below + entry.name)
            except OSError as error:
                raise DataError(f"{where} cannot be listed: {error.strerror}.") from error
            if count > MAX_ENTRIES:
                raise DataError(
                    f"{self.path} holds more than {MAX_ENTRIES:,} files; name the folder of the "
                    "data set alone."
                )
        return sorted(found)

    def read(self, path: str) -> bytes:
        """A file's content."""
        try:
            check_file(self.path / path, MAX_FILE_BYTES)
            return (self.path / path).read_bytes()
        except OSError as error:
            raise DataError(f"{self.path / path} cannot be read: {error.strerror}.") from error


def check_file(path: Path, max_bytes: int) -> None:
    """Refuse what is no regular file (a pipe would wait, a device never end), or is too large.

    Raises:
        DataError: it is one of these.
        OSError: it is missing or out of reach.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        kinds = {stat.S_ISDIR: "folder", stat.S_ISFIFO: "pipe", stat.S_ISSOCK: "socket"}
        kind = next((name for test, name in kinds.items() if test(found.st_mode)), "device")
        raise DataError(
            f"{path} is a {kind}; expected a regular file: copy its content into one, or remove it."
        )
    if found.st_size > max_bytes:
        raise DataError(
            f"{path} has {found.st_size:,} bytes; expected at most {max_bytes:,}: remove or "
            "shrink it."
        )


class ZipStore:
    """A zip archive, read in place.

    Entries are read straight from the mapped file: for tens of thousands of tiny images
    `zipfile.ZipFile.open` costs as much as decoding them.

    Args:
        path: the archive; a name for messages where `content` is given.
        content: the archive's bytes, where it lies in another one.
    """

    def __init__(self, path: Path, content: bytes | None = None) -> None:
        self.path = path
        self._content = content

    def files(self, folder: str) -> list[str]:
        """Every visible file below `folder`, relative to it, sorted."""
        start = f"{folder}/" if folder else ""
        names = (name[len(start) :] for name in self._entries if name.startswith(start))
        return sorted(name for name in names if not _is_hidden(name))

    def read(self, path: str) -> bytes:
        """One entry's content, never more than its declared size."""
        entry = self._entries[path]
        limit = MAX_INNER_BYTES if path.lower().endswith(".zip") else MAX_FILE_BYTES
        if entry.file_size > limit:
            raise DataError(
                f"{path} in {self.path} has {entry.file_size:,} bytes; expected at most "
                f"{limit:,}: remove or shrink it."
            )
        try:
            data = self._inflate(entry)
        except (zlib.error, struct.error, NotImplementedError, OSError) as error:
            raise DataError(f"{path} in {self.path} is damaged: {error}.") from error
        if len(data) != entry.file_size or zlib.crc32(data) != entry.CRC:
            raise DataError(f"{path} in {self.path} is damaged: size or checksum differs.")
        return data

    def size(self, path: str) -> int:
        """Bytes that an entry declares; `read` gives no others."""
        return self._entries[path].file_size

    @cached_property
    def _map(self) -> mmap.mmap | bytes:
        if self._content is not None:
            return self._content
        with open(self.path, "rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    @cached_property
    def _entries(self) -> Mapping[str, zipfile.ZipInfo]:
        try:
            if self._content is None:
                check_file(self.path, MAX_BYTES)
            source = self.path if self._content is None else io.BytesIO(self._content)
            with zipfile.ZipFile(source) as archive:
                infos = archive.infolist()
        except DataError:
            raise
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise DataError(f"{self.path} is no readable zip archive: {error}.") from error
        total = sum(info.file_size for info in infos)
        if total > MAX_BYTES or len(infos) > MAX_ENTRIES:
            raise DataError(
                f"{self.path} inflates to {total:,} bytes in {len(infos):,} entries, more than "
                f"the limit of {MAX_BYTES:,} in {MAX_ENTRIES:,}: make a smaller archive."
            )
        entries: dict[str, zipfile.ZipInfo] = {}
        for info in infos:
            name = self._safe_name(info)
            if info.is_dir():
                continue
            if name in entries:
                raise DataError(f"{self.path} holds two entries named {name}.")
            entries[name] = info
        return MappingProxyType(entries)

    def _safe_name(self, info: zipfile.ZipInfo) -> str:
        name = info.orig_filename.replace("\\", "/")  # some Windows tools write backslashes
        if leaves(name) or "\0" in name:
            raise DataError(
                f"{self.path} has an entry that points outside the archive: {reprlib.repr(name)}."
            )
        if info.flag_bits & 0x1:
            raise DataError(
                f"{name} in {self.path} is encrypted; give an archive without password."
            )
        return name.removeprefix("./")

    def _inflate(self, entry: zipfile.ZipInfo) -> bytes:
        """Reads behind the local header (30 bytes, name, extra field; APPNOTE.TXT 4.3.7)."""
        offset = entry.header_offset
        header = self._map[offset : offset + 30]
        if header[:4] != b"PK\x03\x04":
            raise struct.error("its local header is missing")
        name_length, extra_length = struct.unpack("<HH", header[26:30])
        name = self._map[offset + 30 : offset + 30 + name_length]
        if name != entry.orig_filename.encode("utf-8" if entry.flag_bits & 0x800 else "cp437"):
            raise struct.error("its local header has another name than the archive's directory")
        start = offset + 30 + name_length + extra_length
        packed = self._map[start : start + entry.compress_size]
        if entry.compress_type == zipfile.ZIP_STORED:
            return packed
        if entry.compress_type == zipfile.ZIP_DEFLATED:
            # One byte more than declared is enough to notice an entry that lies about its size.
            return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, entry.file_size + 1)
        raise NotImplementedError(
            f"compression method {entry.compress_type} is not supported (use stored or deflate)"
        )


Store = FolderStore | ZipStore


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "__MACOSX/")) or "/." in name or "/__MACOSX/" in name


def leaves(name: str) -> bool:
    """Whether a path with forward slashes is absolute, has a drive letter or climbs with `..`."""
    return _LEAVES.search(name) is not None
