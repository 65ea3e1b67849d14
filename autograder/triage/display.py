"""What a student's cell may show on the instructor's page: text and pictures, and nothing that runs.

Formgrader and feedback put outputs and rendered texts on the page as they are, so they are cleaned before. Tags and
attributes go through bleach, as in nbconvert's SanitizeHTML, with a list of tags that keeps tables and formatting.
"""

import base64
import binascii
import html
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import unquote

import bleach
from nbconvert.filters.markdown_mistune import InvalidNotebook, IPythonRenderer, MarkdownWithMath
from nbconvert.filters.strings import strip_files_prefix
from nbformat import NotebookNode
from nbformat.v4 import new_output

from autograder.triage.cells import clean_text, whole_number
from autograder.triage.sentences import Sentences, printable

MAX_TEXT = 2**20  # characters of text in one cell's outputs
MAX_PICTURES = 4 * 2**20  # characters of pictures in one cell's outputs
MAX_HTML = 2**16  # characters of one HTML output, and eight times that in a notebook: cleaning takes 3 s per million
MAX_MARKDOWN = 16_000  # characters of one text that is rendered, and ten times that in a notebook: mistune is quadratic
MAX_UNRENDERED = 200_000
MAX_ALT = 4000  # characters
_MAX_ATTACHMENTS = 16 * 2**20
_MAX_NESTING = 50
_MAX_STEPS = 20_000_000  # half a second
_LINE = 500
_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_TEXTS = ("text/plain", "text/latex")
_ERROR = ("ename", "evalue")


def _words(names: str) -> frozenset[str]:
    return frozenset(names.split())


_TAGS = _words(
    "a abbr acronym b blockquote br caption center cite code col colgroup dd del details dfn div dl dt em figcaption "
    "figure font h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp small span strike strong sub summary "
    "sup table tbody td tfoot th thead tr tt u ul var"
)
_RENDERED_TAGS = _TAGS | {"input"}  # of task lists
_VOID = {"br", "col", "hr", "img", "input", "wbr"}
_OPTIONAL_END = {"p", "li", "td", "th", "tr", "thead", "tbody", "tfoot", "dt", "dd", "colgroup"}
_ATTRIBUTES = _words(
    "title alt align valign width height border colspan rowspan start open color size face scope type disabled checked "
    "id class style href src"
)
_SAFE_STYLE = re.compile(
    r"(?:\s*+(?:color|background(?:-color)?|text-(?:align|decoration)|font-(?:size|style|weight|family)|width|height|"
    r"(?:margin|padding|border)(?:-\w+)*|vertical-align|max-(?:width|height))\s*+:"
    r"(?:rgba?\([\d\s.,%]*+\)|[\w\s#%.,-])*+(?:;|$))*+\s*+",
    re.IGNORECASE,
)
_ADDRESSES = ("href", "src")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_SAFE_SCHEMES = {"http", "https", "mailto", "attachment"}
_PROTOCOLS = _SAFE_SCHEMES | {"data"}  # what stands behind data: is looked at before
_DATA_PICTURE = re.compile(r"data:image/(?:png|jpeg|jpg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=]*")
_PICTURE_ALONE = re.compile(r'<img alt="[^"<>]*" src="data:image/png;base64,[A-Za-z0-9+/=]*">')
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)(?![a-zA-Z0-9])([^<>]*)>")
_ACTIVE = re.compile(
    r"<\s*(script|iframe|object|embed|form|input|button|link|meta|base|svg|math|video|audio)\b|\bon\w+\s*=|javascript:",
    re.IGNORECASE,
)
_DROPPED = re.compile(r"<(/?)(script|style)\b[^<>]*>?", re.IGNORECASE)
_NEEDS_RENDERING = re.compile(r"[<&\[]|mermaid", re.IGNORECASE)
_SVG_TAGS = _words(
    "svg g defs path rect circle ellipse line polyline polygon text tspan clipPath use image style title desc metadata "
    "linearGradient radialGradient stop pattern symbol mask marker RDF Work type date format creator Agent"
)


