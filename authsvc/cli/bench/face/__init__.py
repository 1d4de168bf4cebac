"""Face captures: what one costs beside plain face_recognition, what a worker's memory does, what fifty at once do."""
