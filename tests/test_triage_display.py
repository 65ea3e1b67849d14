"""What formgrader and feedback put on the instructor's page: nothing of a student's runs there.

The pages are nbgrader's own; a browser's parser (html5lib's, through bleach's) says what on them is a tag.
"""

import asyncio
import base64
import json
import re
import time
import warnings
from pathlib import Path

import nbgrader
import pytest
from bleach._vendor.html5lib import parse  # a browser's parser, which bleach carries
from nbconvert.exporters import HTMLExporter
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from test_triage_honest import ANSWER, PNG, RELEASED, completed, graded, hand_in, triage_one

from autograder.triage import triage_submission
from autograder.triage.display import MAX_HTML
from segkit.figures import draw_patches

STUB = "OverlapPatchMerging-stub"
DISCUSSION = "05_discussion"
TEMPLATES = Path(nbgrader.__file__).parent / "server_extensions" / "formgrader" / "templates"
OF_THE_TEMPLATE = {"onclick=toggle_name(true);", "onclick=toggle_name(false);"}
ALERT = "alert(document.domain)"
DRAWING = (
    '<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/svg11.dtd">'
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"><defs><style type="text/css">'
    '*{stroke-linejoin: round}</style><path id="m" d="M 0 0"/></defs><g clip-path="url(#p)"><use xlink:href="#m"/></g>'
    "</svg>"
)


