"""Messages that overtake the opening of their channel wait for it, also in a real kernel; pages do not echo."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from functools import partial

import panel as pn
from bokeh.document import Document
from bokeh.document.models import DocumentModelManager
from bokeh.models import ImportedStyleSheet, UIElement
from bokeh.plotting import figure
from jupyter_client.manager import start_new_kernel
from panel.io.notebook import patch_inline_stylesheets
from panel.io.resources import CDN_DIST, set_resource_mode
from tests.app.driven import settled
from tests.app.example import MeansLab
from tpapp import comms
from tpapp.comms import patient

MESSAGE = {"content": {"comm_id": "page"}}


def _other(calls) -> threading.Thread:
    """A subshell: a thread with a loop of its own, which awaits what the handler returns."""

    async def work():
        await asyncio.gather(*(result for call in calls if inspect.isawaitable(result := call())))

    thread = threading.Thread(target=lambda: asyncio.run(work()))
    thread.start()
    return thread


async def _ends(thread: threading.Thread) -> None:
    await asyncio.get_running_loop().run_in_executor(None, thread.join, 10)
    assert not thread.is_alive()


def test_a_message_waits_for_its_channel_and_runs_where_the_page_runs():
    async def scene():
        opened, seen = set(), []
        handle = patient(
            lambda stream, ident, msg: seen.append((ident, "page" in opened, threading.current_thread())),
            opened.__contains__)
        thread = _other([partial(handle, None, k, MESSAGE) for k in range(3)])
        await asyncio.sleep(0.1)
        assert seen == []
        opened.add("page")
        await _ends(thread)
        assert seen == [(k, True, threading.current_thread()) for k in range(3)]

    asyncio.run(scene())


def test_what_a_message_schedules_is_noticed_by_a_loop_that_sleeps():
    async def scene():
        loop, noticed = asyncio.get_running_loop(), asyncio.Event()
        handle = patient(lambda *message: loop.call_later(0.01, noticed.set), lambda comm_id: True)
        thread = _other([partial(handle, None, 0, MESSAGE)])
        start = time.monotonic()
        await asyncio.wait_for(noticed.wait(), 5)
        assert time.monotonic() - start < 2.5
        await _ends(thread)

    asyncio.run(scene())


def test_the_main_thread_never_waits_others_keep_their_thread_and_patience_ends():
    async def scene():
        seen, opened = [], set()
        handle = patient(lambda stream, ident, msg: seen.append((ident, threading.current_thread())),
                         opened.__contains__, lambda comm_id: True, patience=0.05)
        handle(None, "main", MESSAGE)
        assert seen == [("main", threading.current_thread())]
        await _ends(_other([partial(handle, None, "late", MESSAGE)]))
        assert seen[1:] == [("late", threading.current_thread())]
        opened.add("page")
        thread = _other([partial(handle, None, "widget", MESSAGE)])
        await _ends(thread)
        assert seen[2:] == [("widget", thread)]

    asyncio.run(scene())


def test_a_kernel_that_runs_cells_loses_no_message():
    """The order in which JupyterLab sends: open (main queue, behind a cell that runs), then a message to a subshell."""
    manager, client = start_new_kernel()
    try:
        client.execute_interactive(
            "import tpapp.comms, threading, time\n"
            "from pyviz_comms import CommManager\n"
            "CommManager._comms['lab'] = None\n"
            "tpapp.comms.install()\n"
            "seen = []\n"
            "kernel = get_ipython().kernel\n"
            "def heard(m):\n"
            "    seen.append((m['content']['data'], threading.current_thread() is threading.main_thread()))\n"
            "kernel.comm_manager.register_target('lab', lambda comm, msg: comm.on_msg(heard))", timeout=60)
        session, content = client.session, {"comm_id": "page", "data": {"width": 96}}
        request = session.msg("create_subshell_request", {})
        client.control_channel.send(request)
        subshell = client.get_control_msg(timeout=60)["content"].get("subshell_id")
        slow = client.execute("time.sleep(0.5)")
        client.shell_channel.send(session.msg("comm_open", {**content, "target_name": "lab", "data": {}}))
        for width in (96, 128):
            message = session.msg("comm_msg", {**content, "data": {"width": width}})
            message["header"]["subshell_id"] = subshell
            client.shell_channel.send(message)
        assert client.get_shell_msg(timeout=60)["parent_header"]["msg_id"] == slow
        assert _printed(client, "print(len(seen))", "2") == "2"
        assert _printed(client, "print(seen)", "") == "[({'width': 96}, True), ({'width': 128}, True)]"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def _printed(client, code: str, wanted: str) -> str:
    """What a cell prints; run again, for a while, until that is what is `wanted` (where anything is)."""
    end = time.monotonic() + 60
    while True:
        said = []
        client.execute_interactive(code, timeout=60,
                                   output_hook=lambda msg: said.append(msg["content"].get("text", "")))  # fmt: skip
        if (text := "".join(said).strip()) == wanted or not wanted or time.monotonic() > end:
            return text
        time.sleep(0.05)


def test_a_page_is_quiet_before_it_is_drawn():
    page = "<div></div><script type=\"application/javascript\">(function(root) {})(window);</script>"
    bundle, about = comms.quiet(({"text/html": page, "other": ""}, {"a": 1}))
    assert bundle["other"] == "" and about == {"a": 1}
    assert bundle["text/html"].index("event.sync") < bundle["text/html"].index("(function(root)")
    assert comms.quiet(({"text/plain": "a lab"}, {})) == ({"text/plain": "a lab"}, {})


def test_a_page_is_shown_when_its_figures_tell_their_sizes():
    figures, called = [figure(), figure()], []
    shown = comms.Shown(figures)
    shown(lambda: called.append("first"))
    assert called == []
    figures[1].trigger("inner_width", 0, 300)
    assert called == ["first"]
    figures[0].trigger("inner_width", 0, 300)
    shown(lambda: called.append("second"))
    assert called == ["first", "second"]
    comms.Shown([])(lambda: called.append("no figure"))
    assert called[2:] == ["no figure"]


def test_a_page_in_a_notebook_computes_when_it_is_on_the_screen(monkeypatch):
    monkeypatch.setattr(comms, "kernel", lambda: object())
    page = MeansLab()
    page.start()
    assert page.flow.jobs is not None and not page.flow._open and page.flow.result("finite") is None
    page.layout.first[0].trigger("inner_width", 0, 300)
    settled(page)
    assert page.flow._open and page.flow.result("finite") is not None

def test_a_displayed_page_is_not_looked_at_once_for_each_stylesheet(monkeypatch):
    """Panel writes its stylesheets into every widget of a notebook's page; see `Root`."""
    looks = []
    recompute = DocumentModelManager.recompute
    monkeypatch.setattr(DocumentModelManager, "recompute", lambda self: (looks.append(1), recompute(self)))
    monkeypatch.setenv("PANEL_INLINE", "true")
    document, lab = Document(), MeansLab()
    with set_resource_mode("inline"):
        root = lab.root._render_model(document, pn.state._comm_manager.get_server_comm())
        shown = list(root.select({"type": UIElement}))
        for model in shown:
            patch_inline_stylesheets(model)  # as Panel does where it displays
        assert len(shown) > 30 and len(looks) < 8, (len(shown), len(looks))
        assert not any(isinstance(sheet, ImportedStyleSheet) and sheet.url.startswith(CDN_DIST)
                       for model in shown for sheet in model.stylesheets)
