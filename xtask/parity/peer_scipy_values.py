"""SciPy's answers: components of every label, holes, medians; numpy's percentiles."""

from __future__ import annotations

import numpy as np
import scipy
from scipy import ndimage

import values_volumes as vv
import volumes
from casebook import EXACT, Casebook


def _sizes(mask: np.ndarray, connectivity: int) -> tuple[np.ndarray, np.ndarray]:
    """The component of each voxel, and the voxels of each component (0 of the background)."""
    found, _ = ndimage.label(mask, ndimage.generate_binary_structure(3, connectivity))
    sizes = np.bincount(found.ravel())
    sizes[0] = 0
    return found, sizes


def small(book: Casebook) -> None:
    """Pieces of each label, which MONAI does not measure."""
    for connectivity in (1, 2, 3):
        for shape, affine, least in zip("abc", ["sheared", "lps", "oblique"], [4, 9, 20]):
            volume = vv.speckled(shape, affine, share=0.3)
            data = volume.data.copy()
            voxel = abs(np.linalg.det(volume.affine[:3, :3]))
            for label in range(1, 5):
                found, sizes = _sizes(volume.data[0] == label, connectivity)
                data[0][(found > 0) & (sizes < least)[found]] = 0
            for p in [{"min_size_voxels": least}, {"min_size_mm3": float((least - 0.5) * voxel)}]:
                book.add(f"small/{shape}-{connectivity}-{list(p)[0]}", "label", volume,
                         [{"remove_small_objects": {**p, "connectivity": connectivity}}], (data, volume.affine), EXACT)


def channels(book: Casebook) -> None:
    """Objects of one-hot maps, which MONAI joins through neighbouring channels: by themselves, and taken together."""
    for volume in [vv.overlapping("a", "oblique", 3), vv.overlapping("b", "sheared", 4, 0.2),
                   vv.one_hot(vv.speckled("c", "pir", labels=3, share=0.3))]:
        for connectivity in (1, 2, 3):
            named = [1, 2] if connectivity == 2 else list(range(volume.channels))
            apart, together = volume.data.copy(), volume.data.copy()
            for channel in named:
                found, sizes = _sizes(volume.data[channel] > 0, connectivity)
                apart[channel][(found > 0) & (sizes < 6)[found]] = 0
            # With the background among them every voxel would be of one object.
            region = named if "overlapping" in volume.name else [1, 3]
            found, sizes = _sizes((volume.data[region] > 0).any(0), connectivity)
            for channel in region:
                together[channel][(found > 0) & (sizes < 6)[found]] = 0
            p = {"min_size_voxels": 6, "connectivity": connectivity}
            for name, labels, data in [("apart", named, apart), ("together", region, together)]:
                more = {"independent": name == "apart"}
                if len(labels) < volume.channels:
                    more["applied_labels"] = labels
                book.add(f"small-channels/{volume.name}-{connectivity}-{name}", "label", volume,
                         [{"remove_small_objects": {**p, **more}}], (data, volume.affine), EXACT)


def largest(book: Casebook) -> None:
    for connectivity in (1, 2, 3):
        for shape, affine, share in zip("abc", ["oblique", "pir", "mirrored"], [0.1, 0.2, 0.3]):
            volume = vv.speckled(shape, affine, labels=2, share=share)
            data = volume.data.copy()
            for label in (1, 2):
                found, sizes = _sizes(volume.data[0] == label, connectivity)
                if (sizes == sizes.max()).sum() > 1:
                    raise ValueError(f"{volume.name}: components of equal size")
                data[0][(found > 0) & (found != sizes.argmax())] = 0
            book.add(f"largest/{shape}-{connectivity}", "label", volume,
                     [{"keep_largest_connected_component": {"connectivity": connectivity}}], (data, volume.affine), EXACT)


def holes(book: Casebook) -> None:
    for connectivity in (1, 2, 3):
        for volume in [vv.hollow("b", "oblique"), vv.speckled("a", "lps", labels=1, share=0.3)]:
            data = volume.data.copy()
            structure = ndimage.generate_binary_structure(3, connectivity)
            for label in [1, 2, 3]:
                data[0][ndimage.binary_fill_holes(data[0] == label, structure)] = label
            book.add(f"holes/{volume.name}-{connectivity}", "binary_fill_holes", volume,
                     [{"fill_holes": {"connectivity": connectivity}}], (data, volume.affine), EXACT)


def medians(book: Casebook) -> None:
    for name, radius, volume in [("axes", [1, 2, 0], volumes.full("b", "pir")), ("int16", [1, 1, 1], volumes.ct("a", "lps"))]:
        size = [2 * r + 1 for r in radius]
        data = ndimage.median_filter(volume.data[0], size=size, mode="nearest")[None]
        book.add(f"median/{name}", "median_filter", volume, [{"median_smooth": {"radius": radius}}],
                 (data, volume.affine), EXACT)


def percentiles(book: Casebook) -> None:
    for volume in [volumes.full("a", "oblique"), volumes.ct("b", "lps"), volumes.image("c", "pir", 3)]:
        low, high = np.percentile(volume.data.astype(np.float64), [2.5, 96.0])
        clipped = np.clip(volume.data.astype(np.float64), low, high)
        book.add(f"percentiles/clip-{volume.name}", "percentile", volume,
                 [{"clip_intensity_percentiles": {"lower": 2.5, "upper": 96.0}}], (clipped, volume.affine),
                 vv.fitted(clipped, volume, 1e-6))
        exact = (clipped - low) / (high - low) * 255
        bits = np.round(exact).astype(np.uint8)
        # Halfway between two numbers the last digit of the arithmetic decides.
        sure = (np.abs(exact - np.floor(exact) - 0.5) > 1e-4).all(axis=0)
        book.add(f"percentiles/8bit-{volume.name}", "percentile", volume,
                 [{"rescale_to_8bit": {"lower": 2.5, "upper": 96.0}}], (bits, volume.affine), EXACT,
                 mask=sure)


def record() -> Casebook:
    book = Casebook("scipy_values", scipy.__version__, {"scipy": scipy.__version__})
    for part in [small, largest, holes, medians, percentiles, channels]:
        part(book)
    return book
