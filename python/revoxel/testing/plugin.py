"""A plugin for pytest: tests on tiny files that know where their voxels are.

`spatial_file` runs a test once for each sample file (or some of them, with the marker
`spatial_files`), with a copy of the file that the test may change:

    @pytest.mark.spatial_files(formats=["nifti"], questions=[1, 2])
    def test_affine(spatial_file):
        image = my_reader(spatial_file.path)
        assert np.allclose(image.affine, spatial_file.affine_ras, atol=1e-3)

`spatial_answer` runs a test once for each of the twelve questions, of an adapter named by the marker
`spatial_image` or by the option `--spatial-image MODULE:CLASS`:

    @pytest.mark.spatial_image(MyAdapter())
    def test_conformance(spatial_answer):
        spatial_answer.check()

Load it with `-p revoxel.testing.plugin`, or install revoxel, which registers it.
"""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pytest

from . import QUESTIONS, Answer, SampleFile, check_spatial_image, sample_files
from .adapters import adapter as adapter_called


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds `--spatial-image`."""
    group = parser.getgroup("spatial images")
    group.addoption(
        "--spatial-image",
        metavar="MODULE:CLASS",
        help="the adapter that spatial_answer asks, or the name of a known one",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declares the markers."""
    config.addinivalue_line("markers", "spatial_files(formats=None, questions=None): the sample files of spatial_file")
    config.addinivalue_line("markers", "spatial_image(adapter): the adapter that spatial_answer asks")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each file, or for each question."""
    if "spatial_file" in metafunc.fixturenames:
        files = chosen_files(metafunc.definition.get_closest_marker("spatial_files"))
        metafunc.parametrize("spatial_file", files, ids=[f.name for f in files], indirect=True)
    if "spatial_answer" in metafunc.fixturenames:
        numbers = sorted(QUESTIONS)
        ids = [f"{n}" for n in numbers]
        metafunc.parametrize("spatial_answer", numbers, ids=ids, indirect=True)


def chosen_files(marker: pytest.Mark | None) -> list[SampleFile]:
    """What the marker `spatial_files` asks for."""
    formats, questions = None, None
    if marker is not None:
        unknown = set(marker.kwargs) - {"formats", "questions"}
        if unknown or marker.args:
            raise pytest.UsageError("spatial_files takes formats=[…] and questions=[…] only")
        formats, questions = marker.kwargs.get("formats"), marker.kwargs.get("questions")
    files = [
        file for file in sample_files(formats=formats) if questions is None or set(questions) & set(file.questions)
    ]
    if not files:
        raise pytest.UsageError(f"no sample file is of {formats or 'any format'} and of {questions}")
    return files


@pytest.fixture
def spatial_file(request: pytest.FixtureRequest, tmp_path: Path) -> SampleFile:
    """A sample file, as a copy."""
    file: SampleFile = request.param
    copy = tmp_path / file.name
    if file.path.is_dir():
        shutil.copytree(file.path, copy)
    else:
        shutil.copyfile(file.path, copy)
    return dataclasses.replace(file, path=copy)


@pytest.fixture
def spatial_answer(request: pytest.FixtureRequest) -> Answer:
    """The answer of an adapter to one question."""
    marker = request.node.get_closest_marker("spatial_image")
    option = request.config.getoption("--spatial-image")
    adapter: Any
    if option:
        adapter = adapter_called(str(option))
    elif marker is not None and len(marker.args) == 1:
        adapter = marker.args[0]
    else:
        raise pytest.UsageError("name an adapter: @pytest.mark.spatial_image(adapter), or --spatial-image")
    number: int = request.param
    return check_spatial_image(adapter, questions=[number])[number]
