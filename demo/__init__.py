"""`make run`: a farm of one server and two renders on this machine renders a small movie."""
