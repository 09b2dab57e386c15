"""Processes: fork, spawn, threads, the program, how long an import takes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import revoxel

WORK = """
import numpy as np, revoxel
TEXT = '''
version: 1
inputs: { image: { kind: image, path: "{case}.nii.gz" } }
steps: [{ orientation: { axcodes: PSR } }, { spacing: { pixdim: [0.8, 0.9, 1.1] } }]
outputs: { image: { path: "{case}-out.nii.gz", dtype: float32 } }
trace: "{case}.json"
'''
pipeline = revoxel.Pipeline.parse(TEXT)
scan = revoxel.Volume(np.asfortranarray(np.arange(60 * 50 * 40, dtype=np.int16).reshape(60, 50, 40)), np.diag([1.0, 1.5, 2, 1]))
def work(i):
    return float(pipeline(scan, case=f"c{i}")["image"].xyz.astype(np.float64).sum())
"""


def run(code: str, seconds: float = 60) -> str:
    done = subprocess.run([sys.executable, "-c", WORK + code], capture_output=True, text=True, timeout=seconds)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_child_works_after_its_parent_did() -> None:
    code = """
import os
revoxel.set_threads(4)
expected = work(0)
for _ in range(5):
    child = os.fork()
    if child == 0:
        os._exit(0 if work(1) == expected else 3)
    assert os.waitpid(child, 0)[1] == 0
assert work(2) == expected, "the parent goes on"
"""
    run(code)


@pytest.mark.parametrize(("start", "count"), [("fork", 1), ("fork", 2), ("fork", 4), ("spawn", 2)])
def test_pools_of_processes(start: str, count: int, tmp_path: Path) -> None:
    script = tmp_path / "pool.py"
    script.write_text(
        WORK
        + f"""
if __name__ == "__main__":
    import multiprocessing
    expected = work(0)
    with multiprocessing.get_context({start!r}).Pool({count}) as pool:
        found = pool.map(work, range(6))
        # Pipelines, volumes and traces go to the workers and come back.
        traces = pool.map(pipeline, [scan, scan[::-1]])
    assert found == [expected] * 6
    assert [t["image"].shape for t in traces] == [pipeline(scan)["image"].shape] * 2
"""
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_workers_of_a_data_loader(start: str, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    script = tmp_path / "loader.py"
    script.write_text(
        WORK
        + f"""
import torch
class Cases(torch.utils.data.Dataset):
    def __len__(self):
        return 4
    def __getitem__(self, i):
        return pipeline(scan, case=str(i))["image"].to_torch(), revoxel.threads()
if __name__ == "__main__":
    work(0)
    loader = torch.utils.data.DataLoader(Cases(), num_workers=2, multiprocessing_context={start!r})
    shapes = [(tuple(tensor.shape[1:]), int(threads)) for tensor, threads in loader]
    assert shapes == [((1, *pipeline(scan)["image"].shape), 1)] * 4, shapes
"""
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr


def test_other_threads_go_on() -> None:
    scan = revoxel.Volume(np.zeros((160, 160, 160), np.float32, order="F"), np.eye(4))
    text = """
version: 1
inputs: { image: { kind: image, path: "{case}.nii.gz" } }
steps: [{ rotate: { angle: [0.3, 0.2, 0.1], keep_size: false } }]
outputs: { image: { path: "{case}-out.nii.gz" } }
trace: "{case}.json"
"""
    pipeline = revoxel.Pipeline.parse(text)
    beats, done = [0], threading.Event()

    def beat() -> None:
        while not done.is_set():
            beats[0] += 1
            time.sleep(0.001)

    thread = threading.Thread(target=beat)
    thread.start()
    before = beats[0]
    start = time.monotonic()
    pipeline(scan)
    during, taken = beats[0] - before, time.monotonic() - start
    done.set()
    thread.join()
    # A call that kept the interpreter would leave one or two.
    assert during >= min(5, taken / 0.02), (during, taken)


def test_an_import_is_quick() -> None:
    code = """
import time
import numpy
start = time.perf_counter()
import revoxel
print(time.perf_counter() - start)
"""
    times = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
        for _ in range(3)
    ]
    print(f"import revoxel: {min(times) * 1000:.0f} ms behind numpy")
    # Only a heavy import takes this long, also on a machine that is busy.
    assert min(times) < 0.5


def program(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "revoxel", *arguments]


def test_the_program() -> None:
    done = subprocess.run(program("--version"), capture_output=True, text=True, check=True)
    assert done.stdout == f"revoxel {revoxel.__version__}\n"
    wrong = subprocess.run(program("inf"), capture_output=True, text=True)
    assert wrong.returncode == 2
    assert "inf" in wrong.stderr
    missing = subprocess.run(program("plan", "none.yaml", "--json"), capture_output=True, text=True)
    assert missing.returncode == 2
    assert '"exit_code": 2' in missing.stdout
    on_path = Path(sys.executable).with_name("revoxel")
    if on_path.exists():
        assert subprocess.run([on_path, "--version"], capture_output=True, text=True, check=True).stdout == done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals")
def test_the_program_ends_on_ctrl_c(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    (tmp_path / "data").mkdir()
    for i in range(3):
        array = np.asfortranarray(rng.normal(size=(150, 150, 150)).astype(np.float32))
        revoxel.write(revoxel.Volume(array, np.diag([1.0, 1, 1, 1])), tmp_path / "data" / f"c{i}.nii")
    (tmp_path / "p.yaml").write_text(
        """
