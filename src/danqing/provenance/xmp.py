"""Reads and updates XMP packets, the RDF metadata of picture files. Properties of other programs are kept."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple
from xml.dom import minidom
from xml.parsers.expat import ExpatError

MAX_BYTES = 2_000_000
"""Longest packet that is parsed."""
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"

_BEGIN = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
_END = '<?xpacket end="w"?>'
_EMPTY = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}"></rdf:RDF></x:xmpmeta>'


class Property(NamedTuple):
    """Name of an XMP property."""

    namespace: str
    prefix: str
    name: str


AIGC_LABEL = Property("http://www.tc260.org.cn/ns/AIGC/1.0/", "TC260", "AIGC")
SOURCE_TYPE = Property("http://iptc.org/std/Iptc4xmpExt/2008-02-29/", "Iptc4xmpExt", "DigitalSourceType")
RECIPE = Property("urn:danqing:xmp:1.0:", "danqing", "Recipe")


def read_properties(packet: bytes) -> dict[Property, str]:
    """Return the values of the properties above that a packet has; empty for a damaged packet.

    A property is an element or an attribute of rdf:Description.
    """
    document = _parse(packet)
    if document is None:
        return {}
    values: dict[Property, str] = {}
    for wanted in (AIGC_LABEL, SOURCE_TYPE, RECIPE):
        for element in document.getElementsByTagNameNS(wanted.namespace, wanted.name):
            values.setdefault(wanted, _text(element))
        for description in _descriptions(document):
            if description.hasAttributeNS(wanted.namespace, wanted.name):
                values.setdefault(wanted, description.getAttributeNS(wanted.namespace, wanted.name))
    return values


def update_packet(packet: bytes | None, values: Mapping[Property, str]) -> bytes:
    """Return a packet with some properties set and all others unchanged.

    Args:
        packet: the packet of a file; None, or a damaged packet, for a new one.
        values: texts by property.
    """
    document = (_parse(packet) if packet else None) or minidom.parseString(_EMPTY)
    for wanted in values:
        _remove(document, wanted)
    parent = next(iter(document.getElementsByTagNameNS(RDF, "RDF")))
    about = next((d.getAttributeNS(RDF, "about") for d in _descriptions(document)), "")
    description = document.createElementNS(RDF, "rdf:Description")
    description.setAttribute("xmlns:rdf", RDF)
    description.setAttribute("rdf:about", about)
    for wanted, value in values.items():
        description.setAttribute(f"xmlns:{wanted.prefix}", wanted.namespace)
        element = document.createElementNS(wanted.namespace, f"{wanted.prefix}:{wanted.name}")
        element.appendChild(document.createTextNode(value))
        description.appendChild(element)
    parent.appendChild(description)
    root = document.documentElement
    assert root is not None, "a parsed document has a root element"
    return f"{_BEGIN}{root.toxml()}{_END}".encode()


def _parse(packet: bytes) -> minidom.Document | None:
    """Parse a packet; None if it is too long, not XML, or has no rdf:RDF."""
    if len(packet) > MAX_BYTES:
        return None
    try:
        document = minidom.parseString(packet.strip(b"\0 \t\r\n"))
    except (ExpatError, ValueError, LookupError):
        return None
    return document if document.getElementsByTagNameNS(RDF, "RDF") else None


def _remove(document: minidom.Document, unwanted: Property) -> None:
    """Remove a property, and descriptions that are empty without it."""
    for element in list(document.getElementsByTagNameNS(unwanted.namespace, unwanted.name)):
        if element.parentNode is not None:
            element.parentNode.removeChild(element)
    for description in list(_descriptions(document)):
        if description.hasAttributeNS(unwanted.namespace, unwanted.name):
            description.removeAttributeNS(unwanted.namespace, unwanted.name)
        if _is_empty(description) and description.parentNode is not None:
            description.parentNode.removeChild(description)


def _is_empty(description: minidom.Element) -> bool:
    names = description.attributes.keys()
    properties = [name for name in names if not name.startswith("xmlns") and not name.endswith(":about")]
    return not properties and not any(isinstance(child, minidom.Element) for child in description.childNodes)


def _descriptions(document: minidom.Document) -> Iterator[minidom.Element]:
    yield from document.getElementsByTagNameNS(RDF, "Description")


def _text(element: minidom.Element) -> str:
    return "".join(child.data for child in element.childNodes if isinstance(child, minidom.Text))
