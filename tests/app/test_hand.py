"""A point that a hand moves: inside the figure, not too often, and its end always."""

from __future__ import annotations

from types import SimpleNamespace as Of

from bokeh.models import ColumnDataSource, Range1d
from bokeh.plotting import figure
from tpapp.plots.hand import Hand


def test_places_stay_inside_and_a_drag_is_thinned_but_for_its_end():
    fig, heard = figure(x_range=Range1d(0, 2), y_range=Range1d(-1, 1)), []
    hand = Hand(fig, ColumnDataSource({"x": [], "y": []}), lambda *place: heard.append(place))
    hand.pointed(Of(x=5.0, y=-3.0), True)
    hand.pointed(Of(x=1.0, y=0.0), False)  # too soon
    hand.pointed(Of(x=1.5, y=0.5), True)
    hand.pointed(Of(x=None, y=0.5), True)
    assert heard == [(2, -1, True), (1.5, 0.5, True)]