version: 1
inputs: { image: { kind: image, path: "{case}.nii" } }
steps:
  - rotate: { angle: [0.3, 0.2, 0.1], keep_size: false, interpolation: cubic }
  - gaussian_smooth: { sigma: 6 }
  - rotate: { angle: [0.1, -0.2, 0.4], keep_size: false, interpolation: cubic }
  - gaussian_smooth: { sigma: 6 }
outputs: { image: { path: "{case}-out.nii.gz" } }
trace: "{case}.json"
"""
    )
    arguments = program("--threads", "1", "run", "p.yaml", "--data", "data", "--out", "out", "--jobs", "1")
    process = subprocess.Popen(arguments, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (tmp_path / "out").exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Ctrl-C" in said
    assert not list((tmp_path / "out").rglob("*.partial"))


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals")
def test_ctrl_c_ends_a_call_within_a_second() -> None:
    code = """
import time
rng = np.random.default_rng(0)
large = revoxel.Volume(rng.normal(size=(160, 160, 160)).astype(np.float32), np.diag([1.0, 1.5, 2, 1]))
slow = revoxel.Pipeline.parse(TEXT.replace('steps: [', '''steps:
  [{ gaussian_smooth: { sigma: 8 } }, { rotate: { angle: [0.3, 0.2, 0.1], keep_size: false, interpolation: cubic } },
   { gaussian_smooth: { sigma: 8 } }, { rotate: { angle: [0.1, -0.2, 0.4], keep_size: false, interpolation: cubic } }, '''))
revoxel.set_threads(1)
expected = work(0)
print("begins", flush=True)
begun = time.monotonic()
try:
    slow(large)
except KeyboardInterrupt:
    print("interrupted", time.monotonic() - begun, flush=True)
assert work(0) == expected, "the next call is as right as before"
begun = time.monotonic()
slow(large)
print("whole", time.monotonic() - begun, flush=True)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", WORK + code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begins\n", process.stderr and process.stderr.read()
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    pressed = time.monotonic()
    line = process.stdout.readline().split()
    assert line[:1] == ["interrupted"], line
    assert time.monotonic() - pressed < 1.0
    said, wrong = process.communicate(timeout=120)
    assert process.returncode == 0, wrong
    # The call would have gone on for much longer.
    assert float(said.split()[1]) > float(line[1]) + 1, (said, line)


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals")
def test_an_interrupted_process_can_end_while_the_work_goes_on() -> None:
    code = """
import signal
array = np.asfortranarray(np.random.default_rng(0).normal(size=(160, 160, 160)).astype(np.float32))
slow = revoxel.Pipeline.parse(TEXT.replace("steps: [", "steps: [{ gaussian_smooth: { sigma: 30 } }, "))
revoxel.set_threads(1)
signal.setitimer(signal.ITIMER_REAL, 0.1)
signal.signal(signal.SIGALRM, signal.default_int_handler)
slow(revoxel.Volume(array, np.diag([1.0, 1.5, 2, 1])))
"""
    done = subprocess.run([sys.executable, "-c", WORK + code], capture_output=True, text=True, timeout=60)
    assert done.returncode == -signal.SIGINT, done
    assert done.stderr.rstrip().endswith("KeyboardInterrupt"), done.stderr
    assert "panicked" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals")
def test_a_call_after_ctrl_c_does_not_wait() -> None:
    """The threads of the call that was left are at its work still: the next one has others."""
    code = """
import signal, time
slow = revoxel.Pipeline.from_steps([{"median_smooth": {"radius": 4}}])
large = revoxel.Volume(np.zeros((200, 200, 160), np.float32), np.eye(4))
begun = time.monotonic()
work(0)
alone = time.monotonic() - begun
signal.signal(signal.SIGALRM, signal.default_int_handler)
signal.setitimer(signal.ITIMER_REAL, 0.2)
try:
    slow(large)
    print("done", flush=True)
except KeyboardInterrupt:
    pass
begun = time.monotonic()
work(1)
print(time.monotonic() - begun < 2 + 5 * alone, flush=True)
os._exit(0)
"""
    assert run("import os\n" + code) == "True\n"