class Cleaner:
    """Cleans what one notebook shows; says in `said` what a reader would miss."""

    def __init__(self, said: Sentences) -> None:
        self.said = said
        self.html_left, self.markdown_left, self.pasted_left = 8 * MAX_HTML, 10 * MAX_MARKDOWN, 4 * MAX_PICTURES

    def outputs(self, found: list, place: str) -> list[NotebookNode]:
        """The outputs of a code cell that can be shown, well-formed and harmless."""
        budget = {"text": MAX_TEXT, "pictures": MAX_PICTURES}
        kept = []
        for raw in found:
            output = self._output(raw, place, budget) if isinstance(raw, dict) else None
            if output is not None:
                kept.append(output)
            elif not isinstance(raw, dict) or raw.get("data") != {}:
                self.said.add("outputs lost", place)
        return kept

    def _output(self, raw: dict, place: str, budget: dict[str, int]) -> NotebookNode | None:
        kind = raw.get("output_type")
        if kind == "stream":
            text = self._cut(_text(raw.get("text")), place, budget)
            name = "stderr" if raw.get("name") == "stderr" else "stdout"
            return None if text is None else new_output("stream", name=name, text=text)
        if kind == "error":
            lines = raw.get("traceback") if isinstance(raw.get("traceback"), list) else []
            trace = self._cut("\n".join(line for line in lines if isinstance(line, str)), place, budget) or ""
            name, value = (clean_text((_text(raw.get(key)) or "")[:10_000], place, self.said) for key in _ERROR)
            return new_output("error", ename=name, evalue=value, traceback=trace.split("\n"))
        if kind in ("execute_result", "display_data") and isinstance(raw.get("data"), dict):
            data = self._data(raw["data"], place, budget)
            if not data:
                return None
            output = new_output(kind, data=data, metadata=_sizes_and_alt(raw.get("metadata"), data))
            if kind == "execute_result":
                output.execution_count = whole_number(raw.get("execution_count"))
            return output
        return None

    def _cut(self, text: str | None, place: str, budget: dict[str, int]) -> str | None:
        if text is None:
            return None
        if len(text) > budget["text"]:
            self.said.add("outputs cut", place)
            text = text[: budget["text"]] + "\n... (cut)"
        budget["text"] = max(0, budget["text"] - len(text))
        return clean_text(text, f"the output of {place}", self.said)

    def _data(self, found: Mapping[str, Any], place: str, budget: dict[str, int]) -> dict[str, str]:
        data = {}
        if any(isinstance(mime, str) and "javascript" in mime for mime in found):
            self.said.add("outputs unsafe", place)
        for mime in _TEXTS:
            text = self._cut(_text(found.get(mime)), place, budget)
            if text is not None:
                data[mime] = text
        for mime, clean in (("text/html", self.html), ("text/markdown", self._markdown_output)):
            if mime == "text/html" and "image/png" in found and _is_picture_alone(_text(found.get(mime))):
                continue  # what segkit.canvas shows in JupyterLab: the same picture as the PNG, and long
            text = self._cut(_text(found.get(mime)), place, budget)
            cleaned = None if text is None else clean(text, place)
            if cleaned is not None:
                data[mime] = cleaned
            elif text is not None:
                data.setdefault("text/plain", html.unescape(re.sub(r"<[^<>]*>", "", _without_scripts(text))))
        for mime in (*_PICTURES, "image/svg+xml"):
            picture = _text(found.get(mime))
            if picture is None:
                continue
            if not (_is_safe_svg(picture) if mime == "image/svg+xml" else _is_base64(picture)):
                self.said.add("outputs unsafe" if mime == "image/svg+xml" else "outputs lost", place)
            elif len(picture) > budget["pictures"]:
                self.said.add("outputs cut", place)
                data.setdefault("text/plain", "... (cut)")
            else:
                budget["pictures"] -= len(picture)
                data[mime] = picture
        return data

    def html(self, text: str, place: str) -> str | None:
        """HTML without anything active; None if it is too long, or too tangled to clean in reasonable time."""
        if _ACTIVE.search(text):
            self.said.add("outputs unsafe", place)
        text = _without_scripts(text)
        if len(text) > min(MAX_HTML, self.html_left) or not _is_well_nested(text):
            return None
        self.html_left -= len(text)

        def allowed(tag: str, name: str, value: str) -> bool:
            safe = _is_safe_in_output(tag, name, value)
            if not safe and name in _ADDRESSES:
                self.said.add("outputs unsafe", place)
            return safe

        return bleach.clean(text, tags=_TAGS, attributes=allowed, protocols=_PROTOCOLS, strip=True)

    def _markdown_output(self, text: str, place: str) -> str:
        return self.markdown(text, place, {}) if text.strip() else text

    def markdown(self, source: str, place: str, attachments: Mapping[str, Any]) -> str:
        """A text that renders to nothing active: as it is if it does already, else with its HTML shown as text."""
        length = len(_DATA_PICTURE.sub("", source))
        if length > min(MAX_MARKDOWN, self.markdown_left) or len(source) > self.pasted_left:
            self.said.add("text long", place)
            return _as_code(source)
        self.markdown_left -= length
        self.pasted_left -= len(source)
        if not _NEEDS_RENDERING.search(source):
            return source
        source = self._with_known_pictures(source, place, attachments)
        if _renders_safely(source, attachments):
            return source
        self.said.add("text unsafe", place)
        escaped = re.sub(r"<(?=[a-zA-Z/!?])", "&lt;", source)
        return escaped if _renders_safely(escaped, attachments) else _as_code(source)

    def _with_known_pictures(self, source: str, place: str, attachments: Mapping[str, Any]) -> str:
        """nbconvert refuses a whole notebook for one picture that is not attached."""

        def known(match: re.Match) -> str:
            if match[1] in attachments:
                return match[0]
            if _plain(unquote(match[1])) in attachments:
                return f"attachment:{_plain(unquote(match[1]))}"
            self.said.add("pictures", f"{printable(match[1], 40)} in {place}")
            return f"missing-{match[1]}"

        return re.sub(r"attachment:([^\s)\"'>]*)", known, source)

    def attachments(self, found: Mapping[str, Any], place: str) -> dict[str, dict[str, str]]:
        """The pictures attached to a text that are well-formed, under names that stand in a link as they are."""
        kept, total = {}, 0
        for name, bundle in found.items():
            pictures = bundle if isinstance(bundle, dict) else {}
            good = {mime: data for mime in _PICTURES if (data := _text(pictures.get(mime))) and _is_base64(data)}
            total += sum(map(len, good.values()))
            if good and total <= _MAX_ATTACHMENTS:
                kept[_plain(name)] = good
            else:
                self.said.add("pictures", f"{printable(name, 40)} in {place}")
        return kept

    def raw(self, source: str) -> str:
        """A raw cell's text, which nbconvert puts on the page as HTML, as one that reads as it was written."""
        return source.replace("<", "&lt;")


