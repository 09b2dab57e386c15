"""nibabel's answers: canonical reorientation, orientation of affines, qforms, resampling."""

from __future__ import annotations

import itertools

import nibabel as nib
import numpy as np
from nibabel import affines as nib_affines
from nibabel import processing

import grids
import volumes
from casebook import EXACT, Casebook, close, matrix


def canonical(book: Casebook) -> None:
    for i, affine in enumerate(volumes.AFFINES):
        volume = (volumes.full, volumes.label, volumes.ct)[i % 3]("abc"[i % 3], affine)
        image = nib.Nifti1Image(volume.data[0], volume.affine, dtype=volume.data.dtype)
        answer = nib.as_closest_canonical(image)
        book.add(f"canonical/{affine}", "as_closest_canonical", volume,
                 [{"orientation": {"closest_canonical": True}}],
                 (np.asarray(answer.dataobj)[None], answer.affine), EXACT)


def resampling(book: Casebook) -> None:
    """resample_from_to: linear, a constant beyond the outermost centres."""
    for affine, shape in [("lps", "a"), ("oblique", "b"), ("mirrored", "c")]:
        volume = volumes.full(shape, affine)
        image = nib.Nifti1Image(volume.data[0], volume.affine)
        for name, (size, target) in volumes.references(volume).items():
            answer = processing.resample_from_to(image, (size, target), order=1, cval=-500.0)
            where = grids.positions(volume.affine, target, size)
            step = {"reference": "reference", "interpolation": "linear", "padding": -500.0}
            book.add(f"resample-from-to/{affine}-{name}", "resample_from_to", volume,
                     [{"resample_to": step}], (np.asarray(answer.dataobj)[None], answer.affine),
                     close(), mask=grids.off_rim(where, volume.shape, 0.5 + grids.TIE),
                     reference=(size, target))


def _affines() -> list[np.ndarray]:
    """Named grids, all 48 axis orders, random ones, sheared ones and near ties."""
    random = np.random.default_rng(20240611)
    rows = list(volumes.AFFINES.values())
    for order in [(0, 1, 2), (1, 2, 0), (2, 0, 1), (0, 2, 1), (2, 1, 0), (1, 0, 2)]:
        for signs in [(1, 1, 1), (-1, -1, 1), (1, -1, -1), (-1, 1, 1), (-1, -1, -1), (1, 1, -1)]:
            linear = np.eye(3)[:, order] @ np.diag(np.array(signs) * [0.7, 1.25, 3.0])
            rows.append(grids.affine(linear, random.uniform(-90, 90, 3)))
    for i in range(30):
        linear = grids.rotation(*random.uniform(-180, 180, 3)) @ np.diag(random.uniform(0.4, 5, 3))
        if i % 3 == 1:
            linear = linear @ np.diag([1, -1, 1])
        if i % 3 == 2:
            shear = np.eye(3)
            shear[np.triu_indices(3, 1)] = random.uniform(-0.6, 0.6, 3)
            linear = linear @ shear
        rows.append(grids.affine(linear, random.uniform(-200, 200, 3)))
    for angle in [44.0, 44.9, 45.1, 46.0, 134.9, -44.9, -45.1, -135.1]:
        for axis in range(3):
            turn = grids.rotation(*np.eye(3)[axis] * angle)
            rows.append(grids.affine(turn @ np.diag([1.0, 1.5, 0.75]), (1.0, 2.0, 3.0)))
    return rows


def geometry(book: Casebook) -> None:
    entries = []
    for affine in _affines():
        affine = affine + 0.0
        entries.append({
            "affine": matrix(affine),
            "axcodes": "".join(nib.aff2axcodes(affine)),
            "orientation": nib.io_orientation(affine).astype(int).tolist(),
            "zooms": nib_affines.voxel_sizes(affine).tolist(),
            "obliquity": nib_affines.obliquity(affine).tolist(),
        })
    book.lists["geometry"] = entries


