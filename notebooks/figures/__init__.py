"""Figures 2 and 3 of Tensor Programs I (arXiv 1910.12478): measured here, drawn here, for the lecture and as files.

`measure` computes (arrays only), `draw` makes pictures of it; ``python -m notebooks.figures`` writes both figures.
"""
