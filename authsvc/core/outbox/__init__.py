"""Things to do after a transaction has committed: written with it, done by a worker, tried again until done."""
