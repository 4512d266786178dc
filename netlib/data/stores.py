"""Folders and zip archives as one thing: files to list and to read, never unpacked to disk."""

import hashlib
import mmap
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

MAX_BYTES = 4 * 2**30  # most that one zip may inflate to, unless the caller says otherwise
_LEAVES = re.compile(r"^/|^[A-Za-z]:|(^|/)\.\.(/|$)")
_SYSTEM_FOLDERS = frozenset({"__MACOSX"})


class DataError(ValueError):
    """A data set cannot be used as it is; the message is one sentence for its owner."""


class FolderStore:
    """A plain folder.

    Like `ZipStore`, it takes paths relative to it, with forward slashes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def roots(self) -> list[str]:
        """The prefixes below which a layout may lie: only the folder itself."""
        return [""]

    def has_file(self, path: str) -> bool:
        return (self.path / path).is_file()

    def has_folder(self, path: str) -> bool:
        return (self.path / path).is_dir()

    def files(self, folder: str) -> list[str]:
        """Every visible file below `folder`, relative to it, sorted."""
        return sorted(name for name, _ in self._scan(folder))

    def read(self, path: str) -> bytes:
        try:
            return (self.path / path).read_bytes()
        except OSError as error:
            raise DataError(f"{self.path / path} cannot be read: {error.strerror}.") from error

    def fingerprint(self, folder: str, file: str) -> bytes:
        """Hash of the file's bytes and of the name, size and time of all that the folder holds."""
        digest = hashlib.blake2b(self.read(file))
        for name, entry in sorted(self._scan(folder), key=lambda item: item[0]):
            stat = entry.stat()
            digest.update(f"{name}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
        return digest.digest()

    def _scan(self, folder: str, below: str = "") -> Iterator[tuple[str, os.DirEntry[str]]]:
        with os.scandir(self.path / folder / below) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    yield from self._scan(folder, f"{below}{entry.name}/")
                else:
                    yield below + entry.name, entry


class ZipStore:
    """A zip archive, read in place.

    Entries are read straight from the mapped file: for tens of thousands of tiny images
    `zipfile.ZipFile.open` costs as much as decoding them.

    Args:
        path: the archive.
        max_bytes: the most that all its entries together may inflate to.
    """

    def __init__(self, path: Path, max_bytes: int = MAX_BYTES) -> None:
        self.path = path
        self.max_bytes = max_bytes

    def roots(self) -> list[str]:
        """The prefixes below which a layout may lie: the archive's root, and one folder down."""
        top = {f.split("/")[0] for f in self._folders if f}
        return ["", *(f"{name}/" for name in sorted(top - _SYSTEM_FOLDERS))]

    def has_file(self, path: str) -> bool:
        return path in self._entries

    def has_folder(self, path: str) -> bool:
        return path in self._folders

    def files(self, folder: str) -> list[str]:
        """Every visible file below `folder`, relative to it, sorted."""
        start = f"{folder}/"
        names = (name[len(start) :] for name in self._entries if name.startswith(start))
        return sorted(name for name in names if not _is_hidden(name))

    def read(self, path: str) -> bytes:
        """One entry's content, never more than its declared size.

        Raises:
            DataError: the entry is damaged, or inflates to another size than it declares.
        """
        entry = self._entries[path]
        try:
            data = self._inflate(entry)
        except (zlib.error, struct.error, NotImplementedError) as error:
            raise DataError(f"{path} in {self.path} is damaged: {error}.") from error
        if len(data) != entry.file_size or zlib.crc32(data) != entry.CRC:
            raise DataError(f"{path} in {self.path} is damaged: size or checksum differs.")
        return data

    def fingerprint(self) -> bytes:
        """Hash of the whole archive: quicker than parsing its directory."""
        return hashlib.blake2b(self._map).digest()

    @cached_property
    def _map(self) -> mmap.mmap:
        try:
            with open(self.path, "rb") as file:
                return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:  # ValueError: an empty file
            raise DataError(f"{self.path} is no readable zip archive: {error}.") from error

    @cached_property
    def _entries(self) -> Mapping[str, zipfile.ZipInfo]:
        try:
            with zipfile.ZipFile(self.path) as archive:
                infos = [info for info in archive.infolist() if not info.is_dir()]
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise DataError(f"{self.path} is no readable zip archive: {error}.") from error
        self._check_sizes(infos)
        entries: dict[str, zipfile.ZipInfo] = {}
        for info in infos:
            name = self._safe_name(info)
            if name in entries:
                raise DataError(f"{self.path} holds two entries named {name}.")
            entries[name] = info
        return MappingProxyType(entries)

    @cached_property
    def _folders(self) -> frozenset[str]:
        parents = {name.rpartition("/")[0] for name in self._entries}
        return frozenset(
            "/".join(parts[:depth])
            for parts in (parent.split("/") for parent in parents)
            for depth in range(1, len(parts) + 1)
        )

    def _check_sizes(self, infos: Sequence[zipfile.ZipInfo]) -> None:
        total = sum(info.file_size for info in infos)
        if total > self.max_bytes:
            raise DataError(
                f"{self.path} inflates to {total:,} bytes, more than the limit of "
                f"{self.max_bytes:,}; raise max_bytes if the archive is trusted."
            )

    def _safe_name(self, info: zipfile.ZipInfo) -> str:
        name = info.orig_filename.replace("\\", "/")  # some Windows tools write backslashes
        if leaves(name) or "\0" in name:
            raise DataError(f"{self.path} has an entry that points outside the archive: {name!r}.")
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
    return name.startswith(".") or "/." in name


def leaves(name: str) -> bool:
    """Whether a path with forward slashes is absolute, has a drive letter or climbs with `..`."""
    return _LEAVES.search(name) is not None