def _without_scripts(text: str) -> str:
    """HTML without what stands between the tags of scripts and style sheets, which bleach would leave as text."""
    kept, at, inside = [], 0, None
    for tag in _DROPPED.finditer(text):
        name = tag[2].casefold()
        if inside is None and not tag[1]:
            kept.append(text[at : tag.start()])
            inside = name
        elif inside == name and tag[1]:
            at, inside = tag.end(), None
    return "".join(kept) + ("" if inside else text[at:])


def _text(value: Any) -> str | None:
    """A string of a notebook's file, which may be a list of lines; None if it is neither."""
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "".join(value)
    return value if isinstance(value, str) else None


def _is_picture_alone(text: str | None) -> bool:
    return text is not None and _PICTURE_ALONE.fullmatch(text) is not None


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name[:100])


def _sizes_and_alt(metadata: Any, data: Mapping[str, str]) -> dict[str, dict[str, int | str]]:
    """Widths, heights and alternative texts of pictures.

    nbconvert writes sizes unquoted into the page, so they must be numbers; the text it quotes.
    """
    found = metadata if isinstance(metadata, dict) else {}
    kept = {}
    for mime in data:
        own = found.get(mime) if isinstance(found.get(mime), dict) else {}
        about = {key: own[key] for key in ("width", "height") if type(own.get(key)) is int and 0 < own[key] < 10_000}
        if mime in _PICTURES and isinstance(own.get("alt"), str):
            about["alt"] = printable(own["alt"], MAX_ALT)
        if about:
            kept[mime] = about
    return kept


def _is_base64(data: str) -> bool:
    try:
        return bool(base64.b64decode("".join(data.split()).encode("ascii"), validate=True))
    except (binascii.Error, UnicodeEncodeError):
        return False


