"""The ROS 2 node: the only part of the package that imports rclpy.

Its modules about pixels and intrinsics (``image_decoding``, ``compressed_image``, ``depth_image``,
``camera_info``, ``image_clock``, ``worker``) work on anything with the fields of the message and
import nothing of ROS.
"""
