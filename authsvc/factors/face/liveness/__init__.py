"""Is this a face, or a picture of one held to the camera: from single frames (texture, detail, colour) and motion."""
