"""Runs on a cluster of two processes: what dies, fails or is cancelled loses nothing and doubles nothing."""

from __future__ import annotations

import gzip
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import revoxel

pytest.importorskip("distributed")

from distributed import Client, LocalCluster

from revoxel import _stage, _task, dist
from revoxel._program import program

PIPELINE = """
version: 1
inputs:
  image: { kind: image, path: "{case}.nii.gz" }
steps:
  - orientation: { axcodes: RAS }
  - spacing: { pixdim: 0.9 }
outputs:
  image: { path: "{case}/image.nii.gz", dtype: float32 }
trace: "{case}/trace.json"
"""

# Names that are patterns or lists on a command line are names here.
SMALL = ["a", "b", "a,b", "c?", "d e", "é"]
BIG = "big"

# The program, and a line for each time that it is started: its case, its process and the worker's.
WRAPPER = """
import os, sys
case = next((a.split("=", 1)[1] for a in sys.argv if a.startswith("--case=")), None)
if case is not None:
    line = f"{case}\\t{os.getpid()}\\t{os.getppid()}\\n".encode()
    log = os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(log, line)
    os.close(log)
command = PROGRAM + sys.argv[1:]
os.execvp(command[0], command)
"""


@pytest.fixture(autouse=True)
def limit() -> Iterator[None]:
    """A test that waits for what never comes fails."""

    def late(*_: object) -> None:
        raise TimeoutError("the test took more than eight minutes")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(480)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


class Cluster:
    """Two workers, each a process with one thread, that log the programs that they start."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.log = folder / "starts.tsv"
        wrapper = folder / "program.py"
        wrapper.write_text(f"LOG = {str(self.log)!r}\nPROGRAM = {program()!r}\n{WRAPPER}", encoding="utf-8")
        # Workers that are started anew have it, too.
        self.cluster = LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=":0",
            local_directory=str(folder),
            env={"REVOXEL_PROGRAM": shlex.join([sys.executable, str(wrapper)])},
            **options,
        )

    def starts(self) -> list[tuple[str, int, int]]:
        lines = self.log.read_text("utf-8").splitlines() if self.log.exists() else []
        return [(case, int(pid), int(parent)) for case, pid, parent in (line.split("\t") for line in lines)]

    def times(self) -> Counter[str]:
        return Counter(case for case, _, _ in self.starts())


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    begun = Cluster(tmp_path_factory.mktemp("cluster"))
    yield begun
    begun.cluster.close()


@pytest.fixture
def client(cluster: Cluster) -> Iterator[Client]:
    cluster.log.unlink(missing_ok=True)
    with Client(cluster.cluster, timeout=120) as client:
        client.wait_for_workers(2)
        yield client
        # What a test has cancelled or killed has ended before the next one counts.
        until(lambda: not any(client.processing().values()), "the tasks end", 60)
        until(lambda: not any(is_alive(pid) for _, pid, _ in cluster.starts()), "the programs end", 60)


def scan(path: Path, shape: tuple[int, int, int], seed: int, affine: np.ndarray) -> None:
    noise = np.random.default_rng(seed).integers(-1000, 3000, shape, dtype=np.int16)
    revoxel.write(revoxel.Volume(noise, affine), path)


@pytest.fixture
def dataset(tmp_path: Path, oblique_affine: np.ndarray) -> tuple[Path, Path]:
    """A pipeline, and a dataset of small cases and one that takes a while."""
    data = tmp_path / "data"
    data.mkdir()
    for number, case in enumerate(SMALL):
        scan(data / f"{case}.nii.gz", (9 + number, 8, 11), number, oblique_affine)
    scan(data / f"{BIG}.nii.gz", (190, 160, 90), 99, oblique_affine)
    pipeline = tmp_path / "pipeline.yaml"
    pipeline.write_text(PIPELINE, encoding="utf-8")
    return pipeline, data


def serial(pipeline: Path, data: Path, out: Path, *more: str) -> None:
    command = [*program(), "run", str(pipeline), f"--data={data}", f"--out={out}", "--quiet", *more]
    subprocess.run(command, check=True, timeout=200)


def files(folder: Path) -> dict[str, bytes]:
    """All files but the record of a run."""
    every = (path for path in folder.rglob("*") if path.is_file() and ".revoxel" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in every}


def assert_same(out: Path, pipeline: Path, data: Path) -> None:
    expected = out.with_name("serial")
    serial(pipeline, data, expected)
    found, expected_files = files(out), files(expected)
    assert sorted(found) == sorted(expected_files)
    assert [name for name in found if found[name] != expected_files[name]] == []


def outcomes(summary: dict[str, Any]) -> dict[str, str]:
    names = [row["case"] for row in summary["cases"]]
    assert len(names) == len(set(names)), "a case is there twice"
    return {row["case"]: row["outcome"] for row in summary["cases"]}


def until(condition: Callable[[], Any], what: str, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s for: {what}"
        time.sleep(0.005)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def partials(out: Path) -> list[Path]:
    return list(out.rglob(".revoxel-*.partial"))


def test_as_on_one_machine(client: Client, cluster: Cluster, dataset: tuple[Path, Path], tmp_path: Path) -> None:
    pipeline, data = dataset
    told: list[tuple[int, int]] = []
    summary = dist.run(pipeline, data, tmp_path / "out", client=client, progress=lambda n, of, _: told.append((n, of)))
    assert outcomes(summary) == dict.fromkeys([*SMALL, BIG], "done")
    assert [row["case"] for row in summary["cases"]] == sorted([*SMALL, BIG])
    assert told == [(n, 7) for n in range(1, 8)]
    assert_same(tmp_path / "out", pipeline, data)
    # The longest begins first, and each once.
    assert BIG in [case for case, _, _ in cluster.starts()[:2]]
    assert cluster.times() == dict.fromkeys([*SMALL, BIG], 1)
    # The program says the same of the folder, and a second run leaves it alone.
    serial(pipeline, data, tmp_path / "out", "--resume=check")
    assert standing(tmp_path / "out") == {"done": 7}
    record = json.loads((tmp_path / "out" / ".revoxel" / "run.json").read_text())
    assert (record["done"], record["failed"]) == (7, 0)
    assert record["ended"]
    before = times_of(tmp_path / "out")
    with WithoutFile(pipeline) as whole:
        again = dist.run(whole, data, tmp_path / "out", client=client)
        assert standing(tmp_path / "out") == {"done": 7}, "also without the file of the pipeline"
    assert again["cases"] == []
    assert again["done_already"] == sorted([*SMALL, BIG])
    assert times_of(tmp_path / "out") == before


def times_of(folder: Path) -> dict[Path, int]:
    """When each file was written, but for the record of the run."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if ".revoxel" not in str(path)}


