"""Exported data: what a reader gets back is what the figure shows, with its parameters, and no pickle."""

import io
import json
from types import SimpleNamespace as Of

import numpy as np
import panel as pn
import pytest

from tpapp import export, plots

ARRAYS = {"kernel.K": np.array([[1.5, -2e-7], [0.1 + 0.2, 3.0]]), "counts": np.array([3, 1, 4])}
META = {"kernels.width": "4096", "note": "two\nlines, one \"quote\""}


def test_csv_is_tidy_and_exact():
    text = export.csv(ARRAYS, META).getvalue().decode()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert lines[0] == "array,row,column,value"
    cells = {tuple(line.split(",")[:3]): float(line.split(",")[3]) for line in lines[1:]}
    assert cells["kernel.K", "1", "0"] == 0.1 + 0.2 and cells["kernel.K", "0", "1"] == -2e-7
    assert cells["counts", "2", "0"] == 4
    assert len(cells) == 7 and "# kernels.width: 4096" in text and "two lines" in text


def test_csv_is_read_by_pandas():
    import pandas

    table = pandas.read_csv(export.csv(ARRAYS, META), comment="#", float_precision="round_trip")
    assert set(table["array"]) == {"kernel.K", "counts"}
    square = table[table["array"] == "kernel.K"].pivot(index="row", columns="column", values="value")
    assert np.array_equal(square.to_numpy(), ARRAYS["kernel.K"])


def test_npz_loads_without_pickle():
    file = np.load(export.npz(ARRAYS, META), allow_pickle=False)
    assert np.array_equal(file["kernel.K"], ARRAYS["kernel.K"]) and file["counts"].dtype == ARRAYS["counts"].dtype
    assert json.loads(str(file["metadata"])) == META


def test_no_nan_is_exported_and_what_is_has_its_place():
    arrays = {"error": np.array([np.nan, 0.3, 0.4]), "chi": np.array([[1.0, np.nan], [np.inf, 2.0]]), "n": np.arange(3)}
    file = np.load(export.npz(arrays), allow_pickle=False)
    assert file["error"].tolist() == [0.3, 0.4] and file["error.row"].tolist() == [1, 2]
    assert file["chi"].tolist() == [1, np.inf, 2] and file["n"].tolist() == [0, 1, 2] and "n.row" not in file.files
    assert file["chi.row"].tolist() == [0, 1, 1] and file["chi.column"].tolist() == [0, 0, 1]
    lines = export.csv(arrays).getvalue().decode().splitlines()
    assert lines[1:] == ["error,1,0,0.3", "error,2,0,0.4", "chi,0,0,1.0", "chi,1,0,inf", "chi,1,1,2.0",
                         "n,0,0,0", "n,1,0,1", "n,2,0,2"]  # fmt: skip


def test_npz_refuses_what_would_need_pickle():
    with pytest.raises(TypeError, match="numbers"):
        export.npz({"a": np.array([object()])})


def test_arrays_of_all_figures_are_collected_under_their_names():
    trio, density = plots.Kernels(), plots.OutputDensity()
    trio.inputs(("0", "1"))
    trio.update_limit(np.array([[1.0, 0.3], [0.3, 2.0]]))
    density.update_limit(np.eye(2))
    thumbs = plots.Thumbnails(trio)
    thumbs.update(np.ones((2, 3, 3)))
    arrays = export.collect([*trio.plots, density, thumbs])
    assert set(arrays) == {"kernel-limit.kernel_limit", "density.limit_covariance"}
    assert arrays["kernel-limit.kernel_limit"].dtype == np.float64, "exports are not rounded to what the screen shows"


def test_names_of_files_are_harmless():
    assert export.safe_stem("../../etc/passwd") == "etc-passwd"
    assert export.safe_stem("kernels-ReLU on digits") == "kernels-ReLU-on-digits"
    assert export.safe_stem("///") == "figure"


def test_a_download_is_made_when_it_is_asked_for():
    made = []
    widget = export.download("CSV", "kernels data.csv", lambda: made.append(1) or export.snippet("print(1)"))
    assert isinstance(widget, pn.widgets.FileDownload) and widget.filename == "kernels-data.csv" and not made
    assert widget.callback().getvalue() == b"print(1)\n" and made


@pytest.mark.parametrize("kind", export.KINDS)
def test_image_buttons_carry_one_figure_that_is_exported(kind):
    """It leads to the others; more would be sent, and built in the browser, before the first is on show."""
    button, trio = pn.widgets.Button(), plots.Kernels()
    export.attach_image(button, [plots.Thumbnails(trio), *trio.plots], kind, "a stem")
    (callback,) = button.get_root().js_event_callbacks["button_click"]
    assert callback.args["plots"] == [trio.limit.fig] and callback.args["stem"] == "a-stem"


def test_nothing_to_export_is_an_empty_table():
    assert export.csv({}).getvalue() == b"array,row,column,value\n"
    assert export.collect([Of(exported=True, name="x", data=lambda: {})]) == {}
    assert isinstance(export.npz({}), io.BytesIO)