def _is_safe_svg(text: str) -> bool:
    """Whether a drawing holds shapes and text only, as matplotlib's do: no script, no event, no address outside."""
    if len(text) > MAX_TEXT or "<!ENTITY" in text:
        return False
    try:
        elements = list(ET.fromstring(text).iter())
    except (ET.ParseError, ValueError, RecursionError):
        return False
    for element in elements:
        if not isinstance(element.tag, str) or element.tag.rpartition("}")[2] not in _SVG_TAGS:
            return False
        for key, value in element.attrib.items():
            name = key.rpartition("}")[2].casefold()
            inside = value.startswith("#") or _DATA_PICTURE.fullmatch("".join(value.split()))
            if name.startswith("on") or (name in _ADDRESSES and not inside):
                return False
    return True


def _is_well_nested(text: str) -> bool:
    """Whether every tag is closed in order and none hides in another: tangled HTML takes bleach minutes."""
    rest, opened = _TAG.sub("", text), []
    if re.search(r"<[a-zA-Z/!?]", rest):
        return False
    for closing, name, attributes in _TAG.findall(text):
        name = name.casefold()
        if re.search("[\"']", re.sub("\"[^\"]*\"|'[^']*'", "", attributes)):
            return False
        if not closing:
            if name not in _VOID:
                opened.append(name)
        elif name not in _VOID:
            while opened and opened[-1] != name and opened[-1] in _OPTIONAL_END:
                opened.pop()
            if not opened or opened.pop() != name:
                return False
        if len(opened) > _MAX_NESTING:
            return False
    return all(name in _OPTIONAL_END for name in opened)


def _is_safe_attribute(tag: str, name: str, value: str) -> bool:
    """Whether an attribute cannot make the page do anything."""
    if name not in _ATTRIBUTES:
        return False
    if name == "style":
        return bool(_SAFE_STYLE.fullmatch(html.unescape(value)))
    if name in _ADDRESSES:
        address = re.sub(r"[\x00-\x20\x7f-\xa0]+", "", html.unescape(value))
        scheme = _SCHEME.match(address)
        is_picture = tag == "img" and bool(_DATA_PICTURE.fullmatch(address))
        return not scheme or scheme[1].casefold() in _SAFE_SCHEMES or is_picture
    return True


def _is_safe_in_output(tag: str, name: str, value: str) -> bool:
    """The same in an output, which must not look like a part of the page around it either."""
    return name != "id" and (name != "class" or value == "dataframe") and _is_safe_attribute(tag, name, value)


def _renders_safely(source: str, attachments: Mapping[str, Any]) -> bool:
    """Whether nothing active is on the page that nbconvert makes of a text.

    It is rendered as the page will be: a second opinion on what is HTML in it could be another one.
    """
    if any(re.search(r"\b(id|class|name)\s*=", tag[3], re.IGNORECASE) for tag in _TAG.finditer(source)):
        return False
    try:
        rendered = MarkdownWithMath(renderer=IPythonRenderer(escape=False, attachments=dict(attachments))).render(
            source
        )
    except (InvalidNotebook, RecursionError, ValueError):
        return False
    # A filter of nbconvert's, cubic in this, takes `files/` off addresses in texts, but not in outputs.
    lines = rendered.split("\n")
    if sum(len(line) * line.count("[") * (1 + line.count("files/")) for line in lines) > _MAX_STEPS:
        return False
    return all(_is_safe_page(page) for page in {rendered, strip_files_prefix(rendered)})


def _is_safe_page(page: str) -> bool:
    """Whether HTML has allowed tags and attributes only; it is looked at, not changed."""
    if not _is_well_nested(page):
        return False
    denied = []

    def check(tag: str, name: str, value: str) -> bool:
        if not _is_safe_attribute(tag, name, value):
            denied.append(name)
        return True

    clean = partial(bleach.clean, page, tags=_RENDERED_TAGS, attributes=check, protocols=_PROTOCOLS)
    return clean(strip=True) == clean(strip=False) and not denied


def _as_code(source: str) -> str:
    """A text as a code block, which is shown as it is written; nbconvert's filters need it in lines."""
    shown = source if len(source) <= MAX_UNRENDERED else f"{source[:MAX_UNRENDERED]}\n... (cut)"
    lines = [line[at : at + _LINE] for line in shown.split("\n") for at in range(0, max(len(line), 1), _LINE)]
    fence = "`" * (3 + max((len(run) for run in re.findall("`+", shown)), default=0))
    return "\n".join([fence, *lines, fence])