def page(notebook: NotebookNode, *, only: str | None = None) -> str:
    """Formgrader's page of a notebook, or of its cell with the grade id `only`."""
    if only:
        notebook = new_notebook(cells=[graded(notebook, only)], metadata=notebook.metadata)
    exporter = HTMLExporter(template_name="formgrade", extra_template_basedirs=[str(TEMPLATES)])
    resources = {"base_url": "", "notebook_id": "n", "index": 0, "total": 1, "metadata": {"name": "n"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return exporter.from_notebook_node(notebook, resources=resources)[0]


def active(html: str) -> list[str]:
    """What of a page could run, beyond nbgrader's own scripts."""
    found = []
    for element in parse(html, namespaceHTMLElements=False).iter():
        if not isinstance(element.tag, str):
            continue
        name = element.tag.rpartition("}")[2]
        text = "".join(element.itertext())
        if (name == "script" and ("alert" in text or "evil" in element.get("src", ""))) or name in (
            "iframe",
            "object",
            "embed",
        ):
            found.append(f"<{name}> {text[:50]}")
        for key, value in element.attrib.items():
            address = re.sub(r"[\x00-\x20]", "", str(value)).casefold()
            is_page = address.startswith("data:") and not address.startswith("data:image/")
            if str(key).startswith("on") or address.startswith(("javascript:", "vbscript:")) or is_page:
                found.append(f"{key}={str(value)[:50]}")
    return [entry for entry in found if entry not in OF_THE_TEMPLATE]


def with_outputs(*outputs: dict) -> dict:
    """A completed notebook with these outputs in the cell of a task."""
    notebook = json.loads(json.dumps(completed()))
    cell = next(cell for cell in notebook["cells"] if cell["metadata"].get("nbgrader", {}).get("grade_id") == STUB)
    cell["outputs"] = list(outputs)
    return notebook


def shown(data: dict, metadata: dict | None = None) -> dict:
    return {"output_type": "display_data", "data": data, "metadata": metadata or {}}


def outputs_of(triaged) -> list[NotebookNode]:
    return graded(triaged.notebook, STUB).outputs


UNSAFE = "Scripts and other active content in outputs were taken out: OverlapPatchMerging-stub."
LOST = "Outputs that a page cannot show were left out: OverlapPatchMerging-stub."


@pytest.mark.parametrize(
    "data",
    [
        {"text/html": f"<script>{ALERT}</script><b>fine</b>"},
        {"text/html": f"<b>fine</b><img src=x onerror={ALERT}>"},
        {"text/html": f"<b>fine</b><a href='java\tscript:{ALERT}'>x</a>"},
        {"text/html": f"<b>fine</b><a href='&#106;avascript:{ALERT}'>x</a>"},
        {"text/html": f"<b>fine</b><svg><script>{ALERT}</script></svg>"},
        {"text/html": f"<b>fine</b><svg/onload={ALERT}>"},
        {"text/html": f'<b>fine</b><iframe srcdoc="<script>{ALERT}</script>"></iframe>'},
        {"text/html": f'<b>fine</b><math><mtext><img title="--&gt;<img src=x onerror={ALERT}>"></math>'},
        {"text/html": f"<b>fine</b><noscript><p title='</noscript><img src=x onerror={ALERT}>'>"},
        {"text/html": f"<b>fine</b><style>@import 'evil'</style><script>{ALERT}"},
        {"text/html": ["<b>fine</b><scr", f"ipt>{ALERT}</script>"]},
        {"text/html": f"<b>fine</b><object data='data:text/html,<script>{ALERT}</script>'></object>"},
        {"text/html": f"<form action='javascript:{ALERT}'><button>fine</button></form>"},
        {"application/javascript": ALERT, "text/plain": "fine"},
        {"text/javascript": ALERT, "text/plain": "fine"},
        {"image/svg+xml": DRAWING.replace("<defs>", f"<script>{ALERT}</script><defs>"), "text/plain": "fine"},
        {"image/svg+xml": DRAWING.replace("<defs>", f"<defs onload='{ALERT}'>"), "text/plain": "fine"},
        {"image/svg+xml": DRAWING.replace("#m", f"javascript:{ALERT}"), "text/plain": "fine"},
        {"image/svg+xml": f"<svg><foreignObject><script>{ALERT}</script>", "text/plain": "fine"},
        {"image/svg+xml": '<!DOCTYPE x [<!ENTITY a "aaaa">]><svg>&a;</svg>', "text/plain": "fine"},
    ],
    ids=lambda data: str(data)[:70],
)
def test_active_outputs_are_taken_out(tmp_path, data):
    triaged = triage_one(tmp_path, with_outputs(shown(data, {"text/html": {"isolated": True}})))
    html = page(triaged.notebook, only=STUB)
    assert active(html) == [] and "fine" in html
    assert triaged.repairs == [UNSAFE]


@pytest.mark.parametrize(
    "data",
    [
        {"text/vnd.mermaid": f"<script>{ALERT}</script>"},
        {"application/vnd.jupyter.widget-view+json": {"model_id": f"</script><script>{ALERT}"}},
        {"application/pdf": "x"},
        {"image/png": f'"><script>{ALERT}</script>'},
        {"image/png": "not base64!"},
        {"image/jpeg": 7},
        {"text/plain": {"a": 1}},
        {f"<script>{ALERT}</script>": "x"},
        {"text/html": None},
    ],
    ids=lambda data: str(data)[:70],
)
def test_outputs_that_no_page_can_show_are_left_out(tmp_path, data):
    triaged = triage_one(tmp_path, with_outputs(shown(data)))
    assert active(page(triaged.notebook, only=STUB)) == []
    assert outputs_of(triaged) == []
    assert triaged.repairs == [LOST]


def test_sizes_of_pictures_are_numbers(tmp_path):
    sizes = {"image/png": {"width": f"1 onerror={ALERT}", "height": 20}, "width": f"1 onload={ALERT}", "filenames": []}
    triaged = triage_one(tmp_path, with_outputs(shown({"image/png": PNG}, sizes)))
    assert active(page(triaged.notebook, only=STUB)) == []
    assert outputs_of(triaged)[0].metadata == {"image/png": {"height": 20}}


def test_a_figure_keeps_its_alternative_text_and_one_of_its_two_pictures(tmp_path):
    figure = draw_patches(3, 2, 1)
    figure.alt = f'"><script>{ALERT}</script> onerror="{ALERT}"'
    data, metadata = figure._repr_mimebundle_()
    assert "alert" in data["text/html"]
    triaged = triage_one(tmp_path, with_outputs(shown(data, metadata)))
    [kept] = outputs_of(triaged)
    assert set(kept.data) == {"image/png", "text/plain"} and triaged.repairs == []
    html = page(triaged.notebook, only=STUB)
    [picture] = [tag for tag in parse(html, namespaceHTMLElements=False).iter("img") if tag.get("alt")]
    assert picture.get("alt") == figure.alt and active(html) == []


def test_harmless_outputs_stay_as_they_are(tmp_path):
    style = "<style scoped>\n.dataframe tr {color: red}\n</style>"
    table = f'<div>\n{style}\n<table border="1" class="dataframe"><tbody><tr><th>a</th></tr></tbody></table></div>'
    outputs = [
        shown({"text/html": table, "text/plain": "  a"}),
        shown({"image/svg+xml": DRAWING, "text/plain": "<Figure>"}),
        shown({"image/jpeg": base64.b64encode(b"\xff\xd8\xff").decode()}),
        shown({"text/latex": "$a < b$", "text/plain": "<b>"}),
        shown({"text/markdown": "**bold** $a < b$"}),
        {"output_type": "stream", "name": "stdout", "text": f"<script>{ALERT}</script> a < b"},
        {"output_type": "error", "ename": f"<script>{ALERT}</script>", "evalue": "<b>", "traceback": ["<i>"]},
    ]
    triaged = triage_one(tmp_path, with_outputs(*outputs))
    kept = outputs_of(triaged)
    assert kept[0].data["text/html"] == table.replace(style, "")
    assert [output.get("data") for output in kept[1:5]] == [output["data"] for output in outputs[1:5]]
    assert kept[5].text == outputs[5]["text"] and kept[6].traceback == ["<i>"]
    assert triaged.repairs == []
    assert active(page(triaged.notebook, only=STUB)) == []


def test_very_long_outputs_are_cut(tmp_path):
    log = {"output_type": "stream", "name": "stdout", "text": "x" * 3 * 2**20}
    picture = shown({"image/png": base64.b64encode(b"0" * 2**21).decode()})
    trace = {"output_type": "error", "ename": "E", "evalue": "", "traceback": ["y" * 2**20] * 3}
    triaged = triage_one(tmp_path, with_outputs(log, picture, picture, trace))
    kept = outputs_of(triaged)
    assert len(kept[0].text) <= 2**20 + 20 and kept[0].text.endswith("(cut)")
    assert [list(output.data) for output in kept[1:3]] == [["image/png"], ["text/plain"]]
    assert len("".join(kept[3].traceback)) < 100
    assert triaged.repairs == ["Very long outputs were cut: OverlapPatchMerging-stub."]


def test_tangled_or_endless_html_becomes_text(tmp_path):
    """bleach takes minutes for what is never closed."""
    tangled = "".join(f"<b a{i}>" for i in range(4000)) + "<p>" * 4000
    for html in (tangled, "<div>" * 9000, "<b>x</b>" * MAX_HTML, "<b title='>'<i>", "<script>" * 100_000, "<" * 60_000):
        started = time.thread_time()
        triaged = triage_one(tmp_path, with_outputs(shown({"text/html": html, "text/plain": "fine"})))
        assert time.thread_time() - started < 5
        assert outputs_of(triaged)[0].data.get("text/plain") == "fine"
        assert len(outputs_of(triaged)[0].data.get("text/html", "")) < MAX_HTML * 6


SHOWN_AS_TEXT = "Texts with HTML that could be active, or that a page cannot render, are shown as plain text: q1."


@pytest.mark.parametrize(
    "text",
    [
        f"fine <script>{ALERT}</script>",
        f"fine <img src=x onerror={ALERT}>",
        f"fine [x](javascript:{ALERT})",
        f"fine [x](java&#115;cript:{ALERT})",
        f"fine [x][y]\n\n[y]: javascript:{ALERT}",
        f"fine <javascript:{ALERT}>",
        f"fine [x](files/javascript:{ALERT})",  # nbconvert takes files/ off
        f"fine <a href='/files/javascript:{ALERT}'>x</a>",
        f"fine <b/><a href=x onclick={ALERT}/>",
        f"fine ![x](data:text/html;base64,{base64.b64encode(ALERT.encode()).decode()})",
        f"fine\n\n```mermaid\n<script>{ALERT}</script>\n```",
        f"fine\n\n<div onclick='{ALERT}'>x</div>",
        f"fine <svg><animate onbegin={ALERT}></svg>",
        f"fine <a href=' &#x6A;avascript:{ALERT}'>x</a>",
        f"fine <div style='background:url(javascript:{ALERT})'>x</div>",
        "fine <div style='position:fixed;width:100%'>x</div>",
        "fine <input class='score' id='q2'>",
        "fine <div id='q1'>x</div>",
        f"fine `x` <iframe srcdoc='{ALERT}'></iframe> ``` y",
        f"fine <!-- <script>{ALERT}</script> --><script>{ALERT}</script>",
        f"fine $a$ <b <script>{ALERT}</script>",
        "fine <b><p><i>x</b></i>",
    ],
    ids=lambda text: text[:50],
)
def test_active_texts_are_shown_as_text(tmp_path, text):
    notebook = completed(DISCUSSION)
    graded(notebook, "q1").source = text
    triaged = triage_one(tmp_path, notebook, DISCUSSION)
    html = page(triaged.notebook, only="q1")
    assert active(html) == []
    assert "fine" in graded(triaged.notebook, "q1").source
    assert triaged.repairs == [SHOWN_AS_TEXT]


@pytest.mark.parametrize(
    "text",
    [
        ANSWER,
        "$a < b$ and $c > d$, `<script>`, x<y, a <b c",
        "```html\n<script>alert(1)</script>\n```",
        "<details><summary>more</summary>\n\nA **word**\n\n</details>",
        "H<sub>2</sub>O <br> <font color='red'>red</font> <span style=\"color: red; font-size: 12px\">x</span>",
        "| a | b |\n|:-:|--:|\n| 1 | $x<y$ |",
        "# Title <b>x</b>\n\n- [x] done\n- [ ] not\n\nterm\n: definition ~~no~~",
        '[link](https://example.org/?a=1&b=2), <https://example.org>, [mail](mailto:a@b.c), ![p](figure.png "it\'s")',
        f"![pasted](data:image/png;base64,{PNG})",
        "\\begin{align} a &< b \\\\ c &> d \\end{align}",
        "![attached](attachment:a.png)",
        "<img src=\"attachment:a.png\" width=300 alt='a picture'>",
    ],
    ids=lambda text: text[:40],
)
def test_harmless_texts_stay_byte_for_byte(tmp_path, text):
    notebook = completed(DISCUSSION)
    graded(notebook, "q1").source = text
    graded(notebook, "q1").attachments = {"a.png": {"image/png": PNG}}
    triaged = triage_one(tmp_path, notebook, DISCUSSION)
    assert graded(triaged.notebook, "q1").source == text
    assert graded(triaged.notebook, "q1").attachments == {"a.png": {"image/png": PNG}}
    assert triaged.repairs == []


def test_pictures_that_are_not_there_do_not_stop_the_page(tmp_path):
    notebook = completed(DISCUSSION)
    cell = graded(notebook, "q1")
    cell.source = (
        "![a](attachment:lost.png) ![b](attachment:bad.png) ![c](attachment:my%20plot.png) ![d][r]\n\n[r]: attachment:x"
    )
    cell.attachments = {
        "bad.png": {"image/png": "<script>"},
        "my plot.png": {"image/png": PNG, "text/html": "<script>"},
        "none": {},
    }
    triaged = triage_one(tmp_path, notebook, DISCUSSION)
    mended = graded(triaged.notebook, "q1")
    assert mended.source.startswith("![a](missing-lost.png) ![b](missing-bad.png) ![c](attachment:my_plot.png)")
    assert mended.attachments == {"my_plot.png": {"image/png": PNG}}
    assert f"base64,{PNG}" in page(triaged.notebook)
    assert triaged.repairs[0].startswith("Pictures in texts that were not saved with the notebook, or are broken")
    assert all(name in triaged.repairs[0] for name in ("bad.png in q1", "lost.png in q1", "x in q1"))


def test_long_texts_are_shown_unrendered_and_whole(tmp_path):
    notebook = completed(DISCUSSION)
    graded(notebook, "q1").source = "\\\\[ <b>\n" * 20_000
    graded(notebook, "q2").source = "[" * 500_000
    graded(notebook, "q3").source = "plain words " * 1000
    started = time.thread_time()
    triaged = triage_one(tmp_path, notebook, DISCUSSION)
    assert time.thread_time() - started < 5
    assert graded(triaged.notebook, "q1").source == "```\n" + "\\\\[ <b>\n" * 20_000 + "\n```"
    assert graded(triaged.notebook, "q2").source.replace("\n", "").endswith("[... (cut)```")
    assert graded(triaged.notebook, "q3").source == "plain words " * 1000
    assert triaged.repairs == ["Very long texts are shown as they were typed: q1, q2."]
    started = time.thread_time()
    assert active(page(triaged.notebook)) == []
    assert time.thread_time() - started < 20


def test_texts_and_code_that_pages_are_slow_on(tmp_path):
    """nbconvert's filter for links and pygments are cubic and quadratic: minutes, for a few pages of text."""
    notebook = completed(DISCUSSION)
    graded(notebook, "q1").source = "[a](files/" * 1600
    graded(notebook, "q2").source = "&#91;" * 3000
    notebook.cells.insert(4, new_code_cell("x = 1\n" + " \n" * 200_000 + "y = 2", id="gap"))
    started = time.thread_time()
    triaged = triage_one(tmp_path, notebook, DISCUSSION)
    assert active(page(triaged.notebook)) == []
    assert time.thread_time() - started < 20
    assert triaged.notebook.cells[4].source == "x = 1" + "\n" * 100 + "y = 2"
    assert triaged.repairs[0] == "Runs of hundreds of empty lines were shortened: cell 5."


def test_own_cells_are_cleaned_as_well(tmp_path):
    notebook = completed()
    notebook.cells.insert(3, new_markdown_cell(f"<script>{ALERT}</script>"))
    notebook.cells.insert(4, new_code_cell("1", outputs=[]))
    notebook.cells[0].source += f"<script>{ALERT}</script>"
    triaged = triage_one(tmp_path, notebook)
    assert active(page(triaged.notebook)) == []
    assert triaged.repairs == [SHOWN_AS_TEXT.replace("q1", "cell 1, cell 4")]


def test_notebook_metadata_reaches_no_page(tmp_path):
    evil = f"</script><script>{ALERT}</script>"
    notebook = json.loads(json.dumps(completed()))
    notebook["metadata"] |= {"title": evil, "widgets": {"application/vnd.jupyter.widget-state+json": {"x": evil}}}
    notebook["metadata"]["language_info"] = {"name": "python", "pygments_lexer": f'"><script>{ALERT}</script>'}
    triaged = triage_one(tmp_path, notebook)
    assert triaged.notebook.metadata == RELEASED["02_modules"].metadata
    assert active(page(triaged.notebook)) == []


def test_it_works_inside_a_running_event_loop(tmp_path):
    """Formgrader's server has one."""
    folder = hand_in(tmp_path, {"segformer/02_modules.ipynb": completed()})

    async def triage():
        return triage_submission(folder, RELEASED)

    assert asyncio.run(triage()).notebooks["02_modules"].repairs == []
