"""Bounds of what messages hold, where other code relies on them."""

from typing import Annotated

from msgspec import Meta

# A float without other bounds has these: JSON, dates and comparisons rely on that.
Finite = Annotated[float, Meta(ge=-(2.0**1023), le=2.0**1023)]
# Until the year 4147: every calendar and wire format can hold it.
UnixTime = Annotated[float, Meta(ge=0, lt=2**36)]
Count = Annotated[int, Meta(ge=0)]
# A measured share or rate.
Figure = Annotated[float, Meta(ge=0, lt=2**53)]
# Goes into URLs and headers as it is.
UrlText = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,200}\Z")]
