"""People in three dimensions from a camera topic: SMPL bodies, joint TFs, meshes.

The package is one directory in the source tree and, after ``colcon build``, a second one that
holds the generated messages; ``extend_path`` joins the two so that ``hmr_ros.msg`` is found from
either place. Importing this module loads nothing else.
"""

from pkgutil import extend_path

__path__ = extend_path(__path__, __name__)
__version__ = "0.1.0"