def standing(out: Path) -> dict[str, int]:
    """What `revoxel status` counts."""
    return {state: count for state, count in revoxel.status(out)["counts"].items() if count}


class WithoutFile:
    """A pipeline in memory, without its file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> revoxel.Pipeline:
        pipeline = revoxel.Pipeline.load(self.path)
        self.text = self.path.read_text("utf-8")
        self.path.unlink()
        return pipeline

    def __exit__(self, *_: object) -> None:
        self.path.write_text(self.text, encoding="utf-8")


def test_options_reach_the_workers(client: Client, dataset: tuple[Path, Path], tmp_path: Path) -> None:
    pipeline, data = dataset
    summary = dist.run(
        pipeline, data, tmp_path / "out", client=client, set={"steps.1.spacing.pixdim": 2}, cases=["a,b", "é"]
    )
    assert outcomes(summary) == {"a,b": "done", "é": "done"}
    serial(pipeline, data, tmp_path / "serial", "--set=steps.1.spacing.pixdim=2", "--case=a,b", "--case=é")
    assert files(tmp_path / "out") == files(tmp_path / "serial")


def test_a_worker_is_killed(client: Client, cluster: Cluster, dataset: tuple[Path, Path], tmp_path: Path) -> None:
    pipeline, data = dataset
    out = tmp_path / "out"
    run = dist.start(pipeline, data, out, client=client)
    assert sum(standing(out).values()) == 7, "the cases are known before they are done"
    until(lambda: partials(out / BIG), "the files of the big case being written")
    _, program, worker = next(start for start in cluster.starts() if start[0] == BIG)
    assert is_alive(program), "too late: the case is done"
    os.kill(worker, signal.SIGKILL)
    until(lambda: not is_alive(program), "the program ends with its worker", 5)
    summary = run.result()
    # Cases whose result was lost with the worker are found done.
    assert sorted([*outcomes(summary), *summary["done_already"]]) == sorted([*SMALL, BIG])
    assert set(outcomes(summary).values()) == {"done"}
    assert cluster.times()[BIG] == 2
    assert partials(out) == []
    assert_same(out, pipeline, data)


def test_dask_gives_a_case_up(
    client: Client, cluster: Cluster, dataset: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline, data = dataset
    monkeypatch.setattr(cluster.cluster.scheduler, "allowed_failures", 0)
    run = dist.start(pipeline, data, tmp_path / "out", client=client, cases=BIG, retries=1)
    results: list[dict[str, Any]] = []
    thread = threading.Thread(target=lambda: results.append(run.result()))
    thread.start()
    until(lambda: cluster.times()[BIG] == 1, "the big case")
    os.kill(cluster.starts()[0][2], signal.SIGKILL)
    thread.join()
    assert outcomes(results[0]) == {BIG: "done"}
    assert cluster.times()[BIG] == 2
    (tmp_path / "out" / BIG / "trace.json").unlink()
    run = dist.start(pipeline, data, tmp_path / "out", client=client, cases=BIG, retries=0)
    until(lambda: cluster.times()[BIG] == 3, "the big case")
    os.kill(cluster.starts()[2][2], signal.SIGKILL)
    with pytest.raises(dist.CasesError, match=r"case big: its workers died: "):
        run.result()


def test_a_program_is_killed(client: Client, cluster: Cluster, dataset: tuple[Path, Path], tmp_path: Path) -> None:
    pipeline, data = dataset
    run = dist.start(pipeline, data, tmp_path / "out", client=client, retries=1)
    for time_ in (1, 2):
        until(lambda: cluster.times()[BIG] == time_, f"start {time_} of the big case")  # noqa: B023
        os.kill(next(pid for case, pid, _ in reversed(cluster.starts()) if case == BIG), signal.SIGKILL)
    with pytest.raises(dist.CasesError, match=r"case big: .*--case=big was ended by signal 9"):
        run.result()


def damage(path: Path) -> None:
    """The header is whole, the voxels are not."""
    raw = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(raw)[:-40] if len(raw) < 400 else gzip.compress(raw[:400]))


def test_a_case_fails(client: Client, cluster: Cluster, dataset: tuple[Path, Path], tmp_path: Path) -> None:
    pipeline, data = dataset
    damage(data / "b.nii.gz")
    summary = dist.run(pipeline, data, tmp_path / "out", client=client, keep_going=True)
    assert outcomes(summary) == {**dict.fromkeys([*SMALL, BIG], "done"), "b": "failed"}
    problem = next(row["problem"] for row in summary["cases"] if row["case"] == "b")
    assert f"{data}/b.nii.gz" in problem
    assert cluster.times() == dict.fromkeys([*SMALL, BIG], 1), "a case that fails is not run again"
    assert standing(tmp_path / "out") == {"done": 6, "failed": 1}
    why = next(row["why"] for row in revoxel.status(tmp_path / "out")["cases"] if row["case"] == "b")
    assert f"{data}/b.nii.gz" in why
    (data / "b.nii.gz").unlink()
    assert_same(tmp_path / "out", pipeline, data)


def test_a_case_fails_and_the_others_stop(client: Client, dataset: tuple[Path, Path], tmp_path: Path) -> None:
    pipeline, data = dataset
    damage(data / "b.nii.gz")
    with pytest.raises(dist.CasesError, match=r"^case b: ") as caught:
        dist.run(pipeline, data, tmp_path / "out", client=client, cases=["b", BIG])
    # The big case may have ended just before it was told to.
    is_done = (tmp_path / "out" / BIG / "trace.json").exists()
    assert outcomes(caught.value.summary) == {"b": "failed", BIG: "done" if is_done else "not_run"}
    assert partials(tmp_path / "out") == []


def test_a_case_is_refused(client: Client, cluster: Cluster, dataset: tuple[Path, Path], tmp_path: Path) -> None:
    pipeline, data = dataset
    (data / "b.nii.gz").write_bytes(b"nothing")
    with pytest.raises(dist.CasesError, match=r"^nothing was started:\ncase b: ") as caught:
        dist.run(pipeline, data, tmp_path / "out", client=client)
    assert outcomes(caught.value.summary) == {"b": "failed"}
    assert not (tmp_path / "out").exists()
    assert not cluster.starts()
    summary = dist.run(pipeline, data, tmp_path / "out", client=client, keep_going=True, cases=["a", "b"])
    assert outcomes(summary) == {"a": "done", "b": "failed"}
    assert standing(tmp_path / "out") == {"done": 1, "failed": 1}
    with pytest.raises(revoxel.PipelineError, match=r"pipeline\.yaml"):
        dist.run(pipeline, data, tmp_path / "out", client=client, set={"steps.1.spacing.pixdim": "wide"})


CLIENT = """
import sys
from distributed import Client
from revoxel import dist
address, pipeline, data, out = sys.argv[1:]
if __name__ == "__main__":
    dist.run(pipeline, data, out, client=Client(address), progress=lambda ended, *_: print(ended, flush=True))
