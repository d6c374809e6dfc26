"""``afanasy up``: a whole farm on one machine, in the foreground of a terminal."""
