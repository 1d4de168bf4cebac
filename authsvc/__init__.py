"""authsvc: the sign-in and trust service of an online shop. Start reading at app.py."""

import os

# numpy's algebra (OpenBLAS) takes a thread for each core and lets them spin for one another, which for matrices as
# small as ours only costs: a 128 x 128 QR took 2.7 ms of processor time on one thread and 252 ms on two busy cores. It
# is read when numpy is first imported, so here; who trains on large data may set another number.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