"""


def test_the_client_dies(client: Client, cluster: Cluster, dataset: tuple[Path, Path], tmp_path: Path) -> None:
    pipeline, data = dataset
    arguments = [cluster.cluster.scheduler_address, str(pipeline), str(data), str(tmp_path / "out")]
    with subprocess.Popen([sys.executable, "-c", CLIENT, *arguments], stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"1\n"
        assert first.stdout.readline() == b"2\n"
        first.kill()
    summary = dist.run(pipeline, data, tmp_path / "out", client=client)
    ended = outcomes(summary)
    assert len(summary["done_already"]) >= 2
    assert sorted([*ended, *summary["done_already"]]) == sorted([*SMALL, BIG])
    assert set(ended.values()) <= {"done"}
    until(lambda: not any(is_alive(pid) for _, pid, _ in cluster.starts()), "what the first client began")
    assert_same(tmp_path / "out", pipeline, data)


@pytest.mark.parametrize("how", ["cancel", "interrupt"])
def test_cancelled(how: str, client: Client, cluster: Cluster, dataset: tuple[Path, Path], tmp_path: Path) -> None:
    pipeline, data = dataset
    out = tmp_path / "out"
    run = dist.start(pipeline, data, out, client=client)

    def later() -> None:
        until(lambda: partials(out / BIG), "the files of the big case being written")
        at_work.append(next(pid for case, pid, _ in cluster.starts() if case == BIG))
        begun.append(time.monotonic())
        if how == "cancel":
            run.cancel()
        else:
            os.kill(os.getpid(), signal.SIGINT)

    at_work: list[int] = []
    begun: list[float] = []
    thread = threading.Thread(target=later)
    thread.start()
    if how == "cancel":
        summary = run.result()
    else:
        with pytest.raises(KeyboardInterrupt):
            run.result()
        summary = run.summary()
    thread.join()
    assert time.monotonic() - begun[0] < 3
    assert not is_alive(at_work[0]), "the program has ended"
    assert outcomes(summary)[BIG] == "not_run"
    assert partials(out) == []
    assert not (out / ".revoxel-lock").exists()
    starts = len(cluster.starts())
    time.sleep(0.5)
    assert len(cluster.starts()) == starts, "nothing begins after that"
    done = [case for case, outcome in outcomes(summary).items() if outcome == "done"]
    again = dist.run(pipeline, data, out, client=client)
    assert set(done) <= set(again["done_already"])
    assert_same(out, pipeline, data)


# The same with the time, when the program is started and when it has ended.
TIMED = """
import os, subprocess, sys, time
case = next((a.split("=", 1)[1] for a in sys.argv if a.startswith("--case=")), None)
begun = time.time()
code = subprocess.call(PROGRAM + sys.argv[1:])
if case is not None:
    time.sleep(0.3)
    log = os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(log, f"{case}\\t{begun}\\t{time.time()}\\n".encode())
    os.close(log)
