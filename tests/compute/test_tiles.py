"""Tiles: order, errors, one BLAS thread from whichever thread asks, numbers by index alone."""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from threadpoolctl import threadpool_info

import tpcore as tp
from tpcore.compute.tiles import NICENESS, give_way, map_tiles, row_tiles, single_blas, tile_generators


def blas() -> list[int]:
    return [lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"]


def inside() -> list[int]:
    with single_blas():
        return blas()


def test_blas_has_one_thread_inside_from_any_thread_and_its_own_number_after():
    before = blas()
    assert set(inside()) == {1} and blas() == before
    with ThreadPoolExecutor(1) as pool:
        assert set(pool.submit(inside).result()) == {1}
    assert blas() == before


def test_the_last_to_leave_restores_though_another_entered_first():
    before, entered, leave = blas(), threading.Event(), threading.Event()

    def first():
        with single_blas():
            entered.set()
            leave.wait(10)

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(first)
        entered.wait(10)
        with single_blas():
            leave.set()
            done.result()
            assert set(blas()) == {1}
        assert blas() == before


def test_a_draw_is_the_same_from_every_thread():
    X, net = np.random.default_rng(3).normal(size=(24, 64)), tp.nets.MLP(3, "relu", 1.4, 0.3)

    def draw(_=0):
        return tp.empirical_nngp(net, X, width=1024, draws=8, seed=0)

    with ThreadPoolExecutor(2) as pool:
        assert all(np.array_equal(draw(), other) for other in pool.map(draw, range(4)))


def test_results_come_in_order_and_nested_calls_run():
    tiles = row_tiles(100, 7)
    assert [s.start for s in tiles] == list(range(0, 100, 7)) and tiles[-1].stop == 100
    nested = map_tiles(lambda s: sum(map_tiles(lambda k: k, range(s.start, s.stop))), tiles)
    assert sum(nested) == sum(range(100))


def test_background_tiles_give_way_and_never_stand_before_others():
    started, release = threading.Event(), threading.Event()

    def slow(_):
        started.set()
        release.wait(20)
        return threading.get_native_id()

    def background():
        give_way()
        return map_tiles(slow, range(8))

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(background)
        assert started.wait(10)
        assert map_tiles(lambda k: k, range(4)) == [0, 1, 2, 3] and not waiting.done()
        release.set()
        behind = set(waiting.result())
    assert behind.isdisjoint(map_tiles(lambda _: threading.get_native_id(), range(8)))
    if sys.platform == "linux":
        assert {os.getpriority(os.PRIO_PROCESS, thread) for thread in behind} == {NICENESS}
        assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == 0


def test_the_first_error_comes_out():
    def work(k):
        if k == 3:
            raise KeyError(k)
        return k

    with pytest.raises(KeyError):
        map_tiles(work, range(9))
    assert map_tiles(work, range(3)) == [0, 1, 2]


def test_generators_depend_on_seed_and_index_alone():
    one, two = tile_generators(5, 3), tile_generators(5, 7)
    assert all(np.array_equal(a.normal(size=4), b.normal(size=4)) for a, b in zip(one, two))
    assert len({g.normal() for g in tile_generators(5, 50) + tile_generators(6, 50)}) == 100
