"""A Ray of ours on this machine, or a cluster that was there before: begun or joined, watched, and let go."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from humandata.errors import HumandataError, UsageError
from humandata.hands.native_logs import quiet_native_logs
from humandata.pipelines.ray_watcher import end_watcher, start_watcher

_PACKAGE = Path(__file__).resolve().parents[1]
KNOCK_S = 10.0
HEAD_PATIENCE_S = 30.0
"""How long the head of a cluster may be silent, as while it is started anew; Ray ends the process after 60 s of it."""
_GO_ON = "What is finished is kept; run the same command again to go on."


class RayCluster:
    """Ray, and what of it is not told by Ray itself: that it died."""

    def __init__(self, num_cpus: int | None, address: str | None) -> None:
        """Start Ray with so many CPUs, or join the cluster at `address`; raises UsageError where there is none."""
        self.is_joined = address is not None
        # Where Ray fails to start, the watcher stays for what that leaves, and goes with this process.
        self._watcher = None if self.is_joined else start_watcher()
        self.ray: Any = _join(address) if address is not None else _start(num_cpus)
        self._node_id = str(self.ray.get_runtime_context().get_node_id())
        self._head = str(self.ray.get_runtime_context().gcs_address)
        self._heard_of_head = time.monotonic()

    def close(self, keep_logs: bool) -> None:
        """Leave the cluster. A Ray that was started here ends; its folder of logs stays only where it is asked for."""
        node = self.ray._private.worker._global_node
        logs = None if self.is_joined or node is None else node.get_session_dir_path()
        self.ray.shutdown()
        if self._watcher is not None:
            end_watcher(self._watcher)
        if logs is not None and not keep_logs:
            shutil.rmtree(logs, ignore_errors=True)

    def resources(self) -> dict[str, float]:
        """What all nodes have together: `CPU`, `GPU`, and `memory` in bytes."""
        return dict(self.ray.cluster_resources())

    def living_nodes(self) -> set[str]:
        """The ids of the nodes that live; raises HumandataError where this machine's own is not among them any more.

        Ray then ends all workers of this process by and by, and starts no other.
        """
        alive = {str(node["NodeID"]) for node in self.ray.nodes() if node["Alive"]}
        if self._node_id not in alive:
            raise HumandataError(
                "Ray has lost the node on this machine, as where its raylet was killed or `ray stop` was called. "
                f"{_GO_ON}"
            )
        return alive

    def refuse_if_dead(self) -> None:
        """Raise HumandataError where Ray's own processes were killed, here or at the head of the cluster.

        Ray itself would wait for ever, or end this process with words of its own.
        """
        if self.is_joined:
            self._await_head()
        node = self.ray._private.worker._global_node
        for kind, process in node.dead_processes() if not self.is_joined and node else ():
            if kind in {"raylet", "gcs_server"}:
                raise HumandataError(
                    f"Ray's process {kind} on this machine died (exit code {process.returncode}), as where memory is "
                    f"short or somebody killed it. {_GO_ON}"
                )

    def _await_head(self) -> None:
        """Ask once a second, and wait while it does not answer; raises HumandataError where that lasts."""
        asked = time.monotonic()  # the first time: until then nobody listened
        while time.monotonic() - self._heard_of_head > 1.0:
            try:
                _knock(self._head)
                self._heard_of_head = time.monotonic()
            except OSError as failure:
                if time.monotonic() - asked > HEAD_PATIENCE_S:
                    raise HumandataError(f"the Ray cluster's head no longer answers ({failure}). {_GO_ON}") from None
                time.sleep(1.0)


def _start(num_cpus: int | None) -> Any:
    ray = _import_ray()
    try:
        with _our_sigterm():
            ray.init("local", num_cpus=num_cpus, include_dashboard=False, **_options())
            # It looks for new lines ten times a second, a hundredth of a core, and nobody reads what it finds.
            ray._private.worker._global_node.kill_log_monitor(check_alive=False)
    except Exception as failure:  # Ray raises no other kind where one of its own processes is killed
        told = (str(failure).splitlines() or [""])[0]
        raise HumandataError(
            f"Ray could not start on this machine ({told}). Run the same command again, or with --workers 1, "
            "which needs no Ray."
        ) from None
    return ray


def _join(address: str) -> Any:
    ray = _import_ray()
    try:
        _knock(address)
        with _our_sigterm(), quiet_native_logs():  # it warns every second that it is not let in
            ray.init(address=address, **_options(py_modules=[str(_PACKAGE)]))
    except (OSError, ValueError, RuntimeError) as error:
        why = str(error).splitlines()[0].partition(". ")[0]
        raise UsageError(
            f"no Ray cluster answers at '{address}' ({why}). Start one with `ray start --head`; where that says that "
            "token authentication is on, set RAY_AUTH_MODE=token and copy the head's ~/.ray/auth_token here. Or leave "
            "--address out to use this machine."
        ) from None
    return ray


def _knock(address: str) -> None:
    """Raise OSError where nobody listens at HOST:PORT, or where `auto` leads: Ray would ask for ten minutes.

    A head that was killed leaves the note of where it was, which `auto` goes by. Other addresses Ray knows.
    """
    from ray._private import services

    found = services.get_ray_address_from_environment(address, None)
    host, _, port = found.rpartition(":")
    if not host or not port.isdigit() or "/" in host:
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=KNOCK_S).close()
    except OSError as error:
        raise ConnectionError(f"{found}: {error.strerror or error}") from None


def _import_ray() -> Any:
    # Ray reads these when it is imported and when its processes start.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray
    import ray._private.worker
    import ray.util.scheduling_strategies

    # Ray prints on stdout that a worker died, which there is no other way to stop; the outcome tells it.
    ray._private.worker._worker_logs_enabled = False
    return ray


def _options(**runtime: Any) -> dict[str, Any]:
    """Of `ray.init`: workers import this very package, also from a checkout that is not installed."""
    search_path = os.pathsep.join(filter(None, [str(_PACKAGE.parent), os.environ.get("PYTHONPATH")]))
    environment = {"env_vars": {"PYTHONPATH": search_path}, **runtime}
    return {"runtime_env": environment, "logging_level": logging.ERROR, "log_to_driver": False}


@contextmanager
def _our_sigterm() -> Iterator[None]:
    """While Ray starts, it takes SIGTERM for itself and exits at one; afterwards it is again what it was before."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ours = signal.getsignal(signal.SIGTERM)
    try:
        yield
    except SystemExit:
        raise KeyboardInterrupt from None
    finally:
        signal.signal(signal.SIGTERM, ours)
