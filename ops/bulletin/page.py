"""A document as one HTML file that needs nothing else: it opens from a mail or a stick, without a network."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from ops.bulletin.document import SOURCE, Document

_TEMPLATES = Environment(
    loader=PackageLoader("ops.bulletin"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


def page(document: Document) -> bytes:
    """Write the page (UTF-8). Every value is escaped by the template engine."""
    return _TEMPLATES.get_template("bulletin.html.j2").render(document=document, source=SOURCE).encode()
