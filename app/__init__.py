"""The explorer's labs, for notebooks: ``from tpapp import MatricesLab; MatricesLab()``."""

from importlib import import_module

LABS = {"AveragesLab": "averages", "JacobiansLab": "jacobians", "KernelsLab": "kernels", "MatricesLab": "matrices",
        "PhasesLab": "phases", "ProgramsLab": "programs", "TrainingLab": "training"}


def __getattr__(name: str):
    """A lab is imported when it is asked for: `panel serve` reads this file under another name."""
    if name in LABS:
        import_module("tpapp.comms").install()
        return getattr(import_module(f"tpapp.labs.{LABS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
