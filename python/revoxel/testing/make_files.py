"""Writes the sample files of the conformance checker, and the expected answers beside them.

    python make_files.py [FOLDER]

Only the standard library and NumPy are used (written with Python 3.11 and NumPy 2.4; no other
library has a part in it): the bytes of every format are written here by hand, so no reader that is
checked with these files has also written them. The expected answers come from the same definitions
as the bytes; nothing is read back. The rotation is rational and gzip does not compress, so the
bytes are the same on every machine.

Definitions. World coordinates are RAS+ in mm, index (0,0,0) is the centre of the first voxel, the
first index is the fastest in the file. The voxel at (x, y, z) of channel c is 1 + x + 10 y + 100 z +
1000 c, unless said otherwise, so every value tells its index.
"""

from __future__ import annotations

import gzip
import json
import struct
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Affine = npt.NDArray[np.float64]

SPACING = (0.7, 1.1, 2.3)
ORIGIN = (-31.7, 12.9, 48.3)
SHAPE = (5, 7, 9)
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])

# The rotation of a quaternion of whole numbers has rational entries: no sine or cosine that a
# mathematical library may round differently. This one turns by 35 degrees about a slanted axis.
QUATERNION = (12, 1, 2, -3)
PLAIN = [1, 2, 3, 4]


