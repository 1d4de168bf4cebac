"""The operator's metadata blob on disk. It is read at start, and again when the file has changed: it has to be renewed
every few weeks, and nobody should have to restart for that.

At start a file that can't be believed refuses, as every setting does. Later it is passed over, loudly: the one that was
believed before stays until it is stale. A blob with a lower number than that one is passed over too, so that nobody
brings back a list that does not know of a revocation yet. Across restarts and machines `believe` (store.py) sees to it.
"""

import threading
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import structlog

from authsvc.factors.passkey.metadata import BlobRefused, Metadata, read_blob
from authsvc.settings import SettingsProblem

log = structlog.get_logger(__name__)

BLOB_SETTING = "AUTHSVC_PASSKEYS__METADATA_BLOB"
ROOT_SETTING = "AUTHSVC_PASSKEYS__METADATA_ROOT"


class MetadataSource(Protocol):
    def current(self, now: datetime) -> Metadata | None:
        """Return the metadata to believe; None where the operator gave none."""
        ...


@dataclass(frozen=True)
class NoMetadata:
    """Stands in where none is configured."""

    def current(self, now: datetime) -> Metadata | None:  # noqa: ARG002  # as every MetadataSource
        return None


NO_METADATA = NoMetadata()


class MetadataFile:
    """A blob and its root, as files."""

    def __init__(self, blob: Path, root: Path, signer: str, now: datetime) -> None:
        """Raises SettingsProblem: one of the files can't be read or believed."""
        self._blob, self._root, self._signer = blob, root, signer
        self._lock = threading.Lock()
        try:
            self._seen = self._stamp()
            self._metadata = self._read(now)
        except (OSError, BlobRefused) as problem:
            setting = ROOT_SETTING if isinstance(problem, OSError) and problem.filename == str(root) else BLOB_SETTING
            raise SettingsProblem(f"authsvc can't start:\n  {setting}: {blob}: {problem}") from problem
        if self._metadata.is_stale(now):
            log.warning("passkey.metadata_stale", next_update=self._metadata.next_update.isoformat())

    def current(self, now: datetime) -> Metadata:
        with self._lock:
            try:
                if (stamp := self._stamp()) != self._seen:
                    self._seen = stamp
                    self._renew(self._read(now))
            except (OSError, BlobRefused) as problem:
                log.error("passkey.metadata_refused", reason=str(problem))
            return self._metadata

    def _renew(self, read: Metadata) -> None:
        if read.number < self._metadata.number:
            log.error("passkey.metadata_refused", reason="it is older than the one before", number=read.number)
            return
        self._metadata = read

    def _read(self, now: datetime) -> Metadata:
        return read_blob(self._blob.read_bytes(), root=self._root.read_bytes(), signer=self._signer, now=now)

    def _stamp(self) -> tuple[int, int, int, int]:
        blob, root = self._blob.stat(), self._root.stat()
        return blob.st_mtime_ns, blob.st_size, root.st_mtime_ns, root.st_size


def open_metadata(blob: Path | None, root: Path | None, signer: str, now: datetime) -> MetadataSource:
    """Open what the settings name; they insist on both or neither. Raises SettingsProblem."""
    return NO_METADATA if blob is None or root is None else MetadataFile(blob, root, signer, now)
