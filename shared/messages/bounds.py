"""Bounds of what messages hold, where other code relies on them.

Each is said twice: to pydantic, which reads maps, and to msgspec, which reads bytes.
"""

from typing import Annotated

from msgspec import Meta
from pydantic import Field

# Until the year 4147: every calendar and wire format can hold it.
UnixTime = Annotated[float, Field(ge=0, lt=2**36), Meta(ge=0, lt=2**36)]
Count = Annotated[int, Field(ge=0), Meta(ge=0)]
# A measured share or rate.
Figure = Annotated[float, Field(ge=0, lt=2**53), Meta(ge=0, lt=2**53)]
# Goes into URLs and headers as it is.
UrlText = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,200}$")]
