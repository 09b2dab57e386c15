"""``python -m revoxel`` is the program ``revoxel``."""

from revoxel._cli import main

main()
