"""Processes for tests, forked from a server that has imported what they need: each would take three seconds for it."""

from __future__ import annotations

import multiprocessing

# A test run has one such server. It imports what is named when the first of its processes starts.
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["pytest", "tests.bets_table.lakes", "tests.campaign.worker"])
