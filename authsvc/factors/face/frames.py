"""Moved to pipeline/decode.py; the names stay here until service.py asks there."""

from authsvc.factors.face.measured import UInt8Array as RgbImage
from authsvc.factors.face.pipeline.decode import FrameBounds, check_frames, decode, read_size
from authsvc.factors.face.pipeline.jpeg_header import NotAnImage

__all__ = ["FrameBounds", "NotAnImage", "RgbImage", "check_frames", "decode", "read_size"]