sys.exit(code)
"""


def test_memory_is_a_resource(dataset: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline, data = dataset
    plan = subprocess.run([*program(), "plan", pipeline, f"--data={data}", "--json"], check=True, capture_output=True)
    needs = {one["like"]: one["estimate"]["memory_bytes"] for one in json.loads(plan.stdout)["plans"]}
    monkeypatch.setattr(sys.modules[__name__], "WRAPPER", TIMED)
    (tmp_path / "cluster").mkdir()
    small = Cluster(tmp_path / "cluster", resources={"MEMORY": 1.5 * max(needs[case] for case in SMALL)})
    with small.cluster, Client(small.cluster, timeout=120) as client:
        client.wait_for_workers(2)
        with pytest.raises(
            dist.CasesError, match=rf"case big: it needs {needs[BIG]} bytes, and no worker has more than"
        ):
            dist.run(pipeline, data, tmp_path / "out", client=client)
        small.cluster.scale(1)
        until(lambda: len(client.scheduler_info(n_workers=-1)["workers"]) == 1, "one worker less")
        summary = dist.run(pipeline, data, tmp_path / "out", client=client, keep_going=True)
        assert outcomes(summary) == {**dict.fromkeys(SMALL, "done"), BIG: "failed"}
    lines = [line.split("\t") for line in small.log.read_text("utf-8").splitlines()]
    spans = sorted((float(begun), float(ended)) for _, begun, ended in lines)
    assert len(spans) == len(SMALL)
    assert all(ended <= begun for (_, ended), (begun, _) in pairwise(spans)), "one at a time"


STAMP = re.compile(rb'\n *"stamp": "[0-9a-f]+",')


def assert_alike(found: dict[str, bytes], expected: dict[str, bytes]) -> None:
    """The same bytes, but for the inode numbers and times of inputs, which traces of a store do not have."""
    assert sorted(found) == sorted(expected)
    for name, content in found.items():
        assert content == (STAMP.sub(b"", expected[name]) if name.endswith(".json") else expected[name]), name


@pytest.fixture
def bucket() -> Iterator[tuple[Any, dict[str, Any]]]:
    """A store on this machine, and how it is reached."""
    s3fs = pytest.importorskip("s3fs")
    server = pytest.importorskip("moto.server").ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    options = {"key": "k", "secret": "s", "endpoint_url": f"http://{host}:{port}"}
    store = s3fs.S3FileSystem(**options, use_listings_cache=False)
    store.mkdir("bucket")
    yield store, options
    store.rm("bucket", recursive=True)
    server.stop()


def stored(store: Any, folder: str) -> dict[str, bytes]:
    store.invalidate_cache()
    return {path.removeprefix(f"{folder}/"): store.cat_file(path) for path in store.find(folder)}


@pytest.mark.parametrize("seen", [False, True], ids=["only in the store", "seen by the client"])
def test_stage(
    seen: bool,
    bucket: tuple[Any, dict[str, Any]],
    client: Client,
    cluster: Cluster,
    dataset: tuple[Path, Path],
    tmp_path: Path,
) -> None:
    store, options = bucket
    pipeline, data = dataset
    serial(pipeline, data, tmp_path / "serial", "--set=steps.1.spacing.pixdim=2")
    for file in data.iterdir():
        store.put_file(str(file), f"bucket/data/{file.name}")

    def run() -> dict[str, Any]:
        return dist.run(
            pipeline, data if seen else None, "s3://bucket/out", client=client, stage="s3://bucket/data", storage_options=options,
            set={"steps.1.spacing.pixdim": 2}, keep_going=True,
        )  # fmt: skip

    summary = run()
    assert outcomes(summary) == dict.fromkeys([*SMALL, BIG], "done")
    assert summary["cases"][0]["files"] == ["s3://bucket/out/a/image.nii.gz", "s3://bucket/out/a/trace.json"]
    assert BIG in [case for case, _, _ in cluster.starts()[:2]], "the one with most bytes begins first"
    first = stored(store, "bucket/out")
    assert_alike(first, files(tmp_path / "serial"))
    # What is done is left alone; what is not as its trace says is done again; a case that is gone fails.
    store.pipe_file("bucket/out/b/image.nii.gz", b"damaged")
    store.rm_file("bucket/out/d e/trace.json")
    again = run()
    assert outcomes(again) == {"b": "done", "d e": "done"}
    assert again["done_already"] == sorted({*SMALL, BIG} - {"b", "d e"})
    assert again["done_again"]["b"].startswith("s3://bucket/out/b/image.nii.gz has changed")
    second = stored(store, "bucket/out")
    assert second == first
    store.pipe_file("bucket/data/a.nii.gz", b"nothing")
    failed = run()
    assert outcomes(failed) == {"a": "failed"}
    assert failed["cases"][0]["problem"].startswith("s3://bucket/data/a.nii.gz: ")
    assert stored(store, "bucket/out") == second
    left = client.run(lambda dask_worker: os.listdir(dask_worker.local_directory))
    assert not [name for names in left.values() for name in names if name.startswith("revoxel-")]


def test_a_store_that_is_not_there(
    bucket: tuple[Any, dict[str, Any]], client: Client, cluster: Cluster, dataset: tuple[Path, Path], tmp_path: Path
) -> None:
    store, options = bucket
    pipeline, data = dataset
    store.put_file(str(data / "a.nii.gz"), "bucket/data/a.nii.gz")

    def run(out: Any, stage: str = "s3://bucket/data", **more: Any) -> dict[str, Any]:
        return dist.run(pipeline, None, out, client=client, stage=stage, storage_options=options, **more)

    with pytest.raises(revoxel.RevoxelError, match="out is 's3-out': with stage it is a URL"):
        run("s3-out")
    with pytest.raises(revoxel.RevoxelError, match="stage is 'bucket/data': with stage it is a URL"):
        run("s3://bucket/out", "bucket/data")
    with pytest.raises(revoxel.RevoxelError, match="out is s3://buckte/out, and there is no bucket buckte"):
        run("s3://buckte/out")
    with pytest.raises(revoxel.RevoxelError, match="out is file:///nowhere/out, and there is no folder /nowhere"):
        run("file:///nowhere/out")
    with pytest.raises(revoxel.RevoxelError, match=r"^s3://buckte/data: "):
        run("s3://bucket/out", "s3://buckte/data")
    with pytest.raises(revoxel.RevoxelError, match="no cases in s3://bucket/none"):
        run("s3://bucket/out", "s3://bucket/none")
    with pytest.raises(revoxel.RevoxelError, match=r"^nowhere://out: "):
        run("nowhere://out")
    store.invalidate_cache()
    assert store.ls("") == ["bucket"]
    assert not cluster.starts()
    assert outcomes(run("s3://bucket/deep/er/out")) == {"a": "done"}
    assert outcomes(run(f"file://{tmp_path}/out")) == {"a": "done"}


def test_headers_that_name_other_files(
    bucket: tuple[Any, dict[str, Any]], client: Client, tmp_path: Path, oblique_affine: np.ndarray
) -> None:
    store, options = bucket
    data = tmp_path / "data"
    data.mkdir()
    revoxel.write(revoxel.Volume(np.arange(60, dtype=np.int16).reshape(3, 4, 5), oblique_affine), data / "a.nhdr")
    voxels = next(path for path in data.iterdir() if path.suffix != ".nhdr")
    voxels.rename(data / f"other{''.join(voxels.suffixes)}")
    text = (data / "a.nhdr").read_text().replace(voxels.name, f"other{''.join(voxels.suffixes)}")
    (data / "a.nhdr").write_text(text)
    (data / "b.mhd").write_text(
        "ObjectType = Image\nNDims = 3\nDimSize = 2 2 2\nElementType = MET_UCHAR\nElementDataFile = parts/z%02d.raw 1 2 1\n"
    )
    (data / "parts").mkdir()
    for number in (1, 2):
        (data / f"parts/z{number:02}.raw").write_bytes(bytes([number] * 4))
    for file in data.rglob("*.*"):
        store.put_file(str(file), f"bucket/data/{file.relative_to(data).as_posix()}")
    for ending in ("nhdr", "mhd"):
        pipeline = tmp_path / f"{ending}.yaml"
        pipeline.write_text(PIPELINE.replace("{case}.nii.gz", f"{{case}}.{ending}"), encoding="utf-8")
        out = f"s3://bucket/{ending}"
        summary = dist.run(
            pipeline, None, out, client=client, stage="s3://bucket/data", storage_options=options
        )  # fmt: skip
        assert set(outcomes(summary).values()) == {"done"}
        serial(pipeline, data, tmp_path / ending)
        assert_alike(stored(store, f"bucket/{ending}"), files(tmp_path / ending))


def test_files_that_headers_name(tmp_path: Path) -> None:
    def named(name: str, text: str) -> list[str]:
        (tmp_path / name).write_bytes(text.encode())
        return _stage._named(tmp_path / name)

    assert named("a.nhdr", "NRRD0004\nData File: some voxels.raw\n") == ["some voxels.raw"]
    assert named("a.nhdr", "NRRD0004\ndatafile: ./b/a.raw\r\n\r\n") == ["b/a.raw"]
    assert named("a.nhdr", "NRRD0004\ndata file: LIST 2\na.raw\n\nb.raw\n") == ["a.raw", "b.raw"]
    assert named("a.nrrd", "NRRD0004\ntype: short\n\ndata file: x.raw\n") == []
    assert named("a.nhdr", "NRRD0004\ndata file: s%d.raw 10 6 -2 2\n") == ["s10.raw", "s8.raw", "s6.raw"]
    assert named("a.mhd", "NDims = 3\nElementDataFile = LIST\na.raw\nb.raw\n") == ["a.raw", "b.raw"]
    assert named("a.mha", "NDims = 3\nElementDataFile = LOCAL\nElementDataFile = x\n") == []
    assert named("a.mih", "mrtrix image\nfile: a.dat 0\nfile: b.dat\nEND\nfile: c.dat\n") == ["a.dat", "b.dat"]
    assert named("a.nii", "data file: x.raw\n") == []
    for outside in ("/etc/passwd", "../x.raw", "a/../../x.raw", "."):
        assert named("a.mhd", f"ElementDataFile = {outside}\n") == []


def test_the_trace_is_pushed_last(dataset: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("fsspec")
    pipeline, data = dataset
    text = revoxel.Pipeline.load(pipeline, {"inputs.image.path": "{case}.nii.gz"}).__reduce__()[1]
    url = f"memory://{data.parent}/out"
    job = _task.Job("run", "", "", url, (), text=text, stage=f"file://{data}")
    case = _stage.Listing(job).case({"case": "a", "image": "a.nii.gz"}, revoxel.Pipeline.load(pipeline))
    assert case.files == ("a.nii.gz",)
    assert case.traces == ("a/trace.json",)
    did: list[str] = []
    put, remove = _stage._Store.put, _stage._Store.remove
    monkeypatch.setattr(_stage._Store, "put", lambda self, file, path: (did.append(f"+{path}"), put(self, file, path)))
    monkeypatch.setattr(_stage._Store, "remove", lambda self, path: (did.append(f"-{path}"), remove(self, path)))
    assert outcomes(_task.work(job, case)) == {"a": "done"}
    assert did == ["-a/trace.json", "+a/image.nii.gz", "+a/trace.json"]
    # Outputs that another pipeline no longer makes go with the old trace.
    did.clear()
    other = revoxel.Pipeline.load(pipeline, {"outputs.image.path": "{case}/other.nii.gz"}).__reduce__()[1]
    answer = _task.work(_task.Job("run", "", "", url, (), text=other, stage=f"file://{data}"), case)
    assert answer["done_again"] == {"a": "the pipeline has changed"}
    assert did == ["-a/trace.json", "-a/image.nii.gz", "+a/other.nii.gz", "+a/trace.json"]
    did.clear()
    assert _task.work(_task.Job("run", "", "", url, (), text=other, stage=f"file://{data}"), case)["done_already"] == [
        "a"
    ]
    assert did == []
    # A run that is stopped in the middle leaves no trace.
    stopped = iter([False, False, True])
    monkeypatch.setattr(_task, "is_stopped", lambda _run: next(stopped))
    answer = _task.work(_task.Job("run", "", "", url, (), text=text, stage=f"file://{data}"), case)
    assert outcomes(answer) == {"a": "not_run"}
    assert did == ["-a/trace.json", "-a/other.nii.gz"]


def test_arguments(dataset: tuple[Path, Path], tmp_path: Path) -> None:
    pipeline, data = dataset
    with pytest.raises(revoxel.RevoxelError, match="client is 'dask'"):
        dist.run(pipeline, data, tmp_path / "out", client="dask")
    with pytest.raises(revoxel.RevoxelError, match="data is None"):
        dist.run(pipeline, None, tmp_path / "out")
    with pytest.raises(revoxel.RevoxelError, match=r"no cluster: give client=distributed\.Client"):
        dist.run(pipeline, data, tmp_path / "out")
    with pytest.raises(revoxel.RevoxelError, match=r"client is 3: give a distributed\.Client, or 'ray'"):
        dist.run(pipeline, data, tmp_path / "out", client=3)
    with pytest.raises(revoxel.RevoxelError, match="cases is an empty list"):
        dist.run(pipeline, data, tmp_path / "out", client="ray", cases=[])
    for retries in (-1, 1.5, True):
        with pytest.raises(revoxel.RevoxelError, match=f"retries: {retries}: expected a whole number, at least 0"):
            dist.run(pipeline, data, tmp_path / "out", client="ray", retries=retries)
    whole = revoxel.Pipeline.load(pipeline)
    values = {"steps.1.spacing.pixdim": 2}
    changed = dist._changed(whole, values)
    assert changed == dist._changed(pipeline, values) == revoxel.Pipeline.load(pipeline, values)
    assert changed != whole


def test_a_cluster_is_no_client(cluster: Cluster, dataset: tuple[Path, Path], tmp_path: Path) -> None:
    pipeline, data = dataset
    with pytest.raises(
        revoxel.RevoxelError, match=r"client is a LocalCluster: .*client=distributed\.Client\(cluster\)"
    ):
        dist.run(pipeline, data, tmp_path / "out", client=cluster.cluster)


def test_arguments_of_numpy(client: Client, dataset: tuple[Path, Path], tmp_path: Path) -> None:
    pipeline, data = dataset
    summary = dist.run(
        pipeline, data, tmp_path / "out", client=client, cases=np.array(["a", "b"]), threads=np.int64(1),
        retries=np.uint8(1), set={"steps.1.spacing.pixdim": np.full(3, 2.0)},
    )  # fmt: skip
    assert outcomes(summary) == {"a": "done", "b": "done"}
    with pytest.raises(revoxel.RevoxelError, match="cases is an empty list"):
        dist.run(pipeline, data, tmp_path / "out", client=client, cases=[])


def test_a_wrong_program_on_the_workers(
    client: Client, dataset: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REVOXEL_PROGRAM", "/nowhere/program")
    answer = _task.work(_task.Job("run", "p.yaml", "data", "out", ()), _task.Case("a"))
    assert answer["cases"][0]["problem"].startswith("the variable REVOXEL_PROGRAM is '/nowhere/program': ")


def test_what_is_done_is_not_called_not_run(
    client: Client, cluster: Cluster, dataset: tuple[Path, Path], tmp_path: Path
) -> None:
    pipeline, data = dataset
    # All cases end before anybody asks for the result.
    run = dist.start(pipeline, data, tmp_path / "out", client=client, cases=SMALL)
    until(lambda: standing(tmp_path / "out") == {"done": 6}, "the small cases")
    until(lambda: not any(client.processing().values()), "the tasks end")
    run.cancel()
    assert outcomes(run.result()) == dict.fromkeys(SMALL, "done")
    assert run.ended == run.of == 6
    # Cases that end while the callback is slow, until another one fails.
    damage(data / "b.nii.gz")
    cases = [*SMALL, *(f"x{number}" for number in range(8))]
    for case in cases[len(SMALL) :]:
        (data / f"{case}.nii.gz").symlink_to(data / "a.nii.gz")
    (data / f"{BIG}.nii.gz").unlink()
    with pytest.raises(dist.CasesError, match=r"^case b: [^\n]*$") as caught:
        dist.run(pipeline, data, tmp_path / "second", client=client, progress=lambda *_: time.sleep(0.2))
    said = outcomes(caught.value.summary)
    until(lambda: not any(client.processing().values()), "the tasks end")
    on_disk = {row["case"] for row in revoxel.status(tmp_path / "second")["cases"] if row["state"] == "done"}
    assert {case for case, outcome in said.items() if outcome == "done"} == on_disk
    assert said["b"] == "failed"
    assert set(said) == set(cases)


class Silent:
    """A cluster whose tasks end without a word."""

    def __init__(self, does: Callable[[str], object]) -> None:
        self.does = does

    def slots(self) -> int:
        return 1

    def refuse(self, case: _task.Case) -> None:
        return None

    def submit(self, job: _task.Job, case: _task.Case, rank: int, ended: Callable[[Any], object]) -> str:
        self.does(case.name)
        return case.name

    def outcome(self, future: str) -> None:
        return None

    def stop(self, job: _task.Job, futures: list[str]) -> list[str]:
        return futures


def test_the_truth_is_on_the_disk(dataset: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline, data = dataset
    out = tmp_path / "out"
    silent = Silent(lambda case: case in {"a,b", "c?"} and serial(pipeline, data, out, f"--case={case}", "--resume"))
    monkeypatch.setattr(dist, "_Ray", lambda _retries: silent)
    monkeypatch.setattr(dist, "_client", lambda client: client)
    run = dist.start(pipeline, data, out, client="ray", cases=SMALL)
    run.cancel()
    expected = {case: "done" if case in {"a,b", "c?"} else "not_run" for case in SMALL}
    assert outcomes(run.result()) == expected
    assert outcomes(run.result()) == expected, "asked again"


def test_paths_of_traces() -> None:
    fields = {"case": "sub-1_ses-b", "sub": "1", "ses": "b"}
    assert _stage._filled("sub-{sub}/[ses-{ses}/]{case}.json", fields) == "sub-1/ses-b/sub-1_ses-b.json"
    assert _stage._filled("sub-{sub}/[ses-{ses}/]{case}.json", {"case": "x", "sub": "1"}) == "sub-1/x.json"
    assert _stage._filled("[x]/{case}-{copy}.json", {"case": "x", "copy": "0"}) == "[x]/x-0.json"


def test_ray(dataset: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray")
    pipeline, data = dataset
    damage(data / "b.nii.gz")
    # Workers of Ray look for packages where they are started: not in the folder of the sources.
    monkeypatch.chdir(tmp_path)
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        summary = dist.run(pipeline, data, tmp_path / "out", client="ray", keep_going=True)
        assert outcomes(summary) == {**dict.fromkeys([*SMALL, BIG], "done"), "b": "failed"}
        (data / "b.nii.gz").unlink()
        assert_same(tmp_path / "out", pipeline, data)
        (tmp_path / "out" / BIG / "trace.json").unlink()
        run = dist.start(pipeline, data, tmp_path / "out", client="ray", cases=BIG)
        until(lambda: partials(tmp_path / "out" / BIG), "the files of the big case being written")
        run.cancel()
        told = outcomes(run.result())
        until(lambda: partials(tmp_path / "out") == [], "the program to end", 10)
        # Ray's worker looks up now and then: a case that is fast has ended before, and is whole.
        ended = (tmp_path / "out" / BIG / "trace.json").exists()
        assert told == {BIG: "done" if ended else "not_run"}
        again = dist.run(pipeline, data, tmp_path / "out", client="ray")
        assert (BIG in again["done_already"]) if ended else (outcomes(again) == {BIG: "done"})
    finally:
        ray.shutdown()