def _ties() -> list[np.ndarray]:
    """Affines with an axis at 45 degrees: straight, oblique, twice, sheared, and up to 1e-9 beside it."""
    turns = [np.eye(3)[axis] * angle for axis in range(3) for angle in (45.0, -45.0, 135.0)]
    straight = [grids.rotation(*turn) for turn in turns]
    exact = np.sqrt(0.5)
    for turn in straight:
        turn[np.isclose(np.abs(turn), exact)] = np.sign(turn[np.isclose(np.abs(turn), exact)]) * exact
        turn[np.isclose(turn, 0)] = 0
    oblique = [a @ grids.rotation(*np.eye(3)[axis] * 30.0) for a in straight[::3] for axis in range(3)]
    twice = [straight[i] @ straight[j] for i, j in [(0, 3), (3, 6), (6, 1), (4, 0)]]
    shear = np.eye(3)
    shear[0, 1] = shear[1, 0] = 0.25
    sheared = [turn @ shear for turn in straight[6:]]
    beside = [grids.rotation(*np.eye(3)[axis] * (45.0 + np.degrees(off)))
              for axis in range(3) for off in (1e-15, -1e-13, 1e-11, -1e-9)]
    rows = []
    for i, turn in enumerate([*straight, *oblique, *twice, *sheared, *beside]):
        for k, order in enumerate(itertools.permutations(range(3))):
            signs = [(1, 1, 1), (-1, -1, 1), (1, -1, -1), (-1, 1, 1)][(i + k) % 4]
            sizes = [(1, 1, 1), (0.7, 0.7, 3), (0.7, 1, 2.5)][(i + k // 2) % 3]
            linear = turn[:, order] @ np.diag(np.multiply(signs, sizes))
            if i % 2 and i < len(straight) + len(oblique) + len(twice) + len(sheared):
                linear = linear.astype(np.float32)  # as NIfTI holds it
            rows.append(grids.affine(linear, (1.0, 2.0, 3.0)))
    return rows


def ties(book: Casebook) -> None:
    """Letters that the last bits of LAPACK decide: what OpenBLAS computes with fused multiply-add."""
    book.lists["ties"] = [
        {"affine": matrix(affine), "axcodes": "".join(nib.aff2axcodes(affine + 0.0))} for affine in _ties()
    ]


def _turned(affine: np.ndarray, target: str) -> list[list[int]]:
    """For each axis of the source: which axis it becomes, and 1 or -1."""
    here = nib.io_orientation(affine)
    return nib.orientations.ornt_transform(here, nib.orientations.axcodes2ornt(target)).astype(int).tolist()


def turns(book: Casebook) -> None:
    """Turns at ties, those that shears make too, and whether nibabel leaves alone what it has turned."""
    random = np.random.default_rng(4)
    rows = [grids.affine(np.array([[-2.5, 1, 0.5], [2.5, -1, 0], [0, 1, 0.5]]), (1.0, 2.0, 3.0))]
    while len(rows) < 60:
        linear = random.choice([-1.0, 0.0, 1.0], (3, 3))
        if abs(np.linalg.det(linear)) > 0.5:
            rows.append(grids.affine(linear * random.choice([0.5, 1, 2.5], 3), (1.0, 2.0, 3.0)))
    eighths = [np.pi / 4 * k for k in (1, -1, 3)]
    for first, second in itertools.permutations(range(3), 2):
        for a, b in itertools.product(eighths, eighths[:2]):
            turn = grids.rotation(*np.eye(3)[first] * np.degrees(a)) @ grids.rotation(*np.eye(3)[second] * np.degrees(b))
            rows.append(grids.affine((turn @ np.diag([1, 1, 2.0])).astype(np.float32), (1.0, 2.0, 3.0)))
    entries = []
    for affine in rows:
        affine = affine + 0.0
        for target in ("RAS", "ASR", "PIL"):
            axes = _turned(affine, target)
            shape = (3, 4, 5)
            after = affine @ nib.orientations.inv_ornt_aff(np.array(axes), shape)
            again = _turned(after, target)
            entries.append({
                "affine": matrix(affine), "target": target, "axes": axes,
                "stable": again == [[0, 1], [1, 1], [2, 1]],
            })
    book.lists["turns"] = entries


def qforms(book: Casebook) -> None:
    """NIfTI quaternion headers (32-bit fields, given here as they are stored)."""
    random = np.random.default_rng(7)
    entries = []
    for i in range(24):
        header = nib.Nifti1Header()
        header.set_data_shape((5, 6, 7))
        if i < 4:  # half turns and the identity: the scalar part is 0 or 1
            quaternion = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]][i], dtype=float)
        else:
            quaternion = random.normal(size=4)
            quaternion = (quaternion / np.linalg.norm(quaternion))[1:]
        sizes = random.uniform(0.3, 4, 3)
        header["pixdim"][:4] = [-1 if i % 2 else 1, *sizes]
        header["quatern_b"], header["quatern_c"], header["quatern_d"] = quaternion
        offsets = random.uniform(-150, 150, 3)
        header["qoffset_x"], header["qoffset_y"], header["qoffset_z"] = offsets
        header["qform_code"] = 1
        entries.append({
            "quatern": [float(header[f"quatern_{axis}"]) for axis in "bcd"],
            "qoffset": [float(header[f"qoffset_{axis}"]) for axis in "xyz"],
            "pixdim": [float(value) for value in header["pixdim"][1:4]],
            "qfac": float(header["pixdim"][0]),
            "affine": matrix(header.get_qform()),
        })
    book.lists["qform"] = entries


def record() -> Casebook:
    book = Casebook("nibabel", nib.__version__, {"nibabel": nib.__version__})
    for part in [canonical, resampling, geometry, ties, turns, qforms]:
        part(book)
    return book
