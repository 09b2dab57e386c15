"""Reads back what revoxel writes, with the programs that people use.

    python xtask/readback/check.py target/release/revoxel

Makes oblique, mirrored volumes of several voxel types with nibabel, lets `revoxel convert` write them in every
format, and reads them with SimpleITK, nibabel and pynrrd (Python packages) and with unu, nifti_tool and mrinfo
(command-line programs, skipped where they are not installed). Geometry must agree to 1e-5 mm (the programs print few
digits: 1e-3 there), voxels exactly. Lets `revoxel run` write a label map with names and without: readers must see the
same volume, and an XML parser and pynrrd the names. Ends with 1 where something differs.
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

import nibabel
import nrrd
import numpy as np
import SimpleITK as sitk

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
NAMES = ["a.nii", "a.nii.gz", "a.hdr", "a.nrrd", "a.nhdr", "a.mha", "a.mhd"]
# Debian's name, or everybody's.
UNU = "teem-unu" if shutil.which("teem-unu") else "unu"
DTYPES = ["uint8", "int16", "uint16", "int32", "float32", "float64"]


def rotation():
    """A rotation about all axes."""
    product = np.eye(3)
    for axis, angle in enumerate([0.2, -0.3, 0.5]):
        turn, (a, b) = np.eye(3), ((axis + 1) % 3, (axis + 2) % 3)
        turn[a, a] = turn[b, b] = np.cos(angle)
        turn[a, b], turn[b, a] = -np.sin(angle), np.sin(angle)
        product = product @ turn
    return product


def volume(dtype, mirrored):
    """Voxels and an affine (RAS) whose 32-bit form is exact."""
    rng = np.random.default_rng(5)
    values = (rng.random((11, 9, 7)) * 200 + np.arange(11)[:, None, None]).astype(dtype)
    affine = np.eye(4)
    affine[:3, :3] = rotation() @ np.diag([-0.8 if mirrored else 0.8, 1.25, 2.5])
    affine[:3, 3] = [12.5, -30.25, 40.75]
    return values, affine.astype(np.float32).astype(np.float64)


def itk(path):
    """What SimpleITK reads."""
    image = sitk.ReadImage(str(path))
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) @ np.diag(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    return sitk.GetArrayFromImage(image).T, LPS @ affine


def nifti(path):
    """What nibabel reads."""
    image = nibabel.load(str(path))
    return np.asarray(image.dataobj), image.affine


def teem(path):
    """What pynrrd reads."""
    values, header = nrrd.read(str(path), index_order="F")
    affine = np.eye(4)
    affine[:3, :3] = header["space directions"].T
    affine[:3, 3] = header["space origin"]
    return values, LPS @ affine if header["space"].startswith("left") else affine


def unu(path):
    """Shape and spacing by `unu head`."""
    text = subprocess.run([UNU, "head", str(path)], capture_output=True, text=True, check=True).stdout
    sizes = [int(n) for n in re.search(r"sizes: (.*)", text)[1].split()]
    vectors = re.search(r"space directions: (.*)", text)[1]
    columns = np.array([[float(n) for n in v.split(",")] for v in re.findall(r"\(([^)]*)\)", vectors)]).T
    origin = [float(n) for n in re.search(r"space origin: \(([^)]*)\)", text)[1].split(",")]
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = columns, origin
    return sizes, LPS @ affine


def nifti_tool(path):
    """Shape and sform by `nifti_tool -disp_hdr`."""
    text = subprocess.run(["nifti_tool", "-disp_hdr", "-infiles", str(path)], capture_output=True, text=True, check=True).stdout
    field = lambda name: [float(n) for n in re.search(rf"{name}\s+\d+\s+\d+\s+(.*)", text)[1].split()]
    affine = np.array([field("srow_x"), field("srow_y"), field("srow_z"), [0, 0, 0, 1]])
    return [int(n) for n in field("dim")[1:4]], affine


def mrinfo(path):
    """Shape and transform by `mrinfo`, which may reorder axes: only corners are compared."""
    path = path.with_suffix(".img") if path.suffix == ".hdr" else path
    run = lambda flag: subprocess.run(["mrinfo", "-quiet", flag, str(path)], capture_output=True, text=True, check=True).stdout
    sizes = [int(n) for n in run("-size").split()]
    spacing = [float(n) for n in run("-spacing").split()]
    transform = np.array([[float(n) for n in line.split()] for line in run("-transform").strip().splitlines()])
    return sizes, transform @ np.diag([*spacing, 1.0])


def corners(shape, affine):
    """World positions of the corner voxels, in an order that does not depend on that of the axes."""
    index = np.array(np.meshgrid(*[[0, n - 1] for n in shape], indexing="ij")).reshape(3, -1)
    world = (affine[:3, :3] @ index).T + affine[:3, 3]
    return world[np.lexsort(np.round(world, 2).T)]


LABELS = {1: "liver", 2: "left lung & <x> ]]> Größe", 40: "aorta"}
PIPELINE = """version: 1
inputs:
  label: {{ kind: label, path: "{{case}}.nii", labels: {labels} }}
steps: []
outputs:
  label: {{ path: "{{case}}/{name}" }}
