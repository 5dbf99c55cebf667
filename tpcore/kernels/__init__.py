"""Kernels of networks: infinitely wide by recursion, of finite width by sampling."""