def rotation() -> Affine:
    """Index axes to RAS, 3 × 3."""
    a, b, c, d = QUATERNION
    whole = [
        [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
        [2 * (b * c + a * d), a * a - b * b + c * c - d * d, 2 * (c * d - a * b)],
        [2 * (b * d - a * c), 2 * (c * d + a * b), a * a - b * b - c * c + d * d],
    ]
    return np.array(whole, dtype=np.float64) / float(a * a + b * b + c * c + d * d)


def affine(signs: tuple[int, int, int] = (1, 1, 1), origin: tuple[float, ...] = ORIGIN) -> Affine:
    """Index to RAS: the rotation above, the spacing above, and a sign per axis."""
    out = np.eye(4)
    out[:3, :3] = rotation() * (np.array(SPACING) * np.array(signs))
    out[:3, 3] = origin
    return out


def length(v: Array) -> float:
    """Of a vector of three."""
    # Not numpy.linalg.norm: some builds fuse its products and sums, and round otherwise.
    x, y, z = (float(c) for c in v)
    return float(np.sqrt(x * x + y * y + z * z))


def sheared(plain: Affine, along: float) -> Affine:
    """The third axis leans by `along` mm per step towards the second: a tilted gantry."""
    out = plain.copy()
    out[:3, 2] += along * plain[:3, 1] / length(plain[:3, 1])
    return out


def values(shape: tuple[int, ...] = SHAPE, channels: int = 1, dtype: str = "int16") -> Array:
    """(x, y, z, c)."""
    x, y, z, c = np.indices((*shape, channels))
    return np.asarray(1 + x + 10 * y + 100 * z + 1000 * c).astype(dtype)


@dataclass
class Expected:
    """What a reader should say about a file: the JSON beside it."""

    name: str
    format: str
    says: str
    questions: list[int]
    voxels: Array
    affine_ras: Affine
    tolerance_voxels: float
    other_affines_ras: list[Affine] = field(default_factory=list)
    frame: str | None = "patient"
    axis_order_free: bool = False
    refuse: str | None = None

    def write(self, folder: Path) -> None:
        """Writes the JSON beside the file."""

        def rows(matrix: Affine) -> list[list[float]]:
            return [[float(v) for v in row] for row in matrix]

        # The values in the order of a file: x fastest, then y, z and the channel.
        flat = self.voxels.ravel(order="F").tolist()
        document: dict[str, Any] = {
            "file": self.name,
            "format": self.format,
            "says": self.says,
            "questions": self.questions,
            "shape_xyz": list(self.voxels.shape[:3]),
            "channels": self.voxels.shape[3],
            "frame": self.frame,
            "affine_ras": None if self.refuse else rows(self.affine_ras),
            "other_affines_ras": [rows(m) for m in self.other_affines_ras],
            "axis_order_free": self.axis_order_free,
            "tolerance_voxels": self.tolerance_voxels,
            "refuse": self.refuse,
        }
        lines = [f"  {json.dumps(k)}: {json.dumps(v)}," for k, v in document.items()]
        text = "{\n" + "\n".join(lines) + f'\n  "values": {json.dumps(flat, separators=(",", ":"))}\n}}\n'
        (folder / f"{self.name}.json").write_text(text, encoding="utf-8")


FLOAT32_HEADER = 1e-3
TEXT_HEADER = 1e-6


# ---------------------------------------------------------------------------------------- NIfTI

NIFTI_TYPES = {"uint8": (2, 8), "int16": (4, 16), "int32": (8, 32), "float32": (16, 32), "float64": (64, 64)}


def quaternion_of(matrix: Affine) -> tuple[tuple[float, float, float], float]:
    """(b, c, d) and qfac, for the affines of this file only: `rotation()` with some signs."""
    signs = np.sign(np.sum(rotation() * matrix[:3, :3], axis=0))
    qfac = float(np.prod(signs))
    if tuple(signs[:2]) != (1.0, 1.0):
        raise ValueError("this script writes a qform only if the first two axes keep their signs")
    norm = float(np.sqrt(float(sum(v * v for v in QUATERNION))))
    _, b, c, d = (v / norm for v in QUATERNION)
    return (b, c, d), qfac


def nifti(
    voxels: Array,
    *,
    sform: Affine | None = None,
    qform: Affine | None = None,
    version: int = 1,
    units: int = 2,
    unit: float = 1.0,
    slope: float = 0.0,
    inter: float = 0.0,
    offset: int | None = None,
    byte_order: Literal["<", ">"] = "<",
    step: float = 0.0,
    spacing: tuple[float, ...] = SPACING,
) -> bytes:
    """A whole `.nii`. `unit` is the number of header units in a millimetre, `offset` that of the voxels."""
    code, bits = NIFTI_TYPES[voxels.dtype.name]
    shape, channels = voxels.shape[:3], voxels.shape[3]
    axes = 3 if channels == 1 else 4
    dim = [axes, *shape, channels, 1, 1, 1]
    (b, c, d), qfac = quaternion_of(qform) if qform is not None else ((0.0, 0.0, 0.0), 1.0)
    pixdim = [qfac, *(s * unit for s in spacing), step, 0.0, 0.0, 0.0]
    at = [float(v) * unit for v in qform[:3, 3]] if qform is not None else [0.0] * 3
    rows = [[float(v) * unit for v in row] for row in sform[:3]] if sform is not None else [[0.0] * 4] * 3
    codes = (1 if qform is not None else 0, 1 if sform is not None else 0)
    smallest = 352 if version == 1 else 544
    offset = smallest if offset is None else offset
    text = b"conformance"
    o = byte_order
    if version == 1:
        head = struct.pack(o + "i35xB", 348, 0)
        head += struct.pack(o + "8h", *dim) + struct.pack(o + "3fhhhh", 0, 0, 0, 0, code, bits, 0)
        head += struct.pack(o + "8f", *pixdim) + struct.pack(o + "fff", float(offset), slope, inter)
        head += struct.pack(o + "hBB", 0, 0, units | (8 if axes == 4 else 0))
        head += struct.pack(o + "4f2i", 0, 0, 0, 0, 0, 0) + struct.pack(o + "80s24s", text, b"")
        head += struct.pack(o + "2h", *codes) + struct.pack(o + "3f3f", b, c, d, *at)
        head += b"".join(struct.pack(o + "4f", *row) for row in rows)
        head += struct.pack("16s4s", b"", b"n+1\0")
    else:
        head = struct.pack(o + "i8s", 540, b"n+2\0\r\n\x1a\n") + struct.pack(o + "hh8q", code, bits, *dim)
        head += struct.pack(o + "3d8d", 0, 0, 0, *pixdim) + struct.pack(o + "q2d", offset, slope, inter)
        head += struct.pack(o + "4d2q", 0, 0, 0, 0, 0, 0) + struct.pack(o + "80s24s", text, b"")
        head += struct.pack(o + "2i", *codes) + struct.pack(o + "3d3d", b, c, d, *at)
        head += b"".join(struct.pack(o + "4d", *row) for row in rows)
        head += struct.pack(o + "3i16sB15x", 0, units | (8 if axes == 4 else 0), 0, b"", 0)
    assert len(head) == (348 if version == 1 else 540)
    head += b"\0" * 4
    # What lies between header and voxels is neither zero nor a plausible voxel.
    filler = b"\xa5" * (offset - len(head))
    return head + filler + voxels.astype(voxels.dtype.newbyteorder(o)).tobytes(order="F")


def zipped(data: bytes) -> bytes:
    """A gzip member that stores."""
    # Level 0 stores: the bytes do not depend on the compressor.
    return gzip.compress(data, compresslevel=0, mtime=0)


def nifti_files(folder: Path) -> list[Expected]:
    """Writes the NIfTI files."""
    done: list[Expected] = []

    def put(
        name: str, data: bytes, says: str, voxels: Array, matrix: Affine, questions: list[int], **more: Any
    ) -> None:
        (folder / name).write_bytes(zipped(data) if name.endswith(".gz") else data)
        more.setdefault("tolerance_voxels", FLOAT32_HEADER)
        done.append(Expected(name, "nifti", says, questions, voxels, matrix, **more))

    v, a = values(), affine()
    put("nifti1_sform.nii", nifti(v, sform=a), "oblique, sform only", v, a, PLAIN)

    small = values((5, 7, 2), dtype="uint8")
    put("nifti1_qform.nii.gz", nifti(small, qform=a), "oblique, qform only, uint8", small, a, PLAIN)

    moved = affine(origin=(-11.7, 42.9, 8.3))
    put(
        "nifti1_both_differ.nii",
        nifti(v, sform=a, qform=moved),
        "sform and qform differ by (20, 30, -40) mm, both with code 1; most readers take the sform",
        v,
        a,
        PLAIN,
        other_affines_ras=[moved],
    )

    wide = values(dtype="float64") + 0.25
    mixed = affine((-1, 1, 1))
    put(
        "nifti2_oblique.nii.gz",
        nifti(wide, sform=mixed, version=2),
        "NIfTI-2, oblique, first axis to the left, float64",
        wide,
        mixed,
        PLAIN,
        tolerance_voxels=TEXT_HEADER,
    )

    mirrored = affine((1, 1, -1))
    put(
        "nifti1_mirrored.nii",
        nifti(v, sform=mirrored, qform=mirrored),
        "a left-handed affine (determinant below 0), qfac is -1",
        v,
        mirrored,
        PLAIN,
    )

    lean = sheared(a, 0.9)
    put(
        "nifti1_sheared.nii.gz",
        nifti(v, sform=lean, spacing=(0.7, 1.1, length(lean[:3, 2]))),
        "sheared sform, no qform",
        v,
        lean,
        [7],
    )

    put("nifti1_micrometre.nii", nifti(v, sform=a, qform=a, units=3, unit=1e3), "lengths in µm", v, a, [10])
    put("nifti1_metre.nii", nifti(v, sform=a, qform=a, units=1, unit=1e-3), "lengths in m", v, a, [10])

    put(
        "nifti1_scaled.nii",
        nifti(v, sform=a, qform=a, slope=0.5, inter=-20.0),
        "values are 0.5 times what is stored, minus 20",
        v.astype("float64") * 0.5 - 20.0,
        a,
        [4, 9],
    )

    put(
        "nifti1_vox_offset.nii",
        nifti(v, sform=a, qform=a, offset=416),
        "voxels start at byte 416, without header extensions",
        v,
        a,
        [4],
    )

    large = values(dtype="int32") + 16_777_216
    put(
        "nifti1_big_endian_int32.nii",
        nifti(large, sform=a, qform=a, byte_order=">"),
        "big endian; int32 values above 2^24, which float32 cannot hold",
        large,
        a,
        [9],
    )

    frames = values(channels=3)
    put(
        "nifti1_time.nii.gz",
        nifti(frames, sform=a, qform=a, step=2.5),
        "three frames, 2.5 s apart",
        frames,
        a,
        [8],
    )

    lost = a.copy()
    lost[:3, 1] = np.nan
    put(
        "nifti1_nan_spacing.nii",
        nifti(v, sform=lost, spacing=(0.7, float("nan"), 2.3)),
        "the second spacing and the second column of the sform are NaN",
        v,
        lost,
        [10],
        refuse="NaN spacing",
    )
    return done


# ----------------------------------------------------------------------------------------- NRRD


def vector(v: Array) -> str:
    """As NRRD writes it."""
    return "(" + ",".join(repr(float(x)) for x in v) + ")"


def nrrd(voxels: Array, matrix: Affine, space: str, *, channel_first: bool = False, encoding: str = "raw") -> bytes:
    """`matrix` is index to `space`."""
    shape = list(voxels.shape[:3])
    directions = [vector(matrix[:3, i]) for i in range(3)]
    if channel_first:
        shape = [voxels.shape[3], *shape]
        directions = ["none", *directions]
        voxels = np.moveaxis(voxels, 3, 0)
    kinds = (["vector"] if channel_first else []) + ["domain"] * 3
    head = [
        "NRRD0004",
        f"type: {voxels.dtype.name}",
        f"dimension: {len(shape)}",
        f"space: {space}",
        "sizes: " + " ".join(str(n) for n in shape),
        "space directions: " + " ".join(directions),
        "kinds: " + " ".join(kinds),
        "endian: little",
        f"encoding: {encoding}",
        f"space origin: {vector(matrix[:3, 3])}",
    ]
    body = voxels.astype(voxels.dtype.newbyteorder("<")).tobytes(order="F")
    return ("\n".join(head) + "\n\n").encode() + (zipped(body) if encoding == "gzip" else body)


def nrrd_files(folder: Path) -> list[Expected]:
    """Writes the NRRD files."""
    done: list[Expected] = []
    v, a = values(), affine()
    las = np.diag([-1.0, 1.0, 1.0, 1.0])
    three = values(channels=3)
    lean = sheared(a, 0.9)
    flat = a.copy()
    flat[:3, 2] = 0.0
    mixed = affine((-1, -1, 1))
    cases: list[tuple[str, bytes, str, Array, Affine, list[int], str | None]] = [
        (
            "nrrd_lps.nrrd",
            nrrd(v, LPS @ mixed, "left-posterior-superior"),
            "space LPS, oblique",
            v,
            mixed,
            PLAIN,
            None,
        ),
        (
            "nrrd_ras.nrrd",
            nrrd(v, a, "right-anterior-superior", encoding="gzip"),
            "space RAS, oblique, gzip",
            v,
            a,
            PLAIN,
            None,
        ),
        (
            "nrrd_las.nrrd",
            nrrd(v, las @ a, "left-anterior-superior"),
            "space LAS, oblique: the world itself is left-handed",
            v,
            a,
            PLAIN,
            None,
        ),
        (
            "nrrd_channel_first.nrrd",
            nrrd(three, LPS @ a, "left-posterior-superior", channel_first=True),
            "three channels on the first axis, which has no direction",
            three,
            a,
            [8],
            None,
        ),
        (
            "nrrd_sheared.nrrd",
            nrrd(v, LPS @ lean, "left-posterior-superior"),
            "sheared directions",
            v,
            lean,
            [7],
            None,
        ),
        (
            "nrrd_zero_spacing.nrrd",
            nrrd(v, LPS @ flat, "left-posterior-superior"),
            "the third direction is (0, 0, 0)",
            v,
            flat,
            [10],
            "zero spacing",
        ),
    ]
    for name, data, says, voxels, matrix, questions, refuse in cases:
        (folder / name).write_bytes(data)
        done.append(Expected(name, "nrrd", says, questions, voxels, matrix, TEXT_HEADER, refuse=refuse))
    return done


# ------------------------------------------------------------------------------------ MetaImage


def metaimage(voxels: Array, matrix: Affine, *, layout: str = "plain", step: float = 1.0) -> bytes:
    """`matrix` is index to LPS. `layout`: plain, channels (interleaved) or frames (a fourth axis)."""
    shape = list(voxels.shape[:3])
    spacing = np.array([length(matrix[:3, i]) for i in range(3)])
    axes = 4 if layout == "frames" else 3
    direction = np.eye(axes)
    direction[:3, :3] = matrix[:3, :3] / spacing
    place = list(matrix[:3, 3])
    size = list(spacing)
    if layout == "frames":
        shape, size, place = [*shape, voxels.shape[3]], [*size, step], [*place, 0.0]
    if layout == "channels":
        voxels = np.moveaxis(voxels, 3, 0)

    def numbers(v: Any) -> str:
        return " ".join(repr(float(x)) for x in v)

    head = [
        "ObjectType = Image",
        f"NDims = {axes}",
        "BinaryData = True",
        "BinaryDataByteOrderMSB = False",
        "CompressedData = False",
        # One row of the file is the direction of one axis.
        f"TransformMatrix = {numbers(direction.T.ravel())}",
        f"Offset = {numbers(place)}",
        f"CenterOfRotation = {numbers([0.0] * axes)}",
        f"ElementSpacing = {numbers(size)}",
        "DimSize = " + " ".join(str(n) for n in shape),
    ]
    if layout == "channels":
        head.append(f"ElementNumberOfChannels = {voxels.shape[0]}")
    head += ["ElementType = MET_SHORT", "ElementDataFile = LOCAL"]
    return ("\n".join(head) + "\n").encode() + voxels.astype("<i2").tobytes(order="F")


def metaimage_files(folder: Path) -> list[Expected]:
    """Writes the MetaImage files."""
    mixed = affine((1, -1, -1))
    v, two, three = values(), values(channels=2), values(channels=3)
    cases = [
        ("meta_oblique.mha", metaimage(v, LPS @ mixed), "oblique", v, mixed, PLAIN),
        (
            "meta_channels.mha",
            metaimage(three, LPS @ mixed, layout="channels"),
            "three interleaved channels (ElementNumberOfChannels)",
            three,
            mixed,
            [8],
        ),
        (
            "meta_time.mha",
            metaimage(two, LPS @ mixed, layout="frames", step=2.5),
            "four axes: two frames, 2.5 s apart",
            two,
            mixed,
            [8],
        ),
    ]
    done: list[Expected] = []
    for name, data, says, voxels, matrix, questions in cases:
        (folder / name).write_bytes(data)
        done.append(Expected(name, "metaimage", says, questions, voxels, matrix, TEXT_HEADER))
    return done


# ---------------------------------------------------------------------------------------- DICOM


def element(group: int, number: int, vr: str, value: bytes | str) -> bytes:
    """One data element in Explicit VR Little Endian."""
    data = value.encode("ascii") if isinstance(value, str) else value
    if len(data) % 2:
        data += b"\0" if vr in ("UI", "OB") else b" "
    head = struct.pack("<HH", group, number) + vr.encode()
    if vr in ("OB", "OW"):
        return head + struct.pack("<HI", 0, len(data)) + data
    return head + struct.pack("<H", len(data)) + data


def decimal(v: float) -> str:
    """A decimal string: at most 16 characters."""
    text = repr(float(v))
    if len(text) <= 16:
        return text
    text = f"{float(v):.13f}"
    return text[:16]


CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
ROOT = "1.2.826.0.1.3680043.10.1543.77"


def dicom_slice(pixels: Array, matrix: Affine, k: int, series: int) -> bytes:
    """`pixels` is (x, y), stored; `matrix` is index to LPS."""
    columns, rows = pixels.shape
    steps = [length(matrix[:3, 0]), length(matrix[:3, 1])]
    cosines = [*(matrix[:3, 0] / steps[0]), *(matrix[:3, 1] / steps[1])]
    place = matrix[:3, 3] + k * matrix[:3, 2]
    instance = f"{ROOT}.{series}.{k + 1}"

    def us(v: int) -> bytes:
        return struct.pack("<H", v)

    meta = (
        element(2, 1, "OB", b"\0\1")
        + element(2, 2, "UI", CT_IMAGE)
        + element(2, 3, "UI", instance)
        + element(2, 0x10, "UI", EXPLICIT_LITTLE)
        + element(2, 0x12, "UI", f"{ROOT}.1")
    )
    body = [
        element(8, 8, "CS", "ORIGINAL\\PRIMARY\\AXIAL"),
        element(8, 0x16, "UI", CT_IMAGE),
        element(8, 0x18, "UI", instance),
        element(8, 0x20, "DA", "20200102"),
        element(8, 0x30, "TM", "030405"),
        element(8, 0x60, "CS", "CT"),
        element(0x10, 0x10, "PN", "CONFORMANCE"),
        element(0x10, 0x20, "LO", "CONFORMANCE"),
        element(0x18, 0x50, "DS", decimal(SPACING[2])),
        element(0x20, 0xD, "UI", f"{ROOT}.{series}"),
        element(0x20, 0xE, "UI", f"{ROOT}.{series}.0"),
        element(0x20, 0x11, "IS", str(series)),
        element(0x20, 0x13, "IS", str(k + 1)),
        element(0x20, 0x32, "DS", "\\".join(decimal(v) for v in place)),
        element(0x20, 0x37, "DS", "\\".join(decimal(v) for v in cosines)),
        element(0x20, 0x52, "UI", f"{ROOT}.{series}.99"),
        element(0x28, 2, "US", us(1)),
        element(0x28, 4, "CS", "MONOCHROME2"),
        element(0x28, 0x10, "US", us(rows)),
        element(0x28, 0x11, "US", us(columns)),
        # Pixel Spacing: first between rows (along y), then between columns (along x).
        element(0x28, 0x30, "DS", f"{decimal(steps[1])}\\{decimal(steps[0])}"),
        element(0x28, 0x100, "US", us(16)),
        element(0x28, 0x101, "US", us(16)),
        element(0x28, 0x102, "US", us(15)),
        element(0x28, 0x103, "US", us(0)),
        element(0x28, 0x1052, "DS", "-100"),
        element(0x28, 0x1053, "DS", "2"),
        element(0x7FE0, 0x10, "OW", pixels.astype("<u2").tobytes(order="F")),
    ]
    return b"\0" * 128 + b"DICM" + element(2, 0, "UL", struct.pack("<I", len(meta))) + meta + b"".join(body)


def dicom_files(folder: Path) -> list[Expected]:
    """Writes the DICOM series."""
    done: list[Expected] = []
    axial = affine((-1, -1, 1))
    cases = [
        ("dicom_oblique", axial, "four slices, named in another order than they lie in", PLAIN),
        ("dicom_tilted", sheared(axial, 0.9), "four slices of a tilted gantry: each is shifted", [7]),
    ]
    for series, (name, matrix, says, questions) in enumerate(cases, start=1):
        stored = values((5, 7, 4), dtype="uint16")
        (folder / name).mkdir(exist_ok=True)
        for k, file in enumerate(["c", "a", "d", "b"]):
            data = dicom_slice(stored[:, :, k, 0], LPS @ matrix, k, series)
            (folder / name / f"{file}.dcm").write_bytes(data)
        done.append(
            Expected(
                name,
                "dicom",
                says + "; values are 2 times what is stored, minus 100",
                questions,
                stored.astype("int32") * 2 - 100,
                matrix,
                TEXT_HEADER,
                # A series of slices does not say on which axis of an array the slices lie.
                axis_order_free=True,
            )
        )
    return done


# ------------------------------------------------------------------------------------- OME-Zarr


def ome_zarr_files(folder: Path) -> list[Expected]:
    """Writes the OME-Zarr image."""
    name = "ome_zarr_04.zarr"
    v = values(dtype="uint16")
    root = folder / name
    (root / "0" / "0" / "0").mkdir(parents=True, exist_ok=True)

    def put(path: Path, document: dict[str, Any]) -> None:
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")

    steps = [
        {"type": "scale", "scale": [2.3, 1.1, 0.7]},
        {"type": "translation", "translation": [48.3, 12.9, -31.7]},
    ]
    axes = [{"name": n, "type": "space", "unit": "millimeter"} for n in "zyx"]
    scales = {
        "version": "0.4",
        "name": "conformance",
        "axes": axes,
        "datasets": [{"path": "0", "coordinateTransformations": steps}],
    }
    put(root / ".zgroup", {"zarr_format": 2})
    put(root / ".zattrs", {"multiscales": [scales]})
    zarray = {
        "zarr_format": 2,
        "shape": [9, 7, 5],
        "chunks": [9, 7, 5],
        "dtype": "<u2",
        "order": "C",
        "compressor": None,
        "filters": None,
        "fill_value": 0,
        "dimension_separator": "/",
    }
    put(root / "0" / ".zarray", zarray)
    body = np.ascontiguousarray(v[..., 0].T).astype("<u2").tobytes()
    (root / "0" / "0" / "0" / "0").write_bytes(body)
    matrix = np.diag([*SPACING, 1.0])
    matrix[:3, 3] = ORIGIN
    says = "version 0.4, scale and translation in mm; the format does not say which way x, y and z point"
    return [Expected(name, "ome-zarr", says, [1, 2, 4], v, matrix, TEXT_HEADER, frame=None)]


def write_all(folder: Path) -> list[str]:
    """Writes every file and its answers; gives their names."""
    folder.mkdir(parents=True, exist_ok=True)
    done = nifti_files(folder) + nrrd_files(folder) + metaimage_files(folder)
    done += dicom_files(folder) + ome_zarr_files(folder)
    for expected in done:
        expected.write(folder)
    return [expected.name for expected in done]


if __name__ == "__main__":
    where = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "files"
    print(f"{len(write_all(where))} files in {where}")