trace: "{{case}}/trace.json"
"""


def names_in(path):
    """The names of labels, as TotalSegmentator finds them in NIfTI and slicerio in NRRD."""
    if path.name.endswith("nrrd"):
        header, names, number = nrrd.read_header(str(path)), {}, 0
        while f"Segment{number}_ID" in header:
            field = lambda key: header[f"Segment{number}_{key}"]
            extent, color = [int(n) for n in field("Extent").split()], [float(n) for n in field("Color").split()]
            tags = [tag.split(":", maxsplit=1) for tag in field("Tags").split("|") if tag.strip()]
            assert (len(extent), len(color), int(field("Layer")), tags) == (6, 3, 0, [])
            names[int(field("LabelValue"))] = field("Name")
            number += 1
        return names
    extensions = nibabel.load(str(path)).header.extensions
    if not extensions:
        return {}
    # Workbench looks for code 30.
    assert [e.get_code() for e in extensions] == [0, 30] and extensions[0].content == extensions[1].content
    root = xml.fromstring(extensions[0].get_content())
    labels = root.find("VolumeInformation").find("LabelTable").iter("Label")
    return {int(label.get("Key")): label.text for label in labels}


def named(program, folder):
    """Label maps with names and without: how many readings, and what is wrong."""
    wrong, done = [], 0
    values, affine = volume("uint8", True)
    values = np.choose(values % 4, [0, 1, 2, 40]).astype(np.uint8)
    image = nibabel.Nifti1Image(values, affine)
    image.set_sform(affine, 1)
    image.set_qform(affine, 1)
    nibabel.save(image, folder / "case.nii")
    pipeline = folder / "p.yaml"
    with_names = json.dumps({name: label for label, name in LABELS.items()})
    for name in ["l.nii", "l.nii.gz", "l.hdr", "l.seg.nrrd"]:
        found = {}
        for out, labels, expected in [("plain", "[1, 2, 40]", {}), ("named", with_names, LABELS)]:
            pipeline.write_text(PIPELINE.format(labels=labels, name=name))
            arguments = ["run", str(pipeline), "--data", str(folder), "--out", str(folder / out), "--overwrite"]
            subprocess.run([program, *arguments], check=True, capture_output=True)
            path = folder / out / "case" / name
            is_nrrd = name.endswith("nrrd")
            readers = [("SimpleITK", itk), ("pynrrd", teem) if is_nrrd else ("nibabel", nifti)]
            found[out] = [(reader, *read(path)) for reader, read in readers]
            done += len(readers) + 1
            # pynrrd leaves out what is not ASCII.
            ascii_only = {label: text.encode("ascii", "ignore").decode() for label, text in expected.items()}
            if (names := names_in(path)) != (ascii_only if is_nrrd else expected):
                wrong.append(f"{out}/{name}: names {names}")
        for (reader, voxels, place), (_, theirs, there) in zip(found["plain"], found["named"]):
            if not np.array_equal(voxels, theirs) or not np.array_equal(voxels, values) or not np.array_equal(place, there):
                wrong.append(f"{name} by {reader}: another volume where it has names")
    return done, wrong


def main(program):
    """Checks everything; the number of differences."""
    wrong, done, skipped = [], 0, set()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for dtype in DTYPES:
            for mirrored in [False, True]:
                values, affine = volume(dtype, mirrored)
                source = folder / f"{dtype}-{mirrored}.nii"
                image = nibabel.Nifti1Image(values, affine)
                image.set_sform(affine, 1)
                image.set_qform(affine, 1)
                nibabel.save(image, source)
                for name in NAMES:
                    path = folder / f"{dtype}-{mirrored}-{name}"
                    subprocess.run([program, "convert", str(source), str(path)], check=True, capture_output=True)
                    is_nifti, is_nrrd = ".nii" in name or name.endswith(".hdr"), name.endswith(("nrrd", "nhdr"))
                    readers = [("SimpleITK", itk)] + [("nibabel", nifti)] * is_nifti + [("pynrrd", teem)] * is_nrrd
                    for reader, read in readers:
                        theirs, place = read(path)
                        same = theirs.dtype == values.dtype and np.array_equal(theirs, values)
                        # SimpleITK computes NIfTI geometry in single precision.
                        far = np.abs(corners(values.shape, place) - corners(values.shape, affine)).max()
                        done += 1
                        if not same or far > 1e-4:
                            wrong.append(f"{path.name} by {reader}: voxels {'equal' if same else 'DIFFER'}, corners {far:.2g} mm apart")
                    programs = [(UNU, unu)] * is_nrrd + [("nifti_tool", nifti_tool)] * is_nifti
                    programs += [("mrinfo", mrinfo)] * (is_nifti or name.endswith("mhd"))
                    for reader, read in programs:
                        if name.endswith("mhd") or not shutil.which(reader):
                            skipped.add(reader) if not shutil.which(reader) else None
                            continue
                        sizes, place = read(path)
                        far = np.abs(corners(sizes, place) - corners(values.shape, affine)).max()
                        done += 1
                        if sorted(sizes) != sorted(values.shape) or far > 1e-3:
                            wrong.append(f"{path.name} by {reader}: shape {sizes}, corners {far:.2g} mm apart")
    with tempfile.TemporaryDirectory() as folder:
        more, problems = named(program, pathlib.Path(folder))
        done, wrong = done + more, wrong + problems
    for problem in wrong:
        print(problem)
    if skipped:
        print("not installed, skipped:", ", ".join(sorted(skipped)))
    print(f"{done} readings, {len(wrong)} differences")
    return len(wrong)


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1]) else 0)
