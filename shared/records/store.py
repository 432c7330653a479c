"""The S3 store of recordings, through boto3. Opening it, and every call, blocks, and raises `StoreError`."""

import hashlib
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from shared.messages.records import Record, RecordDetails
from shared.records import details as names
from shared.records.record_name import RecordName, parse_record_name
from shared.settings.setting_types import secret
from shared.settings.settings import Settings

CONNECT_SECONDS = 3
READ_SECONDS = 20
URL_SECONDS = 60  # for which a signed URL is valid; only control uses it
MAX_LISTED = 20_000
_ARCHIVES = ("GLACIER", "DEEP_ARCHIVE")  # GLACIER_IR is read like any other


class StoreError(Exception):
    """The store does not answer, refuses, or confirms something other than was sent. Contains no secrets."""


class Stored(NamedTuple):
    """An object in the store; `etag` without quotes."""

    size: int
    etag: str


class Store:
    """Objects whose names are `S3_PREFIX` and the name of the recording."""

    def __init__(self, settings: Settings) -> None:
        # importing boto3 costs time and memory: only where a store is used
        import boto3  # type: ignore[import-untyped]
        from botocore.config import Config  # type: ignore[import-untyped]

        self._bucket = settings.s3_bucket
        self._prefix = settings.s3_prefix
        with _named_errors():
            self._client: Any = boto3.session.Session().client(
                "s3",
                endpoint_url=_endpoint(settings),
                region_name=settings.s3_region or "us-east-1",
                aws_access_key_id=secret(settings.s3_access_key) or None,
                aws_secret_access_key=secret(settings.s3_secret_key) or None,
                use_ssl=settings.s3_use_ssl,
                config=Config(
                    signature_version="s3v4",
                    s3={"addressing_style": "path" if settings.s3_path_style else "auto"},
                    connect_timeout=CONNECT_SECONDS,
                    read_timeout=READ_SECONDS,
                    retries={"total_max_attempts": 1},  # the caller decides when to try again
                    # older stores do not support the newer checksums; all support Content-MD5
                    request_checksum_calculation="when_required",
                    response_checksum_validation="when_required",
                ),
            )

    def records(self, *, archived: bool = True) -> list[Record]:
        """All recordings in the store, in no particular order.

        Not `archived`: without those that nobody can read before they are restored.
        """
        return [
            Record(name, item["Size"], item["LastModified"].timestamp())
            for name, item in self._listed("")
            if parse_record_name(name) and (archived or item.get("StorageClass") not in _ARCHIVES)
        ]

    def find(self, name: str) -> Stored | None:
        with _named_errors(missing_ok=True):
            found = self._client.head_object(**self._object(name))
            return Stored(found["ContentLength"], found["ETag"].strip('"'))
        return None

    def url(self, name: str, method: str) -> str:
        """A URL that is valid for a short while, for GET or HEAD."""
        operation = {"GET": "get_object", "HEAD": "head_object"}[method]
        with _named_errors():
            url: str = self._client.generate_presigned_url(
                operation, Params=self._object(name), ExpiresIn=URL_SECONDS
            )
        return url

    def md5(self, name: str) -> str:
        """The hexadecimal MD5 of the object, computed from what the store returns."""
        digest = hashlib.md5(usedforsecurity=False)
        with _named_errors():
            body = self._client.get_object(**self._object(name))["Body"]
            for chunk in body.iter_chunks(1 << 20):
                digest.update(chunk)
        return digest.hexdigest()

    def read(self, name: str, first: int, size: int) -> bytes:
        """`size` bytes of an object, from the byte `first` on. The object must have them."""
        wanted = f"bytes={first}-{first + size - 1}"
        with _named_errors():
            body = self._client.get_object(**self._object(name), Range=wanted)["Body"]
            data: bytes = body.read(size)
        return data

    def delete(self, name: RecordName) -> None:
        """Delete a recording, and its details."""
        with _named_errors():
            self._client.delete_object(**self._object(name.text))
        self._delete_details(name)

    # --- what is known of the recordings' contents

    def details(self) -> list[RecordDetails]:
        """The details of all recordings in the store, in no particular order."""
        found = (
            names.parse_details_name(name, item["Size"]) for name, item in self._listed(f"{names.FOLDER}/")
        )
        return [details for details in found if details is not None]

    def picture(self, name: RecordName, width: int) -> bytes | None:
        """The still picture of a recording; None if it has none, or is not in the store."""
        stored = self.find(name.text)
        if stored is None:
            return None
        for text, details in self._details_of(name, stored.size):
            if details.has_stills:
                return names.picture_in(self.read(f"{names.FOLDER}/{text}", 0, names.MAX_BYTES), width)
        return None

    def has_details(self, name: RecordName, size: int) -> bool:
        """Whether the store has the details of a recording of `size` bytes, which itself may be gone."""
        return any(True for _ in self._details_of(name, size))

    def put_details(self, details: RecordDetails, content: bytes) -> None:
        """Store a recording's details. Details of another size stay until the recording is deleted."""
        self.put(f"{names.FOLDER}/{names.details_name(details)}", content, names.CONTENT_TYPE)

    def delete_details_if_gone(self, name: RecordName) -> None:
        """Delete the details unless the store has the recording: it may have been deleted meanwhile."""
        if self.find(name.text) is None:
            self._delete_details(name)

    def _delete_details(self, name: RecordName) -> None:
        for text, _ in self._listed(f"{names.FOLDER}/{names.details_prefix(name.text)}"):
            if names.belongs_to(text, name):
                with _named_errors():
                    self._client.delete_object(**self._object(f"{names.FOLDER}/{text}"))

    def _details_of(self, name: RecordName, size: int) -> Iterator[tuple[str, RecordDetails]]:
        for text, item in self._listed(f"{names.FOLDER}/{names.details_prefix(name.text)}"):
            details = names.parse_details_name(text, item["Size"])
            if details and details.name == name.text and details.size == size:
                yield text, details

    def _listed(self, beginning: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Each object of a folder whose name begins with the prefix, and what S3 says of it."""
        folder, slash, _ = beginning.rpartition("/")
        with _named_errors():
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket,
                Prefix=self._prefix + beginning,
                Delimiter="/",  # not what is in the folders below
                PaginationConfig={"MaxItems": MAX_LISTED},
            )
            for page in pages:
                for item in page.get("Contents", ()):
                    yield item["Key"].removeprefix(self._prefix + folder + slash), item

    # --- uploading

    def put(self, name: str, data: bytes, content_type: str) -> None:
        with _named_errors():
            self._client.put_object(
                **self._object(name), Body=data, ContentMD5=_content_md5(data), ContentType=content_type
            )

    def begin(self, name: str, content_type: str) -> str:
        """Begin an upload in parts; returns its id."""
        with _named_errors():
            begun = self._client.create_multipart_upload(**self._object(name), ContentType=content_type)
        upload: str = begun["UploadId"]
        return upload

    def parts(self, name: str, upload: str) -> dict[int, Stored] | None:
        """The parts of an upload that the store has; None when it does not know the upload."""
        with _named_errors(missing_ok=True):
            pages = self._client.get_paginator("list_parts").paginate(**self._object(name), UploadId=upload)
            return {
                part["PartNumber"]: Stored(part["Size"], part["ETag"].strip('"'))
                for page in pages
                for part in page.get("Parts", ())
            }
        return None

    def put_part(self, name: str, upload: str, number: int, data: bytes) -> Stored:
        with _named_errors():
            put = self._client.upload_part(
                **self._object(name),
                UploadId=upload,
                PartNumber=number,
                Body=data,
                ContentMD5=_content_md5(data),
            )
        return Stored(len(data), put["ETag"].strip('"'))

    def complete(self, name: str, upload: str, parts: dict[int, Stored]) -> None:
        numbered = [{"PartNumber": number, "ETag": parts[number].etag} for number in sorted(parts)]
        with _named_errors():
            self._client.complete_multipart_upload(
                **self._object(name), UploadId=upload, MultipartUpload={"Parts": numbered}
            )

    def _object(self, name: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + name}


def _endpoint(settings: Settings) -> str | None:
    endpoint = settings.s3_endpoint
    if not endpoint or "://" in endpoint:
        return endpoint or None
    return f"{'https' if settings.s3_use_ssl else 'http'}://{endpoint}"


def _content_md5(data: bytes) -> str:
    return b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


@contextmanager
def _named_errors(*, missing_ok: bool = False) -> Iterator[None]:
    """Turn errors of boto3 into `StoreError`; with `missing_ok`, a missing object just ends the block."""
    from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]

    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if not (missing_ok and code in ("404", "NoSuchKey", "NoSuchUpload", "NotFound")):
            raise StoreError(f"{error.operation_name}: {code}") from None
    except (BotoCoreError, OSError) as error:
        raise StoreError(type(error).__name__) from None
    except ValueError as error:  # of an endpoint that boto3 does not take, which `AWS_ENDPOINT_URL` may name
        raise StoreError(str(error)) from None
