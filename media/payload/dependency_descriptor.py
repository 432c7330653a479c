"""The dependency descriptor, a header extension: which layer a frame of any codec belongs to.

AV1 RTP specification, appendix A. Only what says which frames can be left out is read.
"""

from typing import NamedTuple

from media.payload.bits import BitReader
from media.payload.picture import DepacketizeError

_MANDATORY = 3  # bytes: start, end, template id; frame number
_TEMPLATE_IDS = 64
_START = 0x80  # of the first byte
_HAS_STRUCTURE = 0x80  # of the byte after the mandatory ones
_HAS_TARGETS, _OWN_INDICATIONS = 0x40, 0x20
_FLAGS = 5  # bits
_NEXT_TEMPORAL, _NEXT_SPATIAL, _NO_MORE = 1, 2, 3  # next_layer_idc
_SWITCH = 2  # a decode target can be decoded from this frame on


class Template(NamedTuple):
    """What the frames of one template have in common. `indications` has one for each decode target."""

    temporal: int
    indications: tuple[int, ...]


class Structure(NamedTuple):
    """The templates of a coded video sequence; it comes with the first packet of a keyframe."""

    first_id: int
    targets: int  # how many decode targets there are
    templates: tuple[Template, ...]
    sizes: int = 1  # spatial layers: pictures of several sizes in one stream

    @property
    def top(self) -> int:
        """The highest temporal layer."""
        return max(template.temporal for template in self.templates)


def has_structure(value: bytes) -> bool:
    return len(value) > _MANDATORY and value[_MANDATORY] & _HAS_STRUCTURE != 0


def structure(value: bytes) -> Structure:
    """The structure in a descriptor that `has_structure`. Raises `DepacketizeError` for one that is cut."""
    reader = _reader_behind_flags(value)
    first_id, targets = reader.read(6), reader.read(5) + 1
    layers, sizes = _template_layers(reader)
    indications = [tuple(reader.read(2) for _ in range(targets)) for _ in layers]
    return Structure(first_id, targets, tuple(map(Template, layers, indications)), sizes)


def temporal_layer(value: bytes, known: Structure) -> int | None:
    """The temporal layer of a packet's frame; None if `known` has no such template."""
    template = _template(value, known)
    return None if template is None else template.temporal


def is_switch(value: bytes, known: Structure) -> bool:
    """Whether a frame of the lowest temporal layer starts, and all decode targets are decodable from it on.

    Then a receiver that has decoded that layer alone can go on with all layers. False for one that is cut.
    """
    template = _template(value, known)
    if template is None or template.temporal or not value[0] & _START:
        return False
    if has_structure(value):
        return True  # a keyframe
    indications = template.indications
    if len(value) > _MANDATORY and value[_MANDATORY] & _OWN_INDICATIONS:
        try:
            indications = _own_indications(value, known)
        except DepacketizeError:
            return False
    return all(indication == _SWITCH for indication in indications)


def _template(value: bytes, known: Structure) -> Template | None:
    if len(value) < _MANDATORY:
        return None
    place = (value[0] - known.first_id) % _TEMPLATE_IDS
    return known.templates[place] if place < len(known.templates) else None


def _reader_behind_flags(value: bytes) -> BitReader:
    reader = BitReader(value[_MANDATORY:])
    reader.read(_FLAGS)
    return reader


def _own_indications(value: bytes, known: Structure) -> tuple[int, ...]:
    reader = _reader_behind_flags(value)
    if value[_MANDATORY] & _HAS_TARGETS:
        reader.read(known.targets)
    return tuple(reader.read(2) for _ in range(known.targets))


def _template_layers(reader: BitReader) -> tuple[list[int], int]:
    """The temporal layer of each template, and how many spatial layers there are."""
    temporal, sizes = 0, 1
    layers = []
    for _ in range(_TEMPLATE_IDS):
        layers.append(temporal)
        following = reader.read(2)
        if following == _NO_MORE:
            return layers, sizes
        if following == _NEXT_TEMPORAL:
            temporal += 1
        elif following == _NEXT_SPATIAL:
            temporal, sizes = 0, sizes + 1
    raise DepacketizeError("too many templates")
