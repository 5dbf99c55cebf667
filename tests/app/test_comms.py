"""Messages that overtake the opening of their channel wait for it, also in a real kernel; pages do not echo."""

from __future__ import annotations

import threading
import time

from jupyter_client.manager import start_new_kernel
from tpapp import comms
from tpapp.comms import patient

MESSAGE = {"content": {"comm_id": "page"}}


def test_a_message_waits_for_its_channel():
    opened, seen = set(), []
    handle = patient(lambda stream, ident, msg: seen.append((ident, "page" in opened)), opened.__contains__)
    thread = threading.Thread(target=lambda: [handle(None, k, MESSAGE) for k in range(3)])
    thread.start()
    time.sleep(0.1)
    assert seen == []
    opened.add("page")
    thread.join(10)
    assert seen == [(0, True), (1, True), (2, True)]


def test_the_main_thread_never_waits_and_patience_ends():
    seen = []
    handle = patient(lambda stream, ident, msg: seen.append(ident), set().__contains__, patience=0.05)
    start = time.monotonic()
    handle(None, "main", MESSAGE)
    assert time.monotonic() - start < 0.04
    thread = threading.Thread(target=handle, args=(None, "other", MESSAGE))
    thread.start()
    thread.join(10)
    assert seen == ["main", "other"]


def test_a_kernel_that_runs_cells_loses_no_message():
    """The order in which JupyterLab sends: open (main queue, behind a cell that runs), then a message to a subshell."""
    manager, client = start_new_kernel()
    try:
        client.execute_interactive(
            "import tpapp.comms, time\n"
            "tpapp.comms.install()\n"
            "seen = []\n"
            "kernel = get_ipython().kernel\n"
            "kernel.comm_manager.register_target(\n"
            "    'lab', lambda comm, msg: comm.on_msg(lambda m: seen.append(m['content']['data'])))", timeout=60)
        session, content = client.session, {"comm_id": "page", "data": {"width": 96}}
        request = session.msg("create_subshell_request", {})
        client.control_channel.send(request)
        subshell = client.get_control_msg(timeout=60)["content"].get("subshell_id")
        slow = client.execute("time.sleep(0.5)")
        client.shell_channel.send(session.msg("comm_open", {**content, "target_name": "lab", "data": {}}))
        message = session.msg("comm_msg", content)
        message["header"]["subshell_id"] = subshell
        client.shell_channel.send(message)
        assert client.get_shell_msg(timeout=60)["parent_header"]["msg_id"] == slow
        said = []
        client.execute_interactive("for _ in range(100):\n    time.sleep(0.02 * (not seen))\nprint(seen)", timeout=60,
                                   output_hook=lambda msg: said.append(msg["content"].get("text", "")))
        assert "".join(said).strip() == "[{'width': 96}]"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_a_page_is_quiet_before_it_is_drawn():
    page = "<div></div><script type=\"application/javascript\">(function(root) {})(window);</script>"
    bundle, about = comms.quiet(({"text/html": page, "other": ""}, {"a": 1}))
    assert bundle["other"] == "" and about == {"a": 1}
    assert bundle["text/html"].index("event.sync") < bundle["text/html"].index("(function(root)")
    assert comms.quiet(({"text/plain": "a lab"}, {})) == ({"text/plain": "a lab"}, {})
