"""What the peers call their transforms: the names that users look for."""

from __future__ import annotations

import inspect
from importlib.metadata import version

import nnunetv2.preprocessing.normalization.default_normalization_schemes as nnunet
import torchio as tio
from monai import transforms as mt

from casebook import Casebook


def record() -> Casebook:
    versions = {name: version(name) for name in ["monai", "torchio", "nnunetv2"]}
    book = Casebook("names", "", versions)
    book.label = ", ".join(f"{name} {number}" for name, number in versions.items())

    def monai(module: str) -> list[str]:
        classes = {one for one in vars(mt).values() if inspect.isclass(one) and issubclass(one, mt.MapTransform)}
        names = {one.__name__ for one in classes if one.__module__.split(".")[2] == module}
        # The same class has several names: those with a small d are written in configurations.
        return sorted(name for name in names if name.endswith("d"))

    rows = [("MONAI", module, monai(module)) for module in ["spatial", "croppad", "intensity", "post"]]
    classes = [one for one in vars(tio.transforms).values() if inspect.isclass(one)]
    rows.append(("TorchIO", "preprocessing", sorted({one.__name__ for one in classes if ".preprocessing." in one.__module__}
                                                    - {"LabelTransform"})))
    schemes = [one for one in vars(nnunet).values() if inspect.isclass(one) and one.__module__ == nnunet.__name__]
    rows.append(("nnU-Net", "normalization", sorted(one.__name__ for one in schemes if not inspect.isabstract(one))))
    book.lists["names"] = [{"peer": peer, "of": of, "names": names} for peer, of, names in rows]
    return book
