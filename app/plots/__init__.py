"""Figures of the labs: built once, fed and restyled in place. No param and no tpcore here."""

from tpapp.plots.base import NotDrawable, Plot, Style
from tpapp.plots.deviation import DeviationPlot
from tpapp.plots.heatmaps import Heatmap, Kernels
from tpapp.plots.outputs import OutputDensity, OutputHistogram
from tpapp.plots.spectrum import EigenvaluePoints, SpectrumPlot
from tpapp.plots.thumbnails import Thumbnails, data_uris

__all__ = [
    "DeviationPlot",
    "EigenvaluePoints",
    "Heatmap",
    "Kernels",
    "NotDrawable",
    "OutputDensity",
    "OutputHistogram",
    "Plot",
    "SpectrumPlot",
    "Style",
    "Thumbnails",
    "data_uris",
]
